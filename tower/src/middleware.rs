//! The middleware of reqwest-middleware.

use std::error::Error;
use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use async_trait::async_trait;
use bytes::Bytes;
use http::{Extensions, Uri};
use http_body::{Body, Frame};
use reqwest::{Request, Response, ResponseBuilderExt, Url};
use reqwest_middleware::{Error as ClientError, Middleware, Next};

use crate::attempt::Client;
use crate::held_back::HeldBack;
use crate::options::{CallOptions, Options};
use crate::retry::Retry;
use crate::target::Target;

/// Retries the calls of a reqwest client.
///
/// Build that client with `.retry(reqwest::retry::never())`, or it sends some HTTP/2 requests again by itself. Put
/// middleware that is about one attempt after this one. A body made of a stream can't be sent
/// again. Clones share what they learn.
///
/// A response can be asked for the decision that ended the call:
/// `response.extensions().get::<holdoff::Decision>()`. An attempt that the deadline cuts off ends with a
/// `reqwest::Error` of which `is_timeout` is true.
#[derive(Clone, Debug, Default)]
pub struct RetryMiddleware {
    retry: Arc<Retry>,
}

impl RetryMiddleware {
    /// A middleware that retries as the options say.
    pub fn new(options: Options) -> Self {
        Self {
            retry: Arc::new(Retry::new(options)),
        }
    }
}

#[async_trait]
impl Middleware for RetryMiddleware {
    async fn handle(
        &self,
        mut request: Request,
        extensions: &mut Extensions,
        next: Next<'_>,
    ) -> Result<Response, ClientError> {
        let url = request.url().clone();
        let uri = Uri::try_from(url.as_str()).map_err(ClientError::middleware)?;
        let target = Target::new(request.method(), &uri, request.headers());
        let own = extensions.get::<CallOptions>();
        let own = self.retry.prepare(own, &target, request.headers_mut());
        let mut client = ReqwestClient {
            middleware: next,
            extensions,
            next: Some(request),
            url,
        };
        let response = self.retry.run(&mut client, &target, own).await?;
        let (mut parts, body) = response.into_parts();
        // The URL where redirects ended goes from response to response by this way only.
        if let Ok(url) = http::Response::builder().url(client.url).body(()) {
            parts.extensions.extend(url.into_parts().0.extensions);
        }
        let body = reqwest::Body::wrap(body);
        Ok(http::Response::from_parts(parts, body).into())
    }
}

/// The rest of the middleware, and the request that it sends next.
struct ReqwestClient<'c> {
    middleware: Next<'c>,
    extensions: &'c mut Extensions,
    next: Option<Request>,
    /// Where the last response came from; before it, where the request goes.
    url: Url,
}

impl Client for ReqwestClient<'_> {
    type Body = reqwest::Body;
    type Error = ClientError;

    async fn send(&mut self) -> Result<http::Response<reqwest::Body>, ClientError> {
        let request = self.next.take();
        let request = request.ok_or_else(|| anyhow::anyhow!("the request body is used up"))?;
        self.next = request.try_clone();
        let response = self
            .middleware
            .clone()
            .run(request, self.extensions)
            .await?;
        self.url = response.url().clone();
        Ok(response.into())
    }

    fn is_replayable(&self) -> bool {
        self.next.is_some()
    }

    fn bare_error(error: &ClientError) -> &(dyn Error + 'static) {
        match error {
            ClientError::Reqwest(error) => error,
            ClientError::Middleware(error) => &**error,
        }
    }

    /// Only reqwest can make its errors: a body that fails makes one.
    async fn timed_out(&mut self) -> ClientError {
        let response = http::Response::new(reqwest::Body::wrap(TimedOut));
        match Response::from(response).bytes().await {
            Err(error) => error.with_url(self.url.clone()).into(),
            Ok(_) => ClientError::middleware(TimedOut::error()),
        }
    }

    fn held_back(&self, error: HeldBack) -> ClientError {
        ClientError::middleware(error)
    }
}

/// A body that never comes.
struct TimedOut;

impl TimedOut {
    fn error() -> io::Error {
        io::Error::new(ErrorKind::TimedOut, "the call's deadline has passed")
    }
}

impl Body for TimedOut {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        Poll::Ready(Some(Err(Self::error())))
    }
}
