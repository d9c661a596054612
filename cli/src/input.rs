//! What is decided on: a failure and its call, from one line of a batch or from a response and the
//! options.

use std::borrow::Cow;
use std::collections::BTreeMap;

use holdoff::{Call, Code, Draw, Failure, Headers, Phase, TransportKind, from_rfc3339};
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::Result;
use crate::options::{Options, names};
use crate::response::Response;

/// A line of a batch: its fields as they are written, so that bodies and policies reach the core
/// unchanged and numbers with all their digits.
pub(crate) type Line = BTreeMap<String, Box<RawValue>>;

/// The fields of a line.
pub(crate) fn parse_line(line: &[u8]) -> Result<Line> {
    serde_json::from_slice(line).map_err(|error| format!("not a JSON object: {error}"))
}

/// A failure and its call, owned.
#[derive(Debug)]
pub(crate) struct Input {
    outcome: Outcome,
    call: Call<'static>,
    method: Option<String>,
    /// The seed, where it was drawn here and should be shown.
    pub fresh_seed: Option<u64>,
}

#[derive(Debug)]
enum Outcome {
    Response(Response),
    Transport(TransportKind, Phase),
}

impl Input {
    /// The failure that `response` is; the options' transport failure where there is none.
    pub(crate) fn new(response: Option<Response>, options: &Options) -> Result<Self> {
        let facts = &options.facts;
        let outcome = match (response, facts.transport) {
            (Some(response), _) => Outcome::Response(response),
            (None, Some(kind)) => {
                Outcome::Transport(kind, facts.phase.unwrap_or(kind.usual_phase()))
            }
            (None, None) => return Err("missing `status` or `transport`".into()),
        };
        let (draw, fresh_seed) = match (options.draw, options.seed) {
            (Some(draw), _) => (draw, None),
            (None, Some(seed)) => (Draw::Seed(seed), None),
            (None, None) => {
                let seed = fresh_seed()?;
                (Draw::Seed(seed), Some(seed))
            }
        };
        let call = Call {
            draw,
            now_ms: facts.now,
            elapsed_ms: facts.elapsed_ms,
            deadline_ms: facts.deadline_ms,
            max_retries: facts.max_retries,
            idempotent: facts.idempotent.map(bool::from),
            replayable: facts.replayable.map(bool::from),
            delivered: facts.delivered.map(bool::from),
            ..Call::new(facts.attempt, 0)
        };
        Ok(Self {
            outcome,
            call,
            method: facts.method.clone(),
            fresh_seed,
        })
    }

    /// The failure that a line of a batch describes; what it does not say is taken from `options`.
    pub(crate) fn from_line(line: &Line, options: &Options) -> Result<Self> {
        let fields = Fields(line);
        let mut options = options.clone();
        let number = |name| fields.number(name, u64::MAX);
        let count = |name| -> Result<Option<u32>> {
            let number = fields.number(name, u32::MAX.into())?;
            Ok(number.and_then(|number| u32::try_from(number).ok()))
        };
        let facts = &mut options.facts;
        facts.attempt = count("attempt")?.unwrap_or(facts.attempt);
        facts.max_retries = count("max_retries")?.or(facts.max_retries);
        facts.elapsed_ms = number("elapsed_ms")?.or(facts.elapsed_ms);
        facts.deadline_ms = number("deadline_ms")?.or(facts.deadline_ms);
        facts.now = fields.now()?.or(facts.now);
        // A line's own seed or draw takes the place of either option.
        (options.seed, options.draw) = match (fields.seed()?, fields.draw()?) {
            (None, None) => (options.seed, options.draw),
            of_line => of_line,
        };
        facts.method = fields.text("method")?.or(facts.method.take());
        facts.idempotent = fields.fact("idempotent")?.or(facts.idempotent);
        facts.replayable = fields.fact("replayable")?.or(facts.replayable);
        facts.delivered = fields.fact("delivered")?.or(facts.delivered);
        facts.transport = fields.transport()?.or(facts.transport);
        facts.phase = fields.phase()?.or(facts.phase);
        let headers = fields.headers()?;
        let body = fields.body();
        let response = fields
            .number("status", u16::MAX.into())?
            .map(|status| Response {
                status: u16::try_from(status).unwrap_or(u16::MAX),
                headers,
                body,
            });
        Self::new(response, &options)
    }

    /// Runs `with` on the failure and the call, borrowed as the core takes them.
    pub(crate) fn with<T>(&self, with: impl FnOnce(&Failure<'_>, &Call<'_>) -> T) -> T {
        let call = Call {
            method: self.method.as_deref(),
            ..self.call
        };
        match &self.outcome {
            Outcome::Transport(kind, phase) => with(&Failure::Transport(*kind, *phase), &call),
            Outcome::Response(Response {
                status,
                headers,
                body,
            }) => {
                let pairs: Vec<_> = headers
                    .iter()
                    .map(|(n, v)| (n.as_str(), v.as_str()))
                    .collect();
                let headers = Headers::Pairs(&pairs);
                with(
                    &Failure::Response {
                        status: *status,
                        headers,
                        body,
                    },
                    &call,
                )
            }
        }
    }

    /// The attempt that failed.
    pub(crate) fn attempt(&self) -> u32 {
        self.call.attempt
    }

    /// When the response came.
    pub(crate) fn now_ms(&self) -> Option<u64> {
        self.call.now_ms
    }

    /// The response's body; empty where no response came.
    pub(crate) fn body(&self) -> &[u8] {
        match &self.outcome {
            Outcome::Response(response) => &response.body,
            Outcome::Transport(..) => &[],
        }
    }
}

/// A seed from the platform's entropy, small enough that every JSON reader keeps it exactly.
fn fresh_seed() -> Result<u64> {
    const UNUSED_BITS: u32 = 64 - 53;
    getrandom::u64()
        .map(|seed| seed >> UNUSED_BITS)
        .map_err(|error| format!("the system gives no entropy ({error}): give --seed"))
}

/// The fields of a batch line, besides `policy`.
pub(crate) const LINE_FIELDS: [&str; 16] = [
    "status",
    "headers",
    "body",
    "transport",
    "phase",
    "attempt",
    "seed",
    "draw",
    "now",
    "elapsed_ms",
    "deadline_ms",
    "max_retries",
    "method",
    "idempotent",
    "replayable",
    "delivered",
];

/// Reads the fields of a line, where null is the same as absent.
struct Fields<'l>(&'l Line);

impl Fields<'_> {
    fn get(&self, name: &str) -> Option<&str> {
        debug_assert!(LINE_FIELDS.contains(&name), "{name}");
        let value = self.0.get(name)?.get();
        (value != "null").then_some(value)
    }

    /// What `read` makes of a field; an error that says what is `expected` where it makes nothing.
    fn read<T>(
        &self,
        name: &str,
        expected: &str,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>> {
        let Some(value) = self.get(name) else {
            return Ok(None);
        };
        let shown: String = value.chars().take(60).collect();
        read(value)
            .map(Some)
            .ok_or_else(|| format!("{name}: `{shown}` is not {expected}"))
    }

    fn number(&self, name: &str, most: u64) -> Result<Option<u64>> {
        let expected = format!("a whole number from 0 to {most}");
        self.read(name, &expected, |json| {
            parse::<u64>(json).filter(|&number| number <= most)
        })
    }

    fn text(&self, name: &str) -> Result<Option<String>> {
        self.read(name, "a text", parse)
    }

    fn fact(&self, name: &str) -> Result<Option<crate::options::YesNo>> {
        use crate::options::YesNo::{No, Yes};
        self.read(name, "true or false", |json| {
            Some(if parse::<bool>(json)? { Yes } else { No })
        })
    }

    fn seed(&self) -> Result<Option<u64>> {
        // As text too: JSON numbers beyond 2^53 don't survive many programs.
        let expected = "a whole number from 0 to 18446744073709551615";
        self.read("seed", expected, |json| {
            parse(json).or_else(|| parse::<String>(json)?.parse().ok())
        })
    }

    fn draw(&self) -> Result<Option<Draw>> {
        let expected = "a number from 0 up to but not including 1";
        // To the last bit, which serde_json's own reading is not.
        self.read("draw", expected, |json| {
            Draw::from_fraction(json.parse().ok()?)
        })
    }

    fn now(&self) -> Result<Option<u64>> {
        self.read("now", "a time such as 2026-01-15T12:00:00Z", |json| {
            from_rfc3339(&parse::<String>(json)?)
        })
    }

    fn transport(&self) -> Result<Option<TransportKind>> {
        let read = |json: &str| TransportKind::from_name(&parse::<String>(json)?);
        self.read("transport", &one_of(TransportKind::TABLE), read)
    }

    fn phase(&self) -> Result<Option<Phase>> {
        self.read("phase", &one_of(Phase::TABLE), |json| {
            Phase::from_name(&parse::<String>(json)?)
        })
    }

    fn headers(&self) -> Result<Vec<(String, String)>> {
        let expected = "an object of header names and values";
        let Some(object) = self.read("headers", expected, parse::<Map<_, _>>)? else {
            return Ok(Vec::new());
        };
        let mut headers = Vec::new();
        for (name, value) in &object {
            let lines = match value {
                Value::Array(lines) => lines.as_slice(),
                Value::Null => &[],
                line => core::slice::from_ref(line),
            };
            for line in lines {
                headers.push((name.clone(), header_value(name, line)?));
            }
        }
        Ok(headers)
    }

    /// A text, or any other JSON as it is written.
    fn body(&self) -> Vec<u8> {
        let json = self.get("body").unwrap_or("\"\"");
        parse::<String>(json)
            .unwrap_or_else(|| json.into())
            .into_bytes()
    }
}

fn parse<T: DeserializeOwned>(json: &str) -> Option<T> {
    serde_json::from_str(json).ok()
}

fn header_value(name: &str, value: &Value) -> Result<String> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Number(number) => Ok(number.to_string()),
        other => Err(format!(
            "headers.{name}: `{other}` is not a text or a list of texts"
        )),
    }
}

fn one_of(table: &[Code]) -> Cow<'static, str> {
    format!("one of {}", names(table)).into()
}
