//! Request bodies, and whether they can be sent again.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

/// A request body that may or may not be sent again.
///
/// Every body that is `Clone` can be. For others, [`RequestBody`] is at hand.
pub trait TryClone: Sized {
    /// The same body again, to be sent byte for byte; `None` where there is only this one. Asked before
    /// each attempt.
    fn try_clone(&self) -> Option<Self>;
}

impl<B: Clone> TryClone for B {
    fn try_clone(&self) -> Option<Self> {
        Some(self.clone())
    }
}

/// A body that is in memory and can be sent again, or another one that can be sent once.
///
/// ```
/// use holdoff_tower::{RequestBody, TryClone};
/// # use http_body_util::{BodyExt, Empty};
/// # let stream = Empty::<bytes::Bytes>::new().boxed_unsync();
///
/// let in_memory = RequestBody::from(r#"{"model": "small"}"#);
/// assert!(in_memory.try_clone().is_some());
/// # fn of_same_type<T>(_: &T, _: &T) {}
/// let streaming = RequestBody::Once(stream);
/// assert!(streaming.try_clone().is_none());
/// # of_same_type(&in_memory, &streaming);
/// ```
#[derive(Debug)]
pub enum RequestBody<B> {
    /// Bytes in memory.
    Bytes(Bytes),
    /// A body that can't be sent again: a call with it ends with the first failure after it was sent.
    Once(B),
}

impl<B> TryClone for RequestBody<B> {
    fn try_clone(&self) -> Option<Self> {
        match self {
            Self::Bytes(bytes) => Some(Self::Bytes(bytes.clone())),
            Self::Once(_) => None,
        }
    }
}

impl<B, T: Into<Bytes>> From<T> for RequestBody<B> {
    fn from(bytes: T) -> Self {
        Self::Bytes(bytes.into())
    }
}

impl<B: Body<Data = Bytes> + Unpin> Body for RequestBody<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        match self.get_mut() {
            Self::Bytes(bytes) if bytes.is_empty() => Poll::Ready(None),
            Self::Bytes(bytes) => Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes))))),
            Self::Once(body) => Pin::new(body).poll_frame(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Bytes(bytes) => bytes.is_empty(),
            Self::Once(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Bytes(bytes) => {
                SizeHint::with_exact(u64::try_from(bytes.len()).unwrap_or(u64::MAX))
            }
            Self::Once(body) => body.size_hint(),
        }
    }
}
