//! A response that is broken off.
//!
//! hyper sends whole responses only. A broken one leaves hyper as an error, and with it the
//! connection: its bytes are then written to the bare socket, which ends as the fault says.

use std::error::Error;
use std::fmt;
use std::io;

use hyper::Response;
use hyper::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use serde::Deserialize;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::step::Payload;

/// What breaks a response off, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault {
    /// How the connection ends.
    pub ending: Ending,
    /// How many bytes of the body are sent before it; `None` is before the head.
    pub body_bytes: Option<usize>,
}

/// How a connection ends in place of the rest of a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// In order, by a FIN: the client reads an end of file.
    Close,
    /// By a RST: the client reads an error, `ECONNRESET`.
    Reset,
    /// Not at all: nothing comes until the client leaves.
    Hang,
}

/// A broken response on its way out of hyper: the bytes of it that are sent, and what then happens.
#[derive(Debug)]
pub struct Broken {
    bytes: Vec<u8>,
    ending: Ending,
}

impl Broken {
    /// Breaks a whole response.
    pub fn new(response: &Response<Payload>, fault: Fault) -> Self {
        let bytes = match fault.body_bytes {
            None => Vec::new(),
            Some(count) => {
                let mut bytes = head(response);
                append_body(&mut bytes, response.body(), count);
                bytes
            }
        };
        Self {
            bytes,
            ending: fault.ending,
        }
    }

    /// Sends what there is to send and ends the connection.
    pub async fn send(&self, mut stream: TcpStream) -> io::Result<()> {
        stream.write_all(&self.bytes).await?;
        match self.ending {
            // With a linger of zero, the drop of the stream sends a RST.
            Ending::Reset => return stream.set_zero_linger(),
            Ending::Close => stream.shutdown().await?,
            Ending::Hang => {}
        }
        // To drop a stream from which not all was read would reset it.
        tokio::io::copy(&mut stream, &mut tokio::io::sink()).await?;
        Ok(())
    }
}

/// The head of a response, with the framing of its whole body.
fn head(response: &Response<Payload>) -> Vec<u8> {
    let status = response.status();
    let reason = status.canonical_reason().unwrap_or_default();
    let mut head = format!("HTTP/1.1 {} {reason}\r\n", status.as_str()).into_bytes();
    let payload = response.body();
    let framing = if payload.is_chunked() {
        format!("{TRANSFER_ENCODING}: chunked\r\n")
    } else {
        format!("{CONTENT_LENGTH}: {}\r\n", payload.length())
    };
    head.extend_from_slice(framing.as_bytes());
    for (name, value) in response.headers() {
        head.extend_from_slice(name.as_str().as_bytes());
        head.extend_from_slice(b": ");
        head.extend_from_slice(value.as_bytes());
        head.extend_from_slice(b"\r\n");
    }
    head.extend_from_slice(b"\r\n");
    head
}

/// The first `count` bytes of the body. A chunk that is cut promises its full size; the chunk that
/// would end the body never comes.
fn append_body(bytes: &mut Vec<u8>, payload: &Payload, mut count: usize) {
    for piece in payload.pieces() {
        if count == 0 {
            return;
        }
        if payload.is_chunked() {
            bytes.extend_from_slice(format!("{:x}\r\n", piece.len()).as_bytes());
        }
        bytes.extend(piece.iter().take(count));
        if payload.is_chunked() && piece.len() <= count {
            bytes.extend_from_slice(b"\r\n");
        }
        count = count.saturating_sub(piece.len());
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:?} after {} bytes, as scripted",
            self.ending,
            self.bytes.len()
        )
    }
}

impl Error for Broken {}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;
    use crate::step::Step;

    fn broken(step: &str, fault: Fault) -> String {
        let step: Step = serde_json::from_str(step).unwrap();
        let broken = Broken::new(&step.response(UNIX_EPOCH), fault);
        String::from_utf8(broken.bytes).unwrap()
    }

    fn reset_after(body_bytes: Option<usize>) -> Fault {
        Fault {
            ending: Ending::Reset,
            body_bytes,
        }
    }

    #[test]
    fn a_body_promises_its_full_length() {
        let text = broken(r#"{"status": 503, "body": "abcdef"}"#, reset_after(Some(4)));
        assert_eq!(
            text,
            "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 6\r\n\
             content-type: text/plain; charset=utf-8\r\n\
             date: Thu, 01 Jan 1970 00:00:00 GMT\r\n\r\nabcd"
        );
    }

    #[test]
    fn chunks_are_cut_in_the_middle_or_between() {
        let body = |count| {
            let text = broken(
                r#"{"chunks": ["abc", "", "defg"]}"#,
                reset_after(Some(count)),
            );
            assert!(
                text.contains("\r\ntransfer-encoding: chunked\r\n"),
                "{text}"
            );
            text.split_once("\r\n\r\n").unwrap().1.to_owned()
        };
        assert_eq!(body(0), "");
        assert_eq!(body(2), "3\r\nab");
        assert_eq!(body(3), "3\r\nabc\r\n");
        assert_eq!(body(4), "3\r\nabc\r\n4\r\nd");
        assert_eq!(body(7), "3\r\nabc\r\n4\r\ndefg\r\n");
    }

    #[test]
    fn before_the_head_nothing_is_sent() {
        assert_eq!(broken("{}", reset_after(None)), "");
    }
}
