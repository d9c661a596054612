//! A response body whose beginning was read, and which is whole none the less.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tower::BoxError;

/// The body of a response: what was read of it to decide, then the rest as it comes.
#[derive(Debug)]
pub struct ResponseBody<B> {
    read: VecDeque<Result<Frame<Bytes>, BoxError>>,
    /// `None` once it has ended or failed.
    rest: Option<Pin<Box<B>>>,
}

impl<B> ResponseBody<B>
where
    B: Body<Data = Bytes>,
    B::Error: Into<BoxError>,
{
    pub(crate) fn unread(body: B) -> Self {
        Self {
            read: VecDeque::new(),
            rest: Some(Box::pin(body)),
        }
    }

    /// Reads on until so many bytes were read, or the body ends or fails. What was read stays read where
    /// the future is dropped.
    pub(crate) async fn read(&mut self, least: usize) {
        let mut length = 0_usize;
        while length < least {
            let Some(frame) = poll_fn(|context| self.poll_rest(context)).await else {
                return;
            };
            let data = frame.as_ref().ok().and_then(Frame::data_ref);
            length = length.saturating_add(data.map_or(0, Bytes::len));
            self.read.push_back(frame);
        }
    }

    /// What was read, up to a length.
    pub(crate) fn beginning(&self, most: usize) -> Vec<u8> {
        let frames = self.read.iter().filter_map(|frame| frame.as_ref().ok());
        let mut beginning = Vec::new();
        for data in frames.filter_map(Frame::data_ref) {
            let room = most.saturating_sub(beginning.len());
            beginning.extend_from_slice(data.get(..room).unwrap_or(data));
        }
        beginning
    }

    /// What ended the reading, where the body failed.
    pub(crate) fn failure(&self) -> Option<&BoxError> {
        self.read.back()?.as_ref().err()
    }

    fn poll_rest(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let Some(rest) = &mut self.rest else {
            return Poll::Ready(None);
        };
        let frame = ready!(rest.as_mut().poll_frame(context));
        if !matches!(frame, Some(Ok(_))) {
            self.rest = None;
        }
        Poll::Ready(frame.map(|frame| frame.map_err(Into::into)))
    }
}

impl<B> Body for ResponseBody<B>
where
    B: Body<Data = Bytes>,
    B::Error: Into<BoxError>,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = self.get_mut();
        match this.read.pop_front() {
            Some(frame) => Poll::Ready(Some(frame)),
            None => this.poll_rest(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.read.is_empty() && self.rest.as_ref().is_none_or(|rest| rest.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        if self.failure().is_some() {
            // How much would have come is not known any more.
            return SizeHint::default();
        }
        let frames = self.read.iter().filter_map(|frame| frame.as_ref().ok());
        let data = frames.filter_map(Frame::data_ref);
        let read = data.fold(0_u64, |sum, data| {
            sum.saturating_add(u64::try_from(data.len()).unwrap_or(u64::MAX))
        });
        let rest = match &self.rest {
            Some(rest) => rest.size_hint(),
            None => SizeHint::with_exact(0),
        };
        let mut hint = SizeHint::new();
        hint.set_lower(rest.lower().saturating_add(read));
        if let Some(upper) = rest.upper() {
            hint.set_upper(upper.saturating_add(read));
        }
        hint
    }
}
