//! The loop on a paused clock, around a service without a network: waits to the millisecond.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use holdoff::{Call, Decision, Failure, Headers, Policy, Reason, Source, Upstream};
use holdoff_tower::{BoxError, Options, RetryLayer};
use http::{Request, Response};
use http_body::{Body as HttpBody, Frame};
use http_body_util::Full;
use tokio::time::Instant;
use tower::{Layer, Service, ServiceExt, service_fn};

type Body = Full<Bytes>;

/// When a service was asked, in milliseconds.
type Asked = Arc<Mutex<Vec<u64>>>;

/// Answers with these statuses, then with 200.
fn scripted(
    statuses: &[u16],
    headers: &[(&'static str, &'static str)],
) -> (
    impl Service<Request<Body>, Response = Response<Body>, Error = Infallible, Future: Send>
    + Clone
    + Send
    + 'static,
    Asked,
) {
    let begin = Instant::now();
    let asked = Asked::default();
    let (statuses, headers, note) = (statuses.to_vec(), headers.to_vec(), Arc::clone(&asked));
    let service = service_fn(move |_| {
        let mut asked = note.lock().unwrap();
        let status = statuses.get(asked.len()).copied().unwrap_or(200);
        asked.push(begin.elapsed().as_millis().try_into().unwrap());
        let mut response = Response::builder().status(status);
        for (name, value) in &headers {
            response = response.header(*name, *value);
        }
        let response = response.body(Body::default()).unwrap();
        async { Ok::<_, Infallible>(response) }
    });
    (service, asked)
}

/// A clock that goes on with tokio's.
fn clock() -> impl Fn() -> SystemTime + Send + Sync {
    let begin = Instant::now();
    move || {
        let since = Duration::from_secs(1_768_478_400).saturating_add(begin.elapsed());
        UNIX_EPOCH.checked_add(since).unwrap()
    }
}

fn options() -> Options {
    Options::new()
        .policy(Policy::tessera())
        .seed(7)
        .clock(clock())
}

fn request() -> Request<Body> {
    Request::post("http://a.example/v1")
        .body(Body::default())
        .unwrap()
}

#[tokio::test(start_paused = true)]
async fn backoff_is_waited_to_the_millisecond() {
    let (service, asked) = scripted(&[503, 503], &[]);
    let response = RetryLayer::new(options())
        .layer(service)
        .oneshot(request())
        .await;
    assert_eq!(response.unwrap().status(), 200);
    // The numbers of every language with this policy and this seed.
    assert_eq!(*asked.lock().unwrap(), [0, 1389, 3405]);
}

#[tokio::test(start_paused = true)]
async fn a_date_is_measured_by_the_clock() {
    let (service, asked) = scripted(&[429], &[("retry-after", "Thu, 15 Jan 2026 12:01:40 GMT")]);
    let response = RetryLayer::new(options())
        .layer(service)
        .oneshot(request())
        .await;
    assert_eq!(response.unwrap().status(), 200);
    assert_eq!(*asked.lock().unwrap(), [0, 100_000]);
}

#[tokio::test(start_paused = true)]
async fn a_wait_beyond_the_deadline_ends_the_call_now() {
    let (service, asked) = scripted(&[429], &[("retry-after", "100")]);
    let options = options().deadline(Duration::from_secs(30));
    let response = RetryLayer::new(options)
        .layer(service)
        .oneshot(request())
        .await
        .unwrap();
    let decision = *response.extensions().get::<Decision>().unwrap();
    assert_eq!(
        (decision.reason(), decision.after_ms()),
        (Reason::Deadline, 100_000)
    );
    assert_eq!(*asked.lock().unwrap(), [0]);
}

#[tokio::test(start_paused = true)]
async fn calls_of_one_origin_or_one_upstream_hold_each_other_back() {
    let upstream = Arc::new(Mutex::new(Upstream::default()));
    let recommended = || options().policy(Policy::recommended());
    for (options, other, is_held) in [
        (recommended(), "http://a.example/other", true),
        (recommended(), "http://b.example/other", false),
        (
            recommended().without_upstream(),
            "http://a.example/other",
            false,
        ),
        (
            recommended().upstream(upstream),
            "http://b.example/other",
            true,
        ),
    ] {
        let begin = Instant::now();
        let (service, _) = scripted(&[429], &[("retry-after", "60")]);
        let service = RetryLayer::new(options).layer(service);
        let first = tokio::spawn(service.clone().oneshot(request()));
        tokio::time::sleep(Duration::from_secs(1)).await;
        let request = Request::get(other).body(Body::default()).unwrap();
        service.oneshot(request).await.unwrap();
        assert_eq!(
            begin.elapsed() > Duration::from_secs(59),
            is_held,
            "{other}"
        );
        first.await.unwrap().unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn an_upstream_that_ends_a_call_after_a_retry_was_decided_is_told_too() {
    let (service, asked) = scripted(&[429], &[("retry-after", "10")]);
    let events = Arc::new(Mutex::new(vec![]));
    let told = Arc::clone(&events);
    let (policy, upstream) = (
        Policy::recommended(),
        Arc::new(Mutex::new(Upstream::default())),
    );
    let options = options()
        .policy(policy.clone())
        .upstream(Arc::clone(&upstream))
        .deadline(Duration::from_secs(30))
        .on_decision(move |event| {
            let (decision, wait) = (event.decision, event.wait.is_some());
            told.lock()
                .unwrap()
                .push((event.attempt, decision.reason(), wait));
        });
    let call = tokio::spawn(RetryLayer::new(options).layer(service).oneshot(request()));
    tokio::time::sleep(Duration::from_secs(1)).await;
    // Another call is told to wait for longer.
    let headers = Headers::Pairs(&[("retry-after", "60")]);
    let failure = Failure::Response {
        status: 429,
        headers,
        body: b"",
    };
    let now_ms = Some(1_768_478_401_000);
    upstream.lock().unwrap().decide(
        &policy,
        &failure,
        &Call {
            now_ms,
            ..Call::new(0, 7)
        },
    );
    let response = call.await.unwrap().unwrap();
    assert_eq!(response.status(), 429);
    let decision = *response.extensions().get::<Decision>().unwrap();
    assert_eq!(
        (decision.reason(), decision.source()),
        (Reason::Deadline, Source::Hold)
    );
    assert_eq!(*asked.lock().unwrap(), [0]);
    let expected = [(0, Reason::Status, true), (0, Reason::Deadline, false)];
    assert_eq!(*events.lock().unwrap(), expected);
}

#[tokio::test(start_paused = true)]
async fn an_error_that_is_no_failed_connection_is_given_at_once() {
    let service = service_fn(|_: Request<Body>| async {
        Err::<Response<Body>, BoxError>(std::fmt::Error.into())
    });
    let begin = Instant::now();
    let error = RetryLayer::new(options())
        .layer(service)
        .oneshot(request())
        .await
        .unwrap_err();
    assert!(error.is::<std::fmt::Error>());
    assert_eq!(begin.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_wait_of_a_call_that_shares_nothing_keeps_no_response() {
    let is_open = Arc::new(AtomicBool::new(false));
    let (noted, was_asked) = (Arc::clone(&is_open), Arc::new(AtomicBool::new(false)));
    let asked = Arc::clone(&was_asked);
    let service = service_fn(move |_: Request<Body>| {
        asked.store(true, Ordering::Relaxed);
        noted.store(true, Ordering::Relaxed);
        let body = Endless(Arc::clone(&noted));
        let response = Response::builder().status(503).body(body).unwrap();
        async { Ok::<_, Infallible>(response) }
    });
    let service = RetryLayer::new(options().without_upstream()).layer(service);
    let call = tokio::spawn(service.oneshot(request()));
    // For a second the body is waited for, to decide.
    tokio::time::sleep(Duration::from_millis(1010)).await;
    assert!(was_asked.load(Ordering::Relaxed) && !call.is_finished());
    assert!(!is_open.load(Ordering::Relaxed));
    call.abort();
}

/// A body that never comes, and notes when it is dropped.
struct Endless(Arc<AtomicBool>);

impl Drop for Endless {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

impl HttpBody for Endless {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Pending
    }
}
