//! Streams: before the first chunk everything may be tried again, after it nothing.

use holdoff::{Decision, Reason};
use holdoff_tower::{CallOptions, Options};
use http_body_util::BodyExt;
use serde_json::json;
use tower::ServiceExt;

use crate::caller::{Body, Caller, callers, post, quick};
use crate::server::Server;

const HELLO: &str = "data: {\"delta\":\"Hello\"}\n\n";
const DONE: &str = "data: [DONE]\n\n";
const ERROR: &str = "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"busy\"}}\n\n";

fn server() -> Server {
    let whole = json!({"chunks": [HELLO, DONE]});
    let cut = |bytes, fault| json!({"chunks": [HELLO, DONE], "fault": fault, "after_bytes": bytes});
    Server::playing(&json!({
        "/whole": {"then": whole},
        "/cut-before": {"steps": [cut(0, "close"), cut(0, "reset")], "then": whole},
        "/cut-after": {"steps": [cut(HELLO.len(), "close")], "then": whole},
        "/error-first": {"steps": [{"chunks": [ERROR]}], "then": whole},
        "/error-only": {"then": {"chunks": [ERROR]}},
        "/error-later": {"then": {"chunks": [HELLO, ERROR]}},
        "/slow": {"then": {"chunks": [HELLO, DONE], "fault": "hang", "after_bytes": HELLO.len()}},
        "/text-cut": {"then": {
            "headers": {"content-type": "text/plain"},
            "chunks": ["a", "b"], "fault": "close", "after_bytes": 0,
        }},
    }))
}

#[tokio::test]
async fn what_was_not_delivered_is_tried_again() {
    let server = server();
    let whole = format!("{HELLO}{DONE}");
    for (name, caller) in callers(&Options::new().policy(quick()).without_upstream()) {
        for (path, requests, body) in [
            ("/whole", 1, Some(whole.clone())),
            ("/cut-before", 3, Some(whole.clone())),
            ("/cut-after", 1, None),
            ("/error-first", 2, Some(whole.clone())),
            ("/error-only", 3, Some(ERROR.to_owned())),
            ("/error-later", 1, Some(format!("{HELLO}{ERROR}"))),
            ("/text-cut", 1, None),
        ] {
            let path = format!("/~{name}{path}");
            let mut request = post(&(server.base.clone() + &path), Body::from("{}"));
            request
                .extensions_mut()
                .insert(CallOptions::new().idempotent(true));
            let answer = caller.send(request).await.unwrap();
            assert_eq!(answer.status, 200, "{path}");
            assert_eq!(server.seen(&path).await.len(), requests, "{path}");
            assert_eq!(answer.body.ok(), body.map(Into::into), "{path}");
            let reason = answer.decision.map(Decision::reason);
            let gave_up = path.ends_with("/error-only");
            assert_eq!(
                reason,
                gave_up.then_some(Reason::RetriesExhausted),
                "{path}"
            );
        }
    }
}

#[tokio::test]
async fn the_first_chunk_is_delivered_while_the_rest_is_to_come() {
    let server = server();
    for (name, caller) in callers(&Options::new().policy(quick())) {
        let url = format!("{}/~{name}/slow", server.base);
        let request = post(&url, Body::from("{}"));
        let first = match &caller {
            Caller::Tower(service) => {
                let response = service.clone().oneshot(request).await.unwrap();
                let frame = response.into_body().frame().await.unwrap().unwrap();
                frame.into_data().unwrap()
            }
            Caller::Reqwest(client) => {
                let mut response = Caller::send_by_reqwest(client, request).await.unwrap();
                response.chunk().await.unwrap().unwrap()
            }
        };
        assert_eq!(first, HELLO, "{name}");
    }
}
