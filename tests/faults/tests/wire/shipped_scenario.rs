//! `scenario.json`, on which the end-to-end tests of every language rely.

use std::io::ErrorKind;

use crate::server::{Received, Server, eventually, received_before_silence, send};

fn server() -> Server {
    Server::playing(include_str!("../../scenario.json"))
}

/// Asserts that a response carries the whole error envelope and returns the type in it.
fn error_type(received: &Received) -> String {
    let body = received.json();
    let error = body["error"].as_object().unwrap();
    let fields: Vec<_> = error.keys().map(String::as_str).collect();
    assert_eq!(fields, ["code", "message", "param", "type"]);
    error["type"].as_str().unwrap().to_owned()
}

fn is_whole(received: &Received) -> bool {
    match received.bytes.split_once("\r\n\r\n") {
        None => false,
        Some((head, body)) if head.contains("transfer-encoding: chunked") => {
            body.ends_with("\r\n0\r\n\r\n")
        }
        Some((_, body)) => received.header("content-length") == body.len().to_string(),
    }
}

#[test]
fn errors_come_with_their_envelope_and_end_as_promised() {
    let server = server();
    for (path, answers) in [
        ("/rate-limited", &["429 rate_limit_error", "200"][..]),
        ("/rate-limited-date", &["429 rate_limit_error", "200"]),
        (
            "/overloaded",
            &["503 overloaded_error", "503 overloaded_error", "200"],
        ),
        ("/always-failing", &["500 api_error"; 8]),
        ("/bad-request", &["400 invalid_request_error"; 3]),
        ("/not-found", &["404 invalid_request_error"; 3]),
        ("/slow", &["200"]),
    ] {
        for expected in answers {
            let received = server.get(path);
            let answer = match received.status() {
                "200" => "200".to_owned(),
                status => format!("{status} {}", error_type(&received)),
            };
            assert_eq!(answer, *expected, "{path}");
        }
    }
}

#[test]
fn the_hints_are_one_second() {
    let server = server();
    assert_eq!(server.get("/rate-limited").header("retry-after"), "1");
    let received = server.get("/rate-limited-date");
    let date = |name| httpdate::parse_http_date(received.header(name)).unwrap();
    let wait = date("retry-after").duration_since(date("date")).unwrap();
    assert_eq!(wait.as_secs(), 1);
    assert!(!server.get("/overloaded").head().contains("retry-after"));
}

#[test]
fn broken_responses_break_as_promised_and_then_succeed() {
    let server = server();
    let reset = Err(ErrorKind::ConnectionReset);
    for (path, ends) in [
        ("/reset", &[reset, reset][..]),
        ("/reset-body", &[reset]),
        ("/closed", &[Ok(())]),
        ("/truncated", &[Ok(())]),
        ("/stream-cut", &[Ok(())]),
    ] {
        for end in ends {
            let received = server.get(path);
            assert_eq!(received.end, *end, "{path}");
            assert!(!is_whole(&received), "{path}");
        }
        let received = server.get(path);
        assert_eq!((received.status(), received.end), ("200", Ok(())), "{path}");
        assert!(is_whole(&received), "{path}");
    }
    assert_eq!(
        server.get("/stream").body(),
        server.get("/stream-cut").body()
    );
}

#[test]
fn what_never_ends_succeeds_when_it_is_asked_again() {
    let server = server();
    for (path, expected_end) in [
        ("/hanging", ""),
        ("/stalled-error-body", "\r\n\r\n{ \"error\": { \"messag"),
    ] {
        let mut stream = server.connect();
        send(&mut stream, "GET", path, "");
        eventually("the request is logged", || !server.log(path).is_empty());
        received_before_silence(&mut stream, expected_end);
        assert_eq!(server.get(path).status(), "200", "{path}");
    }
}
