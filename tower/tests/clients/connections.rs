//! Nothing is left open, whether a call succeeds, gives up or is given up.

use std::time::{Duration, Instant};

use holdoff_tower::Options;
use serde_json::json;

use crate::caller::{callers, quick};
use crate::server::Server;

const ERROR: &str = "event: error\ndata: {\"error\":{\"type\":\"overloaded_error\"}}\n\n";

#[tokio::test]
async fn failed_attempts_leave_no_connection_behind() {
    let long = json!({"error": {"message": "x".repeat(300_000)}});
    let scenario = json!({
        "/short": {"then": {"status": 503, "body": {"error": {"message": "busy"}}}},
        "/long": {"then": {"status": 503, "body": long}},
        "/stalled": {"steps": [{"status": 503, "body": long, "fault": "hang", "after_bytes": 70_000}]},
        "/stream": {"steps": [{
            "chunks": [ERROR, "x"], "fault": "hang", "after_bytes": ERROR.len(),
        }]},
    });
    for (name, caller) in callers(&Options::new().policy(quick()).without_upstream()) {
        let server = Server::playing(&scenario);
        for _ in 0..3 {
            for path in ["/short", "/long", "/stalled", "/stream"] {
                let _ = caller.get(&(server.base.clone() + path)).await.unwrap();
            }
        }
        // What the pool keeps for the next call; it may have made a connection before the last was free.
        server.until_at_most(2).await;
        let (_, accepted) = server.connections().await;
        assert!(accepted > 2, "{name}");
        drop(caller);
        server.until_at_most(0).await;
    }
}

#[tokio::test]
async fn what_is_sent_again_goes_over_the_same_connection() {
    let server = Server::playing(&json!({"/busy": {"steps": [
        {"status": 503, "body": {"error": {"message": "busy"}}},
        {"status": 503, "body": {"error": {"message": "busy"}}},
    ]}}));
    for (index, (name, caller)) in callers(&Options::new().policy(quick()))
        .into_iter()
        .enumerate()
    {
        caller
            .get(&format!("{}/~{name}/busy", server.base))
            .await
            .unwrap();
        let (_, accepted) = server.connections().await;
        assert_eq!(accepted, index as u64 + 1, "{name}");
    }
}

#[tokio::test]
async fn a_call_that_is_dropped_ends_at_once() {
    let scenario = json!({
        "/limited": {"then": {"status": 429, "headers": {"retry-after": "30"}, "body": "slow down"}},
        "/hanging": {"then": {"fault": "hang"}},
    });
    for (name, caller) in callers(&Options::new().policy(quick()).without_upstream()) {
        let server = Server::playing(&scenario);
        for path in ["/limited", "/hanging"] {
            let url = server.base.clone() + path;
            let begin = Instant::now();
            let call = tokio::time::timeout(Duration::from_millis(150), caller.get(&url)).await;
            assert!(call.is_err(), "{name}{path}: {call:?}");
            assert!(begin.elapsed() < Duration::from_secs(2), "{name}{path}");
            assert_eq!(server.seen(path).await.len(), 1, "{name}{path}");
        }
        drop(caller);
        server.until_at_most(0).await;
    }
}

#[tokio::test]
async fn the_deadline_cuts_an_attempt_off_as_a_timeout_of_the_client() {
    let server = Server::playing(&json!({
        "/hanging": {"then": {"fault": "hang"}},
        "/stalled": {"then": {"body": {"ok": true}, "fault": "hang", "after_bytes": 4}},
        "/stalled-stream": {"then": {"chunks": ["a"], "fault": "hang", "after_bytes": 0}},
    }));
    let options = Options::new()
        .policy(quick())
        .deadline(Duration::from_millis(200));
    for (name, caller) in callers(&options) {
        for path in ["/hanging", "/stalled", "/stalled-stream"] {
            let path = format!("/~{name}{path}");
            let begin = Instant::now();
            let error = caller
                .get(&(server.base.clone() + &path))
                .await
                .unwrap_err();
            let elapsed = begin.elapsed().as_millis();
            assert!(error.is_timeout, "{path}: {error:?}");
            assert!((200..2000).contains(&elapsed), "{path}: {elapsed} ms");
            assert_eq!(server.seen(&path).await.len(), 1, "{path}");
        }
    }
    server.until_at_most(0).await;
}
