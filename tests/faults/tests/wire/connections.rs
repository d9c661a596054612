//! The count of connections, and what many or large requests do to the server.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::server::{Received, Server, eventually, send};

fn connections(server: &Server) -> serde_json::Value {
    server.get("/__connections").json()
}

#[test]
fn the_asking_connection_is_not_counted() {
    let server = Server::playing(r#"{"/a": {}}"#);
    for _ in 0..3 {
        assert_eq!(connections(&server), json!({"open": 0, "accepted": 0}));
        server.get("/__log");
    }
}

#[test]
fn a_connection_is_counted_until_either_side_ends_it() {
    let server = Server::playing(
        r#"{"/a": {}, "/reset": {"then": {"fault": "reset"}}, "/hang": {"then": {"fault": "hang"}}}"#,
    );
    let eventually = |expected| {
        eventually("the connections are counted", || {
            connections(&server) == expected
        });
    };
    let idle = server.connect();
    let mut kept_alive = server.connect();
    send(&mut kept_alive, "GET", "/a", "");
    let mut hanging = server.connect();
    send(&mut hanging, "GET", "/hang", "");
    eventually(json!({"open": 3, "accepted": 3}));
    server.get("/reset");
    server.get("/a");
    eventually(json!({"open": 3, "accepted": 5}));
    drop(hanging);
    eventually(json!({"open": 2, "accepted": 5}));
    drop((idle, kept_alive));
    eventually(json!({"open": 0, "accepted": 5}));
}

#[test]
fn ten_megabytes_are_received_whole_and_quickly() {
    let server = Server::playing(r#"{"/a": {}}"#);
    let body: Vec<u8> = (0..=u8::MAX).cycle().take(10_000_000).collect();
    let mut stream = server.connect();
    let start = Instant::now();
    let headers = "content-length: 10000000\r\nconnection: close\r\n";
    send(&mut stream, "POST", "/a", headers);
    stream.write_all(&body).unwrap();
    assert_eq!(Received::all_of(&mut stream).status(), "200");
    let elapsed = start.elapsed();
    assert!(elapsed < Duration::from_secs(10), "{elapsed:?}");
    let entry = server.log("/a").remove(0);
    assert_eq!(entry["body_bytes"], 10_000_000);
    // sha256sum of the same bytes.
    assert_eq!(
        entry["body_sha256"],
        "cf8f6388cb2015ee8e560b3405ca6df30ac30ddc1954f3718d3f449d979d08f3"
    );
}

#[test]
fn a_thousand_connections_at_once_are_all_answered() {
    let server = Server::playing(r#"{"/a": {"then": {"delay_ms": 100}}}"#);
    let mut streams: Vec<TcpStream> = (0..1000).map(|_| server.connect()).collect();
    for stream in &mut streams {
        send(stream, "GET", "/a", "");
    }
    let start = Instant::now();
    for stream in &mut streams {
        let mut head = [0; 15];
        stream.read_exact(&mut head).unwrap();
        assert_eq!(&head, b"HTTP/1.1 200 OK");
    }
    let elapsed = start.elapsed();
    assert!(elapsed < Duration::from_secs(10), "{elapsed:?}");
    assert_eq!(
        connections(&server),
        json!({"open": 1000, "accepted": 1000})
    );
    assert_eq!(server.log("/a").len(), 1000);
}

#[test]
fn a_stream_is_cut_before_its_first_chunk() {
    let server = Server::playing(
        r#"{"/a": {"steps": [
            {"chunks": ["ab", "c"], "fault": "close", "after_bytes": 0},
            {"chunks": ["ab", "c"], "fault": "reset", "after_bytes": 0},
            {"chunks": ["ab", "c"], "fault": "reset", "after_bytes": 2}]}}"#,
    );
    let reset = Err(ErrorKind::ConnectionReset);
    for (body, end) in [("", Ok(())), ("", reset), ("2\r\nab\r\n", reset)] {
        let received = server.get("/a");
        assert_eq!(received.status(), "200");
        assert_eq!(received.header("transfer-encoding"), "chunked");
        assert_eq!((received.body(), received.end), (body, end));
    }
}
