//! What a call is sent to, in words that may be logged.

use http::{HeaderMap, Method, Uri, header::HOST};

/// The method and the address of a request, without credentials and query.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub method: Method,
    /// Scheme, host and port: `https://api.example.com`.
    pub origin: String,
    pub host: String,
    pub port: Option<u16>,
    /// The origin and the path.
    pub endpoint: String,
}

impl Target {
    /// A URI without a host, which a layer beneath may complete, has that of the header `Host`.
    pub(crate) fn new(method: &Method, uri: &Uri, headers: &HeaderMap) -> Self {
        let authority = uri.authority().cloned().or_else(|| {
            let host = headers.get(HOST)?;
            host.to_str().ok()?.parse().ok()
        });
        let scheme = uri.scheme_str().unwrap_or("http");
        let host = authority.as_ref().map_or("", |authority| authority.host());
        let port = authority
            .as_ref()
            .and_then(|authority| authority.port_u16());
        let known = match scheme {
            "https" => Some(443),
            "http" => Some(80),
            _ => None,
        };
        let origin = match port.filter(|port| Some(*port) != known) {
            Some(port) => format!("{scheme}://{host}:{port}"),
            None => format!("{scheme}://{host}"),
        };
        Self {
            method: method.clone(),
            endpoint: format!("{origin}{}", uri.path()),
            host: host.to_owned(),
            port: port.or(known),
            origin,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(uri: &str, headers: &HeaderMap) -> Target {
        Target::new(&Method::GET, &uri.parse().unwrap(), headers)
    }

    #[test]
    fn credentials_and_query_are_left_out() {
        let target = target(
            "https://me:secret@a.example:443/v1?key=secret",
            &HeaderMap::new(),
        );
        assert_eq!(target.endpoint, "https://a.example/v1");
        assert_eq!(
            (target.origin.as_str(), target.port),
            ("https://a.example", Some(443))
        );
    }

    #[test]
    fn a_port_of_its_own_is_another_origin() {
        let target = target("http://127.0.0.1:8080/", &HeaderMap::new());
        assert_eq!(target.origin, "http://127.0.0.1:8080");
        assert_eq!(
            (target.host.as_str(), target.port),
            ("127.0.0.1", Some(8080))
        );
    }

    #[test]
    fn the_host_may_be_in_a_header() {
        let headers = HeaderMap::from_iter([(HOST, "a.example:81".parse().unwrap())]);
        assert_eq!(target("/v1?q", &headers).endpoint, "http://a.example:81/v1");
        assert_eq!(target("/v1", &HeaderMap::new()).origin, "http://");
    }
}
