//! One attempt: the request is sent, and as much of the response is read as it takes to judge it.

use std::error::Error;
use std::future::Future;
use std::time::Duration;

use bytes::Bytes;
use holdoff::{Call, Failure, Headers, MAX_BODY_BYTES, Phase, Policy, Reason, TransportKind};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, Response};
use http_body::Body;
use tokio::time::{Instant, timeout, timeout_at};
use tower::BoxError;

use crate::body::ResponseBody;
use crate::held_back::HeldBack;
use crate::transport::{self, Transport};

/// How long the body of a failed response is waited for before it is decided without.
const BODY_WAIT: Duration = Duration::from_secs(1);
/// The longest JSON response that is read whole before it is handed over.
const MAX_JSON_BYTES: usize = 1 << 20;
/// From here on a status says that the request failed.
const FIRST_FAILURE_STATUS: u16 = 400;

/// A client's half of the loop: it has one request and sends it.
pub(crate) trait Client: Send {
    type Body: Body<Data = Bytes, Error: Into<BoxError>> + Send;
    type Error: Send;

    /// Sends the request, for the first time or again.
    fn send(&mut self) -> impl Future<Output = Result<Response<Self::Body>, Self::Error>> + Send;
    /// Whether the request can be sent once more.
    fn is_replayable(&self) -> bool;
    /// The error that the client itself would give, without what is wrapped around it.
    fn bare_error(error: &Self::Error) -> &(dyn Error + 'static);
    /// The client's own kind of timeout, for an attempt that the deadline cuts off.
    fn timed_out(&mut self) -> impl Future<Output = Self::Error> + Send;
    /// The same for a call that is not sent.
    fn held_back(&self, error: HeldBack) -> Self::Error;
}

/// What the client would have given its caller.
pub(crate) type Answer<C> =
    Result<Response<ResponseBody<<C as Client>::Body>>, <C as Client>::Error>;

/// How an attempt ended.
pub(crate) enum Outcome<C: Client> {
    /// There is nothing to decide: it succeeded, or failed in a way that is none of a policy's business.
    Done(Answer<C>),
    Failed(Failed<C>),
}

/// An attempt that failed.
pub(crate) enum Failed<C: Client> {
    /// By what its response says.
    Response(Response<ResponseBody<C::Body>>),
    /// Without a whole response.
    Transport(Answer<C>, Transport),
}

impl<C: Client> Failed<C> {
    /// The response, though it may have broken off, or the error.
    pub fn answer(&self) -> Result<&Response<ResponseBody<C::Body>>, &C::Error> {
        match self {
            Self::Response(response) => Ok(response),
            Self::Transport(answer, _) => answer.as_ref(),
        }
    }

    /// The same, to be given to the caller.
    pub fn into_answer(self) -> Answer<C> {
        match self {
            Self::Response(response) => Ok(response),
            Self::Transport(answer, _) => answer,
        }
    }

    /// Calls `then` with the failure as a policy takes it.
    pub fn with_failure<T>(&self, then: impl FnOnce(&Failure<'_>) -> T) -> T {
        match self {
            Self::Transport(_, (kind, phase)) => then(&Failure::Transport(*kind, *phase)),
            Self::Response(response) => {
                let body = response.body().beginning(MAX_BODY_BYTES);
                let pairs = pairs(response.headers());
                then(&Failure::Response {
                    status: response.status().as_u16(),
                    headers: Headers::Pairs(&pairs),
                    body: &body,
                })
            }
        }
    }

    /// The status of the response or the kind of failure: `error.type` of OpenTelemetry's conventions.
    pub fn error_type(&self) -> String {
        match self {
            Self::Response(response) => response.status().as_str().to_owned(),
            Self::Transport(_, (kind, _)) => kind.name().to_owned(),
        }
    }
}

/// Sends the request and judges what comes, no longer than to the deadline.
pub(crate) async fn attempt<C: Client>(
    client: &mut C,
    policy: &Policy,
    call: &Call<'_>,
    deadline: Option<Instant>,
) -> Outcome<C> {
    let Some(sent) = until(deadline, client.send()).await else {
        return timed_out(client, Phase::Sent).await;
    };
    let mut response = match sent {
        Ok(response) => response.map(ResponseBody::unread),
        Err(error) => {
            return match transport::of_attempt(C::bare_error(&error)) {
                Some(transport) => Outcome::Failed(Failed::Transport(Err(error), transport)),
                None => Outcome::Done(Err(error)),
            };
        }
    };
    if response.status().as_u16() >= FIRST_FAILURE_STATUS {
        if policy.reads_body() {
            // A body that breaks off or stalls is no failure of its own: the status says what failed.
            let reading = timeout(BODY_WAIT, response.body_mut().read(MAX_BODY_BYTES));
            let _ = until(deadline, reading).await;
        }
        return Outcome::Failed(Failed::Response(response));
    }
    let opening = Opening::of(&response);
    let reading = response.body_mut().read(opening.least());
    if until(deadline, reading).await.is_none() {
        return timed_out(client, Phase::Body).await;
    }
    if let Some(error) = response.body().failure() {
        let transport = transport::of_body(&**error);
        return Outcome::Failed(Failed::Transport(Ok(response), transport));
    }
    let ended = Failed::<C>::Response(response);
    let is_success = opening != Opening::Event
        || ended
            .with_failure(|failure| policy.decide(failure, call).reason() == Reason::NotAFailure);
    match is_success {
        true => Outcome::Done(ended.into_answer()),
        false => Outcome::Failed(ended),
    }
}

/// What is read of a success before it is handed over.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Opening {
    /// The first chunk of a stream of events, which may be an error.
    Event,
    /// All of a JSON text, which may break off.
    Json,
    Nothing,
}

impl Opening {
    fn of<B>(response: &Response<ResponseBody<B>>) -> Self
    where
        ResponseBody<B>: Body,
    {
        let kind = content_type(response.headers()).filter(|_| response.status().is_success());
        let length = usize::try_from(response.body().size_hint().lower());
        match kind.as_deref() {
            Some("text/event-stream") => Self::Event,
            Some(kind) if kind == "application/json" || kind.ends_with("+json") => match length {
                Ok(0..=MAX_JSON_BYTES) => Self::Json,
                _ => Self::Nothing,
            },
            _ => Self::Nothing,
        }
    }

    /// How many bytes are read, where there are as many.
    fn least(self) -> usize {
        match self {
            Self::Event => 1,
            Self::Json => MAX_JSON_BYTES,
            Self::Nothing => 0,
        }
    }
}

async fn timed_out<C: Client>(client: &mut C, phase: Phase) -> Outcome<C> {
    let error = client.timed_out().await;
    Outcome::Failed(Failed::Transport(
        Err(error),
        (TransportKind::Timeout, phase),
    ))
}

/// What the future gives; `None` where the deadline comes first.
async fn until<F: Future>(deadline: Option<Instant>, future: F) -> Option<F::Output> {
    match deadline {
        Some(deadline) => timeout_at(deadline, future).await.ok(),
        None => Some(future.await),
    }
}

pub(crate) fn pairs(headers: &HeaderMap) -> Vec<(&str, &str)> {
    headers
        .iter()
        .filter_map(|(name, value)| Some((name.as_str(), str::from_utf8(value.as_bytes()).ok()?)))
        .collect()
}

/// The media type, in lower case and without its parameters.
fn content_type(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    let kind = value.split(';').next()?;
    Some(kind.trim().to_ascii_lowercase())
}
