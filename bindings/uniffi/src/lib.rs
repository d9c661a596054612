//! The core behind bytes and numbers: what the Python wheel and the Kotlin library carry.
//!
//! It is private to those packages. No policy is in it; it only unpacks a [`request::Request`],
//! calls the core and gives back a number or a text.

mod request;
mod upstream;

use std::sync::Arc;

use holdoff::{Decision, ErrorBody, Explanation, FailureClass, SupportReport};

use request::Request;
pub use upstream::Upstream;

uniffi::setup_scaffolding!();

/// A loaded policy.
#[derive(Debug, uniffi::Object)]
pub struct Policy(holdoff::Policy);

#[uniffi::export]
impl Policy {
    /// The policy that a JSON document describes.
    #[uniffi::constructor]
    pub fn from_json(document: &str) -> Result<Arc<Self>, PolicyError> {
        wrap(holdoff::Policy::from_json(document))
    }

    /// The policy that ships under `name`.
    #[uniffi::constructor]
    pub fn preset(name: &str) -> Result<Arc<Self>, PolicyError> {
        wrap(holdoff::Policy::preset(name))
    }

    /// The decision as its bits; 0 where the request is not packed as it should be.
    pub fn decide(&self, request: &[u8]) -> u64 {
        Request::unpack(request).map_or(0, |request| {
            self.0.decide(&request.failure, &request.call).to_bits()
        })
    }

    /// The decision with the steps that led to it; nothing where the request is not packed as it
    /// should be.
    pub fn explain(&self, request: &[u8]) -> Option<ExplanationParts> {
        let Request { failure, call } = Request::unpack(request)?;
        Some(explanation_parts(&self.0.explain(&failure, &call)))
    }

    /// What a person should do; empty where `bits` are no decision's.
    pub fn advice(&self, bits: u64) -> String {
        Decision::from_bits(bits).map_or_else(String::new, |d| self.0.advice(d).into())
    }

    /// The policy's name.
    pub fn name(&self) -> String {
        self.0.name().into()
    }

    /// One sentence on what the policy is for.
    pub fn description(&self) -> String {
        self.0.description().into()
    }

    /// The names of the headers that a decision reads, in lower case.
    pub fn headers(&self) -> Vec<String> {
        self.0.headers().map(String::from).collect()
    }

    /// Whether a decision looks into the response body.
    pub fn reads_body(&self) -> bool {
        self.0.reads_body()
    }

    /// The request header in which the policy asks for an idempotency key.
    pub fn idempotency_key_header(&self) -> Option<String> {
        self.0.idempotency_key_header().map(String::from)
    }

    /// The policy as a JSON document with every default spelt out.
    pub fn to_json(&self) -> String {
        self.0.to_json()
    }
}

fn explanation_parts(explanation: &Explanation) -> ExplanationParts {
    let steps = explanation.steps.iter().map(|step| StepParts {
        topic: step.topic.name().into(),
        text: step.text.clone(),
    });
    ExplanationParts {
        decision: explanation.decision.to_bits(),
        steps: steps.collect(),
        text: explanation.to_string(),
    }
}

fn wrap(policy: Result<holdoff::Policy, holdoff::PolicyError>) -> Result<Arc<Policy>, PolicyError> {
    match policy {
        Ok(policy) => Ok(Arc::new(Policy(policy))),
        Err(error) => Err(PolicyError::Invalid {
            reason: error.to_string(),
        }),
    }
}

/// What is wrong with a policy document.
#[derive(Debug, uniffi::Error)]
#[uniffi(flat_error)]
pub enum PolicyError {
    /// The sentence that says where and what.
    Invalid {
        /// The sentence.
        reason: String,
    },
}

impl std::fmt::Display for PolicyError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self::Invalid { reason } = self;
        f.write_str(reason)
    }
}

impl std::error::Error for PolicyError {}

/// The parts of an explanation.
#[derive(Debug, uniffi::Record)]
pub struct ExplanationParts {
    /// The decision's bits.
    pub decision: u64,
    /// The steps that led to it, in order.
    pub steps: Vec<StepParts>,
    /// All of it as text.
    pub text: String,
}

/// A step of an explanation.
#[derive(Debug, uniffi::Record)]
pub struct StepParts {
    /// What it is about.
    pub topic: String,
    /// What was found.
    pub text: String,
}

/// What an error body says.
#[derive(Debug, uniffi::Record)]
pub struct ErrorParts {
    /// `message`.
    pub message: Option<String>,
    /// `type`.
    pub kind: Option<String>,
    /// `code`.
    pub code: Option<String>,
    /// `param`.
    pub param: Option<String>,
    /// `class`, by its code.
    pub failure_class: Option<u8>,
}

/// The error in a response's body, if there is one.
#[uniffi::export]
pub fn parse_error(body: &[u8]) -> Option<ErrorParts> {
    let ErrorBody {
        message,
        kind,
        code,
        param,
        class,
    } = ErrorBody::parse(body)?;
    Some(ErrorParts {
        message,
        kind,
        code,
        param,
        failure_class: class.map(FailureClass::code),
    })
}

/// A support report: its facts, and both of its forms.
#[derive(Debug, uniffi::Record)]
pub struct ReportParts {
    /// `timestamp`.
    pub timestamp: Option<String>,
    /// `request_id`.
    pub request_id: Option<String>,
    /// `failure`.
    pub failure: String,
    /// `error_code`.
    pub error_code: Option<String>,
    /// `body`.
    pub body: Option<String>,
    /// `endpoint`.
    pub endpoint: Option<String>,
    /// As text, ready to paste in a mail.
    pub text: String,
    /// As a JSON object.
    pub json: String,
}

/// The report of the failure in a packed request, of a call to `endpoint`.
#[uniffi::export]
pub fn support_report(request: &[u8], endpoint: Option<String>) -> Option<ReportParts> {
    let Request { failure, call } = Request::unpack(request)?;
    let report = SupportReport::new(&failure, call.now_ms, endpoint.as_deref());
    Some(ReportParts {
        text: report.to_string(),
        json: report.to_json(),
        timestamp: report.timestamp,
        request_id: report.request_id,
        failure: report.failure,
        error_code: report.error_code,
        body: report.body,
        endpoint: report.endpoint,
    })
}

/// The headers that carry a request id.
#[uniffi::export]
pub fn request_id_headers() -> Vec<String> {
    holdoff::REQUEST_ID_HEADERS.map(String::from).to_vec()
}

/// The names of all presets.
#[uniffi::export]
pub fn preset_names() -> Vec<String> {
    holdoff::PRESET_NAMES.map(String::from).to_vec()
}

/// A seed from the platform's entropy. Where the platform gives none, 0, which is as good as any
/// for one call but the same for all.
#[uniffi::export]
pub fn fresh_seed() -> u64 {
    getrandom::u64().unwrap_or(0)
}
