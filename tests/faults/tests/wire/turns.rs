//! Which step answers which request, and what the log says about it.

use std::io::Write;
use std::time::Instant;

use serde_json::{Value, json};

use crate::server::{Received, Server, send};

#[test]
fn each_path_and_run_has_its_own_turns() {
    let server = Server::playing(
        r#"{"/a": {"steps": [{"status": 429}, {"status": 503}]},
            "/b/c": {"then": {"status": 500}}}"#,
    );
    for (path, status) in [
        ("/a", "429"),
        ("/~one/a", "429"),
        ("/a", "503"),
        ("/~two/a?q=1", "429"),
        ("/~two/a?q=2", "503"),
        ("/~one/a", "503"),
        ("/a", "200"),
        ("/a", "200"),
        ("/~one/b/c", "500"),
        ("/~one/b/c", "500"),
    ] {
        assert_eq!(server.get(path).status(), status, "{path}");
    }
}

#[test]
fn after_the_last_step_the_answer_is_success() {
    let server = Server::playing(r#"{"/a": {}}"#);
    let received = server.get("/a");
    assert_eq!(received.status(), "200");
    assert_eq!(received.header("content-type"), "application/json");
    assert_eq!(received.body(), r#"{"ok":true}"#);
}

#[test]
fn an_unknown_path_is_named() {
    let server = Server::playing(r#"{"/a": {}}"#);
    for path in ["/b", "/a/", "/~run", "/~run/b"] {
        let received = server.get(path);
        assert_eq!(received.status(), "404");
        let message = format!("the scenario has no path `{path}`");
        assert_eq!(received.json(), json!({"error": {"message": message}}));
        assert_eq!(server.log(path)[0]["step"], "unknown_path");
    }
}

#[test]
fn concurrent_requests_take_each_step_once() {
    const STEPS: usize = 24;
    let steps: Vec<Value> = (0..STEPS).map(|i| json!({"status": 500 + i})).collect();
    let server = Server::playing(&json!({"/a": {"steps": steps}}).to_string());
    let mut statuses: Vec<String> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|_| {
                scope.spawn(|| {
                    (0..4)
                        .map(|_| server.get("/a").status().to_owned())
                        .collect::<Vec<_>>()
                })
            })
            .collect();
        threads
            .into_iter()
            .flat_map(|thread| thread.join().unwrap())
            .collect()
    });
    statuses.sort();
    let successes = std::iter::repeat_n("200".to_owned(), 8);
    let failures = (0..STEPS).map(|i| (500 + i).to_string());
    assert_eq!(statuses, successes.chain(failures).collect::<Vec<_>>());

    let log = server.log("/a");
    assert_eq!(log.len(), 32);
    for (i, entry) in log.iter().enumerate() {
        let step = if i < STEPS {
            format!("steps[{i}]")
        } else {
            "then".to_owned()
        };
        assert_eq!(entry["step"], step);
    }
}

#[test]
fn the_log_says_what_arrived_and_when() {
    let server = Server::playing(
        r#"{"/a": {"steps": [{"fault": "reset"}, {"delay_ms": 40, "status": 503}]}, "/b": {}}"#,
    );
    let mut stream = server.connect();
    let headers = "x-twice: 1\r\nx-twice: 2\r\ncontent-length: 5\r\nconnection: close\r\n";
    send(&mut stream, "POST", "/~run/a?q=1", headers);
    stream.write_all(b"hello").unwrap();
    Received::all_of(&mut stream);
    let start = Instant::now();
    server.get("/~run/a");
    server.get("/~run/a");
    let elapsed_ms = u64::try_from(start.elapsed().as_millis()).unwrap();
    server.get("/b");

    let log = server.log("%2F~run%2Fa");
    let steps: Vec<_> = log
        .iter()
        .map(|entry| entry["step"].as_str().unwrap())
        .collect();
    assert_eq!(steps, ["steps[0]", "steps[1]", "then"]);
    assert_eq!(log[0]["method"], "POST");
    assert_eq!(log[0]["query"], "q=1");
    assert_eq!(log[0]["headers"]["host"], "faults");
    assert_eq!(log[0]["headers"]["x-twice"], json!(["1", "2"]));
    assert_eq!(log[0]["body"], "hello");
    assert_eq!(log[1]["body_bytes"], 0);
    let at = |i: usize| log[i]["at_ms"].as_u64().unwrap();
    assert!(
        at(2) - at(1) >= 40 && at(2) - at(1) <= elapsed_ms + 1,
        "{log:?}"
    );

    let all = server.get("/__log").json();
    assert_eq!(
        all.as_array().unwrap().len(),
        4,
        "the log itself is not in it"
    );
}

#[test]
fn a_misspelt_filter_of_the_log_is_an_error() {
    let server = Server::playing(r#"{"/a": {}}"#);
    let received = server.get("/__log?pth=/a");
    assert_eq!(received.status(), "400");
    assert!(
        received.body().contains("`pth` is not a filter"),
        "{received:?}"
    );
}

#[test]
fn any_web_page_may_call_and_read() {
    let server = Server::playing(
        r#"{"/a": {"steps": [{"status": 429}, {"body": "ab", "fault": "close", "after_bytes": 1}]}}"#,
    );
    let mut stream = server.connect();
    let headers = "access-control-request-method: POST\r\n\
                   access-control-request-headers: authorization,content-type\r\n\
                   connection: close\r\n";
    send(&mut stream, "OPTIONS", "/a", headers);
    let preflight = Received::all_of(&mut stream);
    assert_eq!(preflight.status(), "204");
    assert_eq!(preflight.header("access-control-allow-origin"), "*");
    assert_eq!(preflight.header("access-control-allow-methods"), "POST");
    assert_eq!(
        preflight.header("access-control-allow-headers"),
        "authorization,content-type"
    );
    assert_eq!(server.log("/a")[0]["step"], "preflight");

    for (path, status) in [("/a", "429"), ("/a", "200"), ("/a", "200"), ("/b", "404")] {
        let received = server.get(path);
        assert_eq!(received.status(), status, "the preflight took no step");
        assert_eq!(received.header("access-control-allow-origin"), "*");
        assert_eq!(received.header("access-control-expose-headers"), "*");
    }
}
