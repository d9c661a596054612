//! Which failures are tried again, and after how long.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use holdoff::{Action, Decision, Reason, Source};
use holdoff_tower::{CallOptions, Options};
use serde_json::json;
use tokio::task::JoinSet;

use crate::caller::{Body, Caller, callers, callers_with_timeout, post, quick};
use crate::server::{Seen, Server};

fn options() -> Options {
    Options::new().policy(quick()).seed(7)
}

fn gaps(seen: &[Seen]) -> Vec<u64> {
    let pairs = seen.windows(2);
    pairs
        .map(|pair| pair[1].at_ms.saturating_sub(pair[0].at_ms))
        .collect()
}

#[tokio::test]
async fn every_form_of_hint_is_waited_for() {
    let limited = |headers| json!({"steps": [{"status": 429, "headers": headers}]});
    let server = Server::playing(&json!({
        "/seconds": limited(json!({"retry-after": "1"})),
        "/date": limited(json!({"retry-after": {"date_in_s": 2}})),
        "/ms": limited(json!({"retry-after-ms": "300"})),
        "/reset": limited(json!({"ratelimit-remaining": "0", "ratelimit-reset": "1"})),
        "/none": limited(json!({})),
    }));
    let server = Arc::new(server);
    let mut calls = JoinSet::new();
    for (path, least_ms, source) in [
        ("/seconds", 1000, Source::RetryAfter),
        ("/date", 1000, Source::RetryAfter),
        ("/ms", 300, Source::RetryAfterMs),
        ("/reset", 1000, Source::RatelimitReset),
        ("/none", 40, Source::Backoff),
    ] {
        // Paths of one origin would hold each other back.
        let sources = Arc::new(Mutex::new(vec![]));
        let told = Arc::clone(&sources);
        let options = options()
            .without_upstream()
            .on_decision(move |event| told.lock().unwrap().push(event.decision.source()));
        for (name, caller) in callers(&options) {
            let (server, sources) = (Arc::clone(&server), Arc::clone(&sources));
            calls.spawn(async move {
                let path = format!("/~{name}{path}");
                let answer = caller
                    .post(&(server.base.clone() + &path), "{}")
                    .await
                    .unwrap();
                assert_eq!((answer.status, answer.decision), (200, None), "{path}");
                assert_eq!(answer.body.unwrap(), r#"{"ok":true}"#);
                let seen = server.seen(&path).await;
                assert_eq!(seen.len(), 2, "{path}");
                let gap = gaps(&seen)[0];
                assert!(
                    (least_ms..least_ms + 2000).contains(&gap),
                    "{path}: {gap} ms"
                );
                assert!(sources.lock().unwrap().contains(&source), "{path}");
            });
        }
    }
    while let Some(call) = calls.join_next().await {
        call.unwrap();
    }
}

/// What the server does, how the call is made, and what comes of it.
struct Case {
    path: &'static str,
    idempotent: bool,
    status: Result<u16, ()>,
    requests: usize,
    decision: Option<(Action, Reason)>,
}

#[tokio::test]
async fn failures_are_tried_again_where_the_policy_says_so() {
    let whole = json!({"ok": true, "text": "the rest of this never arrives"});
    let broken = |fault, status| json!({"steps": [{"status": status, "body": whole, "fault": fault, "after_bytes": 20}]});
    let server = Server::playing(&json!({
        "/overloaded": {"steps": [{"status": 503}, {"status": 503}]},
        "/failing": {"then": {"status": 500, "body": {"error": {"message": "no"}}}},
        "/bad-request": {"then": {"status": 400, "body": {"error": {"message": "no"}}}},
        "/moved": {"then": {"status": 304}},
        "/reset": {"steps": [{"fault": "reset"}]},
        "/closed": {"steps": [{"fault": "close"}]},
        "/reset-body": broken("reset", 200),
        "/truncated": broken("close", 200),
        "/truncated-error": broken("close", 503),
        "/stalled-error": broken("hang", 503),
        "/error-in-success": {"steps": [{"body": {"error": {"code": 429, "message": "slow down"}}}]},
    }));
    let case = |path, idempotent, status, requests, decision| Case {
        path,
        idempotent,
        status,
        requests,
        decision,
    };
    let exhausted = Some((Action::Escalate, Reason::RetriesExhausted));
    let unsafe_to_repeat = Some((Action::Stop, Reason::PossiblyExecuted));
    for (name, caller) in callers(&options().without_upstream()) {
        for (
            index,
            Case {
                path,
                idempotent,
                status,
                requests,
                decision,
            },
        ) in [
            case("/overloaded", false, Ok(200), 3, None),
            case("/failing", false, Ok(500), 3, exhausted),
            case(
                "/bad-request",
                true,
                Ok(400),
                1,
                Some((Action::Stop, Reason::Status)),
            ),
            case("/moved", true, Ok(304), 1, None),
            case("/reset", true, Ok(200), 2, None),
            case("/reset", false, Err(()), 1, None),
            case("/closed", true, Ok(200), 2, None),
            case("/reset-body", true, Ok(200), 2, None),
            case("/reset-body", false, Ok(200), 1, unsafe_to_repeat),
            case("/truncated", true, Ok(200), 2, None),
            case("/truncated-error", false, Ok(200), 2, None),
            case("/stalled-error", false, Ok(200), 2, None),
            case("/error-in-success", false, Ok(200), 1, None),
        ]
        .into_iter()
        .enumerate()
        {
            let path = format!("/~{name}-{index}{path}");
            let mut request = post(&(server.base.clone() + &path), Body::from("{}"));
            request
                .extensions_mut()
                .insert(CallOptions::new().idempotent(idempotent));
            let answer = caller.send(request).await;
            let seen = server.seen(&path).await;
            assert_eq!(seen.len(), requests, "{path}: {answer:?}");
            assert!(
                gaps(&seen).iter().all(|gap| (40..2000).contains(gap)),
                "{path}"
            );
            assert_eq!(
                answer.as_ref().map(|answer| answer.status).map_err(|_| ()),
                status,
                "{path}"
            );
            let Ok(answer) = answer else { continue };
            let told = answer
                .decision
                .map(|decision| (decision.action(), decision.reason()));
            assert_eq!(told, decision, "{path}");
            // A body that broke off is given as the client gives it.
            let is_broken = decision == unsafe_to_repeat;
            assert_eq!(answer.body.is_err(), is_broken, "{path}: {:?}", answer.body);
        }
    }
}

#[tokio::test]
async fn a_connection_that_fails_is_tried_again_and_given_as_the_client_gives_it() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let refused = format!("http://{}/", listener.local_addr().unwrap());
    drop(listener);
    // hyper-util has no type for a name that is not resolved (RFC 6761: `invalid` never is).
    let unresolved = "http://holdoff.invalid/".to_owned();
    let events = Arc::new(Mutex::new(vec![]));
    let told = Arc::clone(&events);
    let options = options().without_upstream().on_decision(move |event| {
        assert!(event.error.is_some() && event.status.is_none());
        let failure = event.report.as_ref().map(|report| report.failure.clone());
        let fact = (event.attempt, event.decision.action(), failure);
        told.lock().unwrap().push(fact);
    });
    for (name, caller) in callers(&options) {
        for (url, kind) in [
            (&refused, "connect"),
            (
                &unresolved,
                if name == "reqwest" { "dns" } else { "connect" },
            ),
        ] {
            let error = caller.post(url, "{}").await.unwrap_err();
            assert!(error.is_connect, "{name}: {error:?}");
            let failure = format!("no response: {kind} in phase connect");
            let expected = [
                (0, Action::Retry, None),
                (1, Action::Retry, None),
                (2, Action::Escalate, Some(failure)),
            ];
            let events = std::mem::take(&mut *events.lock().unwrap());
            assert_eq!(events, expected, "{name}");
        }
    }
}

#[tokio::test]
async fn a_listener_is_told_the_steps_and_the_report() {
    let server = Server::playing(&json!({"/failing": {"then": {
        "status": 503,
        "headers": {"x-request-id": "req_7"},
        "body": {"error": {"message": "saturated", "type": "overloaded_error"}},
    }}}));
    let events = Arc::new(Mutex::new(vec![]));
    let told = Arc::clone(&events);
    let options = options().on_decision(move |event| {
        let steps = event.explanation.as_ref().unwrap();
        assert_eq!(steps.decision, event.decision);
        let status = event.status.unwrap().as_u16();
        let facts = (event.attempt, status, event.wait, event.report.clone());
        told.lock().unwrap().push(facts);
        assert!(!event.endpoint.contains("secret"), "{}", event.endpoint);
    });
    for (name, caller) in callers(&options) {
        let url = format!("{}/~{name}/failing", server.base);
        let answer = caller.get(&format!("{url}?key=secret")).await.unwrap();
        assert_eq!(
            answer.decision.map(Decision::action),
            Some(Action::Escalate)
        );
        let events = std::mem::take(&mut *events.lock().unwrap());
        assert_eq!(events.len(), 3);
        for (index, (attempt, status, wait, report)) in events.into_iter().enumerate() {
            assert_eq!((attempt as usize, status), (index, 503));
            assert_eq!(wait.is_some(), index < 2);
            assert_eq!(report.is_some(), index == 2);
            if let Some(report) = report {
                assert_eq!(report.request_id.as_deref(), Some("req_7"));
                assert_eq!(report.endpoint.as_deref(), Some(url.as_str()));
            }
        }
    }
}

#[tokio::test]
async fn the_clients_own_timeout_is_tried_again() {
    let server = Server::playing(&json!({"/hanging": {"steps": [{"fault": "hang"}]}}));
    let limit = Duration::from_millis(150);
    for (name, caller) in callers_with_timeout(&options().without_upstream(), limit) {
        let path = format!("/~{name}/hanging");
        let answer = caller.get(&(server.base.clone() + &path)).await.unwrap();
        assert_eq!(answer.status, 200);
        let gaps = gaps(&server.seen(&path).await);
        assert!(matches!(gaps[..], [150..1500]), "{name}: {gaps:?}");
    }
}

#[tokio::test]
async fn a_call_that_is_held_for_too_long_is_not_sent() {
    let server = Server::playing(&json!({"/limited": {
        "then": {"status": 429, "headers": {"retry-after": "60"}},
    }}));
    let options = options().deadline(Duration::from_millis(500));
    for (name, caller) in callers(&options) {
        let path = format!("/~{name}/limited");
        let url = server.base.clone() + &path;
        let answer = caller.get(&url).await.unwrap();
        assert_eq!(
            answer.decision.map(Decision::reason),
            Some(Reason::Deadline)
        );
        let error = caller.get(&url).await.unwrap_err();
        let decision = error.held_back.unwrap();
        let told = (decision.reason(), decision.source());
        assert_eq!(told, (Reason::Deadline, Source::Hold));
        assert!(
            error.text.starts_with("not sent: `hold` holds it back"),
            "{error:?}"
        );
        assert_eq!(server.seen(&path).await.len(), 1);
    }
}

#[tokio::test]
async fn a_thousand_calls_share_what_they_learn() {
    const CALLS: usize = 1000;
    let busy: Vec<_> = (0..20)
        .map(|_| json!({"status": 429, "headers": {"retry-after-ms": "100"}}))
        .collect();
    let server = Server::playing(&json!({"/busy": {"steps": busy}}));
    for (name, caller) in callers(&options()) {
        let path = format!("/~{name}/busy");
        let url = server.base.clone() + &path;
        // Of calls that wait already, one that is sent again may be the first of a second round.
        let own = CallOptions::new().max_retries(20);
        let calls: JoinSet<_> = (0..CALLS)
            .map(|_| call(caller.clone(), url.clone(), own))
            .collect();
        let statuses = calls.join_all().await;
        assert!(statuses.iter().all(|status| *status == 200), "{name}");
        let requests = server.seen(&path).await.len();
        assert_eq!(requests, CALLS + 20, "{name}");
    }
}

async fn call(caller: Caller, url: String, own: CallOptions) -> u16 {
    let mut request = post(&url, Body::from("{}"));
    request.extensions_mut().insert(own);
    let answer = caller.send(request).await.unwrap();
    answer.body.unwrap();
    answer.status
}
