//! Request bodies that are sent again, and those that can't be; response bodies that stay whole.

use std::fmt::Write;

use bytes::Bytes;
use holdoff::{Decision, Reason};
use holdoff_tower::Options;
use http_body_util::Full;
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::caller::{Body, callers, changed, post, quick};
use crate::server::Server;

#[tokio::test]
async fn ten_megabytes_are_sent_again_byte_for_byte() {
    let server = Server::playing(&json!({"/overloaded": {"steps": [{"status": 503}]}}));
    let body: Bytes = (0..=u8::MAX).cycle().take(10_000_000).collect();
    let mut hash = String::new();
    for byte in Sha256::digest(&body) {
        write!(hash, "{byte:02x}").unwrap();
    }
    for (name, caller) in callers(&Options::new().policy(quick())) {
        let path = format!("/~{name}/overloaded");
        let answer = caller
            .post(&(server.base.clone() + &path), body.clone())
            .await;
        assert_eq!(answer.unwrap().status, 200);
        let seen = server.seen(&path).await;
        assert_eq!(seen.len(), 2, "{name}");
        for request in seen {
            assert_eq!(request.entry["body_sha256"], hash, "{name}");
            assert_eq!(
                request.entry["headers"]["content-length"], "10000000",
                "{name}"
            );
        }
    }
}

#[tokio::test]
async fn a_body_that_can_be_sent_once_is_sent_once() {
    let server = Server::playing(&json!({"/overloaded": {"then": {"status": 503}}}));
    for (name, caller) in callers(&Options::new().policy(quick())) {
        let path = format!("/~{name}/overloaded");
        let body = Body::Once(Full::from("once"));
        let answer = caller
            .send(post(&(server.base.clone() + &path), body))
            .await
            .unwrap();
        let reason = answer.decision.map(Decision::reason);
        assert_eq!(
            (answer.status, reason),
            (503, Some(Reason::NotReplayable)),
            "{name}"
        );
        let seen = server.seen(&path).await;
        assert_eq!(seen.len(), 1, "{name}");
        assert_eq!(seen[0].entry["body"], "once", "{name}");
    }
}

#[tokio::test]
async fn a_response_is_handed_over_as_it_came() {
    let long = "x".repeat(300_000);
    let error = json!({"error": {"message": long}});
    let huge = json!({"text": "y".repeat(1_500_000)});
    let server = Server::playing(&json!({
        "/long-error": {"then": {"status": 400, "headers": {"x-once": "1"}, "body": error}},
        "/huge": {"then": {"body": huge}},
        "/small": {"then": {"body": {"a": 1}}},
        "/empty": {"then": {"status": 204}},
        "/redirect": {"then": {"status": 302, "headers": {"location": "/small"}}},
    }));
    for (name, caller) in callers(&Options::new().policy(quick())) {
        for (path, status, body) in [
            ("/long-error", 400, error.to_string()),
            ("/huge", 200, huge.to_string()),
            ("/small", 200, json!({"a": 1}).to_string()),
            ("/empty", 204, String::new()),
        ] {
            let answer = caller.get(&(server.base.clone() + path)).await.unwrap();
            assert_eq!(answer.status, status, "{name}{path}");
            assert!(answer.body.unwrap() == body, "{name}{path}: another body");
            if status != 204 {
                assert_eq!(answer.headers["content-length"], body.len().to_string());
            }
            assert_eq!(answer.headers.contains_key("x-once"), path == "/long-error");
        }
        if let crate::caller::Caller::Reqwest(client) = &caller {
            let response = client
                .get(server.base.clone() + "/redirect")
                .send()
                .await
                .unwrap();
            assert_eq!(response.url().path(), "/small");
            assert!(response.remote_addr().is_some());
            assert_eq!(response.content_length(), Some(7));
        }
    }
}

#[tokio::test]
async fn an_idempotency_key_is_the_same_on_all_attempts() {
    // The second step would end a call that is not safe to repeat.
    let server =
        Server::playing(&json!({"/orders": {"steps": [{"status": 503}, {"fault": "reset"}]}}));
    let policy = changed(|document| document["idempotency_key_header"] = "Idempotency-Key".into());
    for (name, caller) in callers(&Options::new().policy(policy)) {
        let mut keys = vec![];
        for (call, own_key) in [None, None, Some("mine")].into_iter().enumerate() {
            let path = format!("/~{name}-{call}/orders");
            let mut request = post(&(server.base.clone() + &path), Body::from("{}"));
            if let Some(key) = own_key {
                request
                    .headers_mut()
                    .insert("idempotency-key", key.parse().unwrap());
            }
            assert_eq!(caller.send(request).await.unwrap().status, 200, "{path}");
            let seen = server.seen(&path).await;
            let sent: Vec<_> = seen
                .iter()
                .map(|request| {
                    request.entry["headers"]["idempotency-key"]
                        .as_str()
                        .unwrap()
                })
                .collect();
            assert!(
                matches!(sent[..], [a, b, c] if a == b && b == c),
                "{path}: {sent:?}"
            );
            keys.push(sent[0].to_owned());
        }
        assert_ne!(keys[0], keys[1], "{name}");
        assert_eq!((keys[0].len(), keys[2].as_str()), (36, "mine"), "{name}");

        let path = format!("/~{name}-get/orders");
        caller.get(&(server.base.clone() + &path)).await.unwrap();
        let request = server.seen(&path).await.remove(0);
        assert!(
            request.entry["headers"]["idempotency-key"].is_null(),
            "{name}"
        );
    }
}
