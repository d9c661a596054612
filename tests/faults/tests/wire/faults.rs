//! Each way in which a response can go wrong.

use std::io::{ErrorKind, Read, Write};
use std::net::Shutdown;
use std::time::{Duration, Instant};

use crate::server::{Received, Server, eventually, received_before_silence, send};

#[test]
fn reset_is_a_reset_and_nothing_else() {
    let server = Server::playing(r#"{"/a": {"steps": [{"fault": "reset"}]}}"#);
    let received = server.get("/a");
    assert_eq!(received.bytes, "");
    assert_eq!(received.end, Err(ErrorKind::ConnectionReset));
    assert_eq!(server.get("/a").json(), serde_json::json!({"ok": true}));
}

#[test]
fn reset_in_the_body_comes_after_its_first_bytes() {
    let server = Server::playing(
        r#"{"/a": {"then": {"status": 503, "body": "abcdef", "fault": "reset", "after_bytes": 4}}}"#,
    );
    let received = server.get("/a");
    assert_eq!(received.status(), "503");
    assert_eq!(received.header("content-length"), "6");
    assert_eq!(received.body(), "abcd");
    assert_eq!(received.end, Err(ErrorKind::ConnectionReset));
}

#[test]
fn close_is_an_orderly_end_without_a_response() {
    let server = Server::playing(r#"{"/a": {"then": {"fault": "close"}}}"#);
    let received = server.get("/a");
    assert_eq!(received.bytes, "");
    assert_eq!(received.end, Ok(()));
}

#[test]
fn close_in_the_body_truncates_it() {
    let server = Server::playing(
        r#"{"/a": {"then": {"body": "abcdef", "fault": "close", "after_bytes": 4}}}"#,
    );
    let received = server.get("/a");
    assert_eq!(received.status(), "200");
    assert_eq!(received.header("content-length"), "6");
    assert_eq!(received.body(), "abcd");
    assert_eq!(received.end, Ok(()));
}

/// A socket that is closed before all was read from it is reset, whatever was meant.
#[test]
fn close_is_orderly_even_if_the_client_sends_more() {
    let server = Server::playing(r#"{"/a": {"then": {"fault": "close"}}}"#);
    let mut stream = server.connect();
    send(&mut stream, "GET", "/a", "");
    stream.write_all(&vec![b'x'; 10_000_000]).unwrap();
    assert_eq!(Received::all_of(&mut stream).end, Ok(()));
}

#[test]
fn a_large_body_is_truncated_to_the_byte() {
    let body = "x".repeat(3_000_000);
    let server = Server::playing(&format!(
        r#"{{"/a": {{"then": {{"body": "{body}", "fault": "close", "after_bytes": 2999999}}}}}}"#
    ));
    let received = server.get("/a");
    assert_eq!(received.header("content-length"), "3000000");
    assert_eq!(received.body().len(), 2_999_999);
    assert_eq!(received.end, Ok(()));
}

#[test]
fn hang_never_answers() {
    let server = Server::playing(r#"{"/a": {"then": {"fault": "hang"}}}"#);
    let mut stream = server.connect();
    send(&mut stream, "GET", "/a", "");
    eventually("the request is logged", || !server.log("/a").is_empty());
    assert_eq!(received_before_silence(&mut stream, ""), "");
}

#[test]
fn hang_in_the_body_stalls_it() {
    let server = Server::playing(
        r#"{"/a": {"then": {"status": 503, "body": "abcdef", "fault": "hang", "after_bytes": 4}}}"#,
    );
    let mut stream = server.connect();
    send(&mut stream, "GET", "/a", "");
    let text = received_before_silence(&mut stream, "\r\n\r\nabcd");
    assert!(
        text.starts_with("HTTP/1.1 503 Service Unavailable\r\ncontent-length: 6\r\n"),
        "{text}"
    );
}

/// Tests abort many requests; the server must not run out of file descriptors over them.
#[cfg(target_os = "linux")]
#[test]
fn hang_ends_when_the_client_leaves() {
    let server = Server::playing(r#"{"/a": {"then": {"fault": "hang"}}}"#);
    let directory = format!("/proc/{}/fd", server.process.id());
    let open = || std::fs::read_dir(&directory).unwrap().count();
    let before = open();
    let mut streams: Vec<_> = (0..10).map(|_| server.connect()).collect();
    for stream in &mut streams {
        send(stream, "GET", "/a", "");
    }
    eventually("all are logged", || server.log("/a").len() == 10);
    assert!(open() >= before + 10);
    drop(streams);
    eventually("all are closed", || open() == before);
}

#[test]
fn a_stream_is_cut_between_chunks() {
    let server = Server::playing(
        r#"{"/a": {"then": {"chunks": ["data: 1\n\n", "data: "], "fault": "close",
            "after_bytes": "all"}}}"#,
    );
    let received = server.get("/a");
    assert_eq!(received.header("content-type"), "text/event-stream");
    assert_eq!(received.header("transfer-encoding"), "chunked");
    assert_eq!(received.body(), "9\r\ndata: 1\n\n\r\n6\r\ndata: \r\n");
    assert_eq!(received.end, Ok(()));
}

#[test]
fn a_stream_is_reset_within_a_chunk() {
    let server = Server::playing(
        r#"{"/a": {"then": {"chunks": ["data: 1\n\n", "data: 2\n\n"], "fault": "reset",
            "after_bytes": 13}}}"#,
    );
    let received = server.get("/a");
    assert_eq!(received.body(), "9\r\ndata: 1\n\n\r\n9\r\ndata");
    assert_eq!(received.end, Err(ErrorKind::ConnectionReset));
}

#[test]
fn a_stream_without_a_fault_is_whole() {
    let server = Server::playing(r#"{"/a": {"then": {"chunks": ["ab", "", "c"]}}}"#);
    let received = server.get("/a");
    assert_eq!(received.body(), "2\r\nab\r\n1\r\nc\r\n0\r\n\r\n");
}

#[test]
fn a_delay_comes_before_the_head_or_the_fault() {
    let server = Server::playing(
        r#"{"/a": {"steps": [{"delay_ms": 40, "status": 204}, {"delay_ms": 40, "fault": "reset"}]}}"#,
    );
    for expected_end in [Ok(()), Err(ErrorKind::ConnectionReset)] {
        let start = Instant::now();
        let received = server.get("/a");
        assert!(start.elapsed() >= Duration::from_millis(40));
        assert_eq!(received.end, expected_end);
    }
}

#[test]
fn a_kept_connection_serves_until_it_is_broken() {
    let server = Server::playing(
        r#"{"/a": {"steps": [{"status": 503, "body": "no"}], "then": {"fault": "reset"}}}"#,
    );
    let mut stream = server.connect();
    send(&mut stream, "GET", "/a", "");
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\nno") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    send(&mut stream, "GET", "/a", "");
    let received = Received::all_of(&mut stream);
    assert_eq!(
        (received.bytes.as_str(), received.end),
        ("", Err(ErrorKind::ConnectionReset))
    );
}

#[test]
fn head_gets_no_body_even_of_a_broken_response() {
    let server = Server::playing(
        r#"{"/a": {"steps": [{"body": "abcdef"}],
            "then": {"body": "abcdef", "fault": "reset", "after_bytes": 4}}}"#,
    );
    for expected_end in [Ok(()), Err(ErrorKind::ConnectionReset)] {
        let received = server.exchange("HEAD", "/a");
        assert_eq!(received.header("content-length"), "6");
        assert_eq!(received.body(), "");
        assert_eq!(received.end, expected_end);
    }
}

#[test]
fn what_is_no_request_gets_no_step() {
    let server = Server::playing(r#"{"/a": {"steps": [{"status": 503}]}}"#);
    let mut stream = server.connect();
    stream.write_all(b"this is not HTTP\r\n\r\n").unwrap();
    assert_eq!(Received::all_of(&mut stream).status(), "400");

    // A client that leaves before its body is whole.
    let mut stream = server.connect();
    send(&mut stream, "POST", "/a", "content-length: 10\r\n");
    stream.write_all(b"half").unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    assert_eq!(Received::all_of(&mut stream).bytes, "");

    assert_eq!(server.get("/__log").json(), serde_json::json!([]));
    assert_eq!(server.get("/a").status(), "503");
}
