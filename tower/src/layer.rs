//! The layer of tower.

use std::error::Error;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use tower::timeout::error::Elapsed;
use tower::{BoxError, Layer, Service};

use crate::attempt::Client;
use crate::body::ResponseBody;
use crate::held_back::HeldBack;
use crate::options::{CallOptions, Options};
use crate::replay::TryClone;
use crate::retry::Retry;
use crate::target::Target;

/// Retries the calls of an HTTP client that is a [`tower::Service`].
///
/// Put layers that are about one attempt beneath it, a timeout for each for instance, and layers that are
/// about the call above it. The services of one layer share what they learn, and so do their clones.
#[derive(Clone, Debug, Default)]
pub struct RetryLayer {
    retry: Arc<Retry>,
}

impl RetryLayer {
    /// A layer that retries as the options say.
    pub fn new(options: Options) -> Self {
        Self {
            retry: Arc::new(Retry::new(options)),
        }
    }
}

impl<S> Layer<S> for RetryLayer {
    type Service = RetryService<S>;

    fn layer(&self, inner: S) -> RetryService<S> {
        RetryService {
            inner,
            retry: Arc::clone(&self.retry),
        }
    }
}

/// The service that [`RetryLayer`] makes.
///
/// It is always ready: the service inside is asked whether it is before each attempt, so that a call which
/// waits keeps no place in it.
#[derive(Clone, Debug)]
pub struct RetryService<S> {
    inner: S,
    retry: Arc<Retry>,
}

/// The future of one call. To drop it ends the call at once, whether it sends or waits.
pub type RetryFuture<B> =
    Pin<Box<dyn Future<Output = Result<Response<ResponseBody<B>>, BoxError>> + Send>>;

impl<S, B, R> Service<Request<B>> for RetryService<S>
where
    S: Service<Request<B>, Response = Response<R>> + Clone + Send + 'static,
    S::Error: Into<BoxError>,
    S::Future: Send,
    B: TryClone + Send + 'static,
    R: Body<Data = Bytes> + Send + 'static,
    R::Error: Into<BoxError>,
{
    type Response = Response<ResponseBody<R>>;
    type Error = BoxError;
    type Future = RetryFuture<R>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<B>) -> RetryFuture<R> {
        let (inner, retry) = (self.inner.clone(), Arc::clone(&self.retry));
        Box::pin(async move {
            let target = Target::new(request.method(), request.uri(), request.headers());
            let own = request.extensions().get::<CallOptions>().copied();
            let own = retry.prepare(own.as_ref(), &target, request.headers_mut());
            let mut client = ServiceClient {
                inner,
                next: Some(request),
            };
            retry.run(&mut client, &target, own).await
        })
    }
}

/// A service, and the request that it sends next.
struct ServiceClient<S, B> {
    inner: S,
    next: Option<Request<B>>,
}

impl<S, B, R> Client for ServiceClient<S, B>
where
    S: Service<Request<B>, Response = Response<R>> + Send,
    S::Error: Into<BoxError>,
    S::Future: Send,
    B: TryClone + Send,
    R: Body<Data = Bytes> + Send,
    R::Error: Into<BoxError>,
{
    type Body = R;
    type Error = BoxError;

    async fn send(&mut self) -> Result<Response<R>, BoxError> {
        let request = self.next.take().ok_or("the request body is used up")?;
        self.next = try_clone(&request);
        poll_fn(|context| self.inner.poll_ready(context))
            .await
            .map_err(Into::into)?;
        self.inner.call(request).await.map_err(Into::into)
    }

    fn is_replayable(&self) -> bool {
        self.next.is_some()
    }

    fn bare_error(error: &BoxError) -> &(dyn Error + 'static) {
        &**error
    }

    async fn timed_out(&mut self) -> BoxError {
        Elapsed::new().into()
    }

    fn held_back(&self, error: HeldBack) -> BoxError {
        error.into()
    }
}

fn try_clone<B: TryClone>(request: &Request<B>) -> Option<Request<B>> {
    let mut copy = Request::new(request.body().try_clone()?);
    *copy.method_mut() = request.method().clone();
    *copy.uri_mut() = request.uri().clone();
    *copy.version_mut() = request.version();
    *copy.headers_mut() = request.headers().clone();
    *copy.extensions_mut() = request.extensions().clone();
    Some(copy)
}
