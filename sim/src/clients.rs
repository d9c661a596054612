//! The processes that call: holdoff itself, asked as a host asks it.

use holdoff::{
    Admission, Call, Decision, Failure, Headers, Phase, Policy, Ticket, TransportKind, Upstream,
};

use crate::limiter::Left;
use crate::server::Answer;

/// What every process knows of the server, by one policy.
#[derive(Debug)]
pub(crate) struct Clients<'p> {
    policy: &'p Policy,
    /// Made when the process first calls: of a million, many never do.
    upstreams: Vec<Option<Box<Upstream>>>,
}

impl<'p> Clients<'p> {
    pub(crate) fn new(policy: &'p Policy, count: u32) -> Self {
        Self {
            policy,
            upstreams: (0..count).map(|_| None).collect(),
        }
    }

    /// Whether an attempt may be sent now.
    pub(crate) fn admit(&mut self, client: u32, call: &Call<'_>, ticket: Ticket) -> Admission {
        let policy = self.policy;
        self.upstream(client).map_or(Admission::Send, |upstream| {
            upstream.admit(policy, call, ticket)
        })
    }

    /// An attempt succeeded; `after` is the decision that led to it.
    pub(crate) fn succeed(
        &mut self,
        client: u32,
        call: &Call<'_>,
        after: Option<Decision>,
        left: Option<Left>,
    ) {
        let policy = self.policy;
        let Some(upstream) = self.upstream(client) else {
            return;
        };
        match left {
            None => upstream.succeed(policy, call, after, Headers::NONE),
            Some(Left { requests, reset_s }) => {
                let told = format!("\"requests\";r={requests};t={reset_s}");
                let headers = Headers::Pairs(&[("ratelimit", &told)]);
                upstream.succeed(policy, call, after, headers);
            }
        }
    }

    /// An attempt was answered with a failure.
    pub(crate) fn fail(&mut self, client: u32, call: &Call<'_>, answer: Answer) -> Decision {
        let Answer {
            status,
            retry_after_s,
            left: _,
        } = answer;
        let value = retry_after_s.map(|seconds| seconds.to_string());
        let hint = value.as_deref().map(|value| [("retry-after", value)]);
        let headers = hint
            .as_ref()
            .map_or(Headers::NONE, |hint| Headers::Pairs(hint));
        let body = b"";
        self.decide(
            client,
            call,
            &Failure::Response {
                status,
                headers,
                body,
            },
        )
    }

    /// An attempt was not answered in time.
    pub(crate) fn time_out(&mut self, client: u32, call: &Call<'_>) -> Decision {
        let failure = Failure::Transport(TransportKind::Timeout, Phase::Sent);
        self.decide(client, call, &failure)
    }

    fn decide(&mut self, client: u32, call: &Call<'_>, failure: &Failure<'_>) -> Decision {
        let policy = self.policy;
        match self.upstream(client) {
            Some(upstream) => upstream.decide(policy, failure, call),
            None => policy.decide(failure, call),
        }
    }

    fn upstream(&mut self, client: u32) -> Option<&mut Upstream> {
        let upstream = self.upstreams.get_mut(usize::try_from(client).ok()?)?;
        Some(upstream.get_or_insert_default())
    }
}
