//! One HTTP response as `curl -si` prints it: status line, headers, blank line, body.

use crate::Result;

/// A response that was read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Response {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Response {
    /// The last of the responses in `bytes`.
    ///
    /// curl prints the heads of all responses that it got on the way: `100 Continue`, a proxy's
    /// `200 Connection established`, redirects, challenges. A body begins with another status line
    /// only there.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self> {
        let (mut response, mut rest) = parse_head(bytes)?;
        while let Ok((next, after)) = parse_head(rest) {
            (response, rest) = (next, after);
        }
        response.body = rest.to_vec();
        Ok(response)
    }
}

/// The head of a response, and what follows the blank line after it.
fn parse_head(bytes: &[u8]) -> Result<(Response, &[u8])> {
    let (line, mut rest) = split_line(bytes);
    let status = parse_status_line(line).ok_or_else(|| {
        let shown: String = String::from_utf8_lossy(line).chars().take(60).collect();
        format!(
            "standard input begins with `{shown}`: a status line such as \
             `HTTP/1.1 429 Too Many Requests` is needed, as `curl -si` prints it"
        )
    })?;
    let mut headers: Vec<(String, String)> = Vec::new();
    while !rest.is_empty() {
        let (line, after) = split_line(rest);
        rest = after;
        if line.is_empty() {
            break;
        }
        let line = String::from_utf8_lossy(line);
        if line.starts_with([' ', '\t']) {
            // A folded value, RFC 9112 section 5.2: obsolete, but it may still be met.
            if let Some((_, value)) = headers.last_mut() {
                value.push(' ');
                value.push_str(line.trim());
            }
        } else if let Some((name, value)) = line.split_once(':') {
            headers.push((name.trim().into(), value.trim().into()));
        }
    }
    Ok((
        Response {
            status,
            headers,
            body: Vec::new(),
        },
        rest,
    ))
}

/// A status line of any HTTP version: `HTTP/1.1 429 Too Many Requests`, `HTTP/2 429`.
fn parse_status_line(line: &[u8]) -> Option<u16> {
    let line = str::from_utf8(line).ok()?;
    let mut words = line.strip_prefix("HTTP/")?.split(' ');
    let version = words.next()?;
    let status = words.find(|word| !word.is_empty())?;
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let known = version.split('.').all(digits) && status.len() == 3 && digits(status);
    if known { status.parse().ok() } else { None }
}

/// The first line without its end, and what follows it.
fn split_line(bytes: &[u8]) -> (&[u8], &[u8]) {
    let mut parts = bytes.splitn(2, |&byte| byte == b'\n');
    let line = parts.next().unwrap_or_default();
    (
        line.strip_suffix(b"\r").unwrap_or(line),
        parts.next().unwrap_or_default(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Response {
        Response::parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn a_response_in_either_kind_of_line_ends() {
        let unix = "HTTP/1.1 429 Too Many Requests\nRetry-After: 3\nX:  a:b \n\n{\"a\":\n1}";
        for text in [unix.to_owned(), unix.replace('\n', "\r\n")] {
            let response = parse(&text);
            assert_eq!(response.status, 429);
            let headers = [("Retry-After", "3"), ("X", "a:b")];
            assert_eq!(
                response.headers,
                headers.map(|(n, v)| (n.to_owned(), v.to_owned()))
            );
            assert!(response.body.starts_with(b"{\"a\":") && response.body.ends_with(b"1}"));
        }
    }

    #[test]
    fn every_version_and_heads_without_anything_else() {
        assert_eq!(parse("HTTP/2 503 \r\nretry-after: 1\r\n\r\n").status, 503);
        assert_eq!(parse("HTTP/3 500").status, 500);
        assert_eq!(parse("HTTP/1.0 404 Not Found\n").headers, []);
    }

    #[test]
    fn the_last_of_several_counts() {
        let text = "HTTP/1.1 200 Connection established\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n\
                    HTTP/1.1 302 Found\r\nlocation: /x\r\n\r\nHTTP/2 503\r\nretry-after: 9\r\n\r\n\
                    busy\nHTTP/2 is fast";
        let response = parse(text);
        assert_eq!(response.status, 503);
        assert_eq!(
            response.headers,
            [("retry-after".to_owned(), "9".to_owned())]
        );
        assert_eq!(response.body, b"busy\nHTTP/2 is fast");
    }

    #[test]
    fn folded_values_are_joined_and_lines_without_a_colon_passed_over() {
        let bytes = b"HTTP/1.1 500 x\nA: b\n  c\nnonsense\nD: \xFF\n\n";
        let response = Response::parse(bytes).unwrap();
        assert_eq!(response.headers[0], ("A".to_owned(), "b c".to_owned()));
        assert_eq!(response.headers.len(), 2);
    }

    #[test]
    fn what_is_no_response_is_an_error_that_shows_it() {
        for text in [
            "",
            "{}",
            "HTTP/1.1",
            "HTTP/1.1 4x9 no",
            "HTTP/x 429 no",
            "HTTP/1.1 42 no",
        ] {
            let error = Response::parse(text.as_bytes()).unwrap_err();
            let begins = format!("standard input begins with `{text}`: a status line such as");
            assert!(error.starts_with(&begins), "{error}");
        }
    }
}
