//! Which errors are failed connections, and how far the attempt got.
//!
//! Errors are told by their types, down the chain of what caused them, and never by their words.

use std::error::Error;
use std::io::{self, ErrorKind};

use holdoff::{Phase, TransportKind};
use tower::timeout::error::Elapsed;

/// What is known of an attempt that failed without a whole response.
pub(crate) type Transport = (TransportKind, Phase);

/// How an attempt failed that got no response; `None` where the error is no failed connection.
pub(crate) fn of_attempt(error: &(dyn Error + 'static)) -> Option<Transport> {
    let connecting = chain(error).any(is_connect);
    match find(error)? {
        Found::NoTransport => None,
        Found::Unsent(kind) => Some((kind, Phase::Connect)),
        Found::Unreachable if connecting => Some((TransportKind::Connect, Phase::Connect)),
        Found::Unreachable => Some((TransportKind::Reset, Phase::Sent)),
        Found::Failed(kind) if connecting => Some((kind, Phase::Connect)),
        Found::Failed(kind) => Some((kind, kind.usual_phase())),
    }
}

/// How a response failed that had begun: whatever its body says, it is not whole.
pub(crate) fn of_body(error: &(dyn Error + 'static)) -> Transport {
    let kind = match find(error) {
        Some(Found::Failed(kind) | Found::Unsent(kind)) => kind,
        Some(Found::Unreachable) => TransportKind::Reset,
        Some(Found::NoTransport) | None => TransportKind::Protocol,
    };
    (kind, Phase::Body)
}

/// What one error of a chain tells.
enum Found {
    Failed(TransportKind),
    /// It failed on a connection, but before anything was sent.
    Unsent(TransportKind),
    /// There is no way to the server, or none any more.
    Unreachable,
    /// It is the fault of the request or of the program.
    NoTransport,
}

/// The error, what caused it, what caused that, and so on.
fn chain<'e>(error: &'e (dyn Error + 'static)) -> impl Iterator<Item = &'e (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error| cause(*error))
}

fn cause<'e>(error: &'e (dyn Error + 'static)) -> Option<&'e (dyn Error + 'static)> {
    match error
        .downcast_ref::<io::Error>()
        .and_then(io::Error::get_ref)
    {
        // What an io::Error wraps is not its source, but that one's source is.
        Some(inner) => Some(inner),
        None => error.source(),
    }
}

/// The first error of the chain that tells something; else the kind of the client's error as a whole.
fn find(error: &(dyn Error + 'static)) -> Option<Found> {
    let found = chain(error).find_map(read);
    found.or_else(|| chain(error).find_map(read_as_a_whole))
}

fn read(error: &(dyn Error + 'static)) -> Option<Found> {
    if error.is::<Elapsed>() {
        return Some(Found::Failed(TransportKind::Timeout));
    }
    if let Some(error) = error.downcast_ref::<io::Error>() {
        return read_io(error);
    }
    if let Some(error) = error.downcast_ref::<hyper::Error>() {
        return read_hyper(error);
    }
    #[cfg(feature = "reqwest")]
    if let Some(error) = error.downcast_ref::<reqwest::Error>() {
        return read_reqwest(error);
    }
    None
}

/// What is left to say where no error of the chain tells more.
fn read_as_a_whole(error: &(dyn Error + 'static)) -> Option<Found> {
    if is_connect(error) {
        // rustls says by `InvalidData` that it doesn't accept the other side.
        let refused = |error: &&(dyn Error + 'static)| {
            let error = error.downcast_ref::<io::Error>();
            error.is_some_and(|error| error.kind() == ErrorKind::InvalidData)
        };
        return Some(Found::Failed(match chain(error).find(refused) {
            Some(_) => TransportKind::Tls,
            None => TransportKind::Connect,
        }));
    }
    error
        .is::<hyper::Error>()
        .then_some(Found::Failed(TransportKind::Reset))
}

fn read_io(error: &io::Error) -> Option<Found> {
    let kind = match error.kind() {
        ErrorKind::ConnectionRefused | ErrorKind::AddrNotAvailable => TransportKind::Connect,
        ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable | ErrorKind::NetworkDown => {
            return Some(Found::Unreachable);
        }
        ErrorKind::ConnectionReset
        | ErrorKind::ConnectionAborted
        | ErrorKind::NotConnected
        | ErrorKind::BrokenPipe
        | ErrorKind::UnexpectedEof => TransportKind::Reset,
        ErrorKind::TimedOut => TransportKind::Timeout,
        _ => return None,
    };
    Some(Found::Failed(kind))
}

fn read_hyper(error: &hyper::Error) -> Option<Found> {
    if error.is_user() {
        Some(Found::NoTransport)
    } else if error.is_canceled() {
        Some(Found::Unsent(TransportKind::Reset))
    } else if error.is_timeout() {
        Some(Found::Failed(TransportKind::Timeout))
    } else if error.is_parse() {
        Some(Found::Failed(TransportKind::Protocol))
    } else {
        None
    }
}

#[cfg(feature = "reqwest")]
fn read_reqwest(error: &reqwest::Error) -> Option<Found> {
    if error.is_builder() || error.is_redirect() || error.is_status() || error.is_upgrade() {
        Some(Found::NoTransport)
    } else if error.is_timeout() {
        Some(Found::Failed(TransportKind::Timeout))
    } else if error.is_dns() {
        Some(Found::Failed(TransportKind::Dns))
    } else {
        None
    }
}

/// Whether the client was still making the connection.
fn is_connect(error: &(dyn Error + 'static)) -> bool {
    let error = error.downcast_ref::<hyper_util::client::legacy::Error>();
    error.is_some_and(hyper_util::client::legacy::Error::is_connect)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn io(kind: ErrorKind) -> io::Error {
        kind.into()
    }

    #[test]
    fn an_io_error_is_found_however_deep_it_is() {
        let reset = Some((TransportKind::Reset, Phase::Sent));
        let wrapped = io::Error::other(io::Error::other(io(ErrorKind::ConnectionReset)));
        assert_eq!(of_attempt(&wrapped), reset);
        let refused = io(ErrorKind::ConnectionRefused);
        assert_eq!(
            of_attempt(&refused),
            Some((TransportKind::Connect, Phase::Connect))
        );
        assert_eq!(of_attempt(&io(ErrorKind::HostUnreachable)), reset);
        assert_eq!(of_attempt(&io(ErrorKind::PermissionDenied)), None);
    }

    #[test]
    fn a_timeout_of_towers_layer_is_one() {
        let timeout = Some((TransportKind::Timeout, Phase::Sent));
        assert_eq!(of_attempt(&Elapsed::new()), timeout);
        assert_eq!(of_attempt(&io(ErrorKind::TimedOut)), timeout);
    }

    #[test]
    fn a_body_that_fails_is_not_whole_whatever_it_says() {
        assert_eq!(
            of_body(&io(ErrorKind::UnexpectedEof)),
            (TransportKind::Reset, Phase::Body)
        );
        assert_eq!(
            of_body(&std::fmt::Error),
            (TransportKind::Protocol, Phase::Body)
        );
    }
}
