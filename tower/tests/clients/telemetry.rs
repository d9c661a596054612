//! Spans and events, and the warning of retries inside retries.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::OnceLock;

use holdoff_tower::{Options, RetryLayer, RetryMiddleware};
use opentelemetry::trace::{SpanKind, Status, TracerProvider};
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider};
use serde_json::json;
use tower::{Layer as _, ServiceExt};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Subscriber};
use tracing_subscriber::layer::{Context, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;

use crate::caller::{Body, Caller, callers, post, quick};
use crate::server::Server;

type Fields = BTreeMap<String, String>;
/// The name and the fields of each.
type Events = Vec<(String, Fields)>;

/// Records what happens under holdoff's target on the thread where it happens. One for the process, for
/// what interests a subscriber of one thread can be forgotten by another's.
struct Recorder;

thread_local! {
    static RECORDS: RefCell<Records> = RefCell::default();
}

#[derive(Default)]
struct Records {
    /// By the span's id: its fields, and the events in it.
    spans: Vec<(Id, Fields, Events)>,
    /// Those outside of a span.
    events: Vec<Fields>,
}

fn with_records<T>(then: impl FnOnce(&mut Records) -> T) -> T {
    RECORDS.with_borrow_mut(then)
}

struct Visitor<'f>(&'f mut Fields);

impl Visit for Visitor<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name().to_owned(), value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.insert(field.name().to_owned(), format!("{value:?}"));
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> tracing_subscriber::Layer<S> for Recorder {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, _: Context<'_, S>) {
        if attributes.metadata().target() == "holdoff" {
            let mut fields = Fields::new();
            attributes.record(&mut Visitor(&mut fields));
            with_records(|records| records.spans.push((id.clone(), fields, vec![])));
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, _: Context<'_, S>) {
        with_records(|records| {
            // The ids of spans that ended are given anew.
            if let Some((_, fields, _)) = records.spans.iter_mut().rfind(|span| span.0 == *id) {
                values.record(&mut Visitor(fields));
            }
        });
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        if event.metadata().target() != "holdoff" {
            return;
        }
        let mut fields = Fields::new();
        event.record(&mut Visitor(&mut fields));
        fields.insert("level".to_owned(), event.metadata().level().to_string());
        let current = context.event_span(event).map(|span| span.id());
        with_records(|records| {
            let mut spans = records.spans.iter_mut();
            match spans.rfind(|span| Some(&span.0) == current.as_ref()) {
                Some((_, _, events)) => events.push((event.metadata().name().to_owned(), fields)),
                None => records.events.push(fields),
            }
        });
    }
}

/// Installs the recorder and, next to it, an exporter of OpenTelemetry's, which is returned.
fn start_recording() -> InMemorySpanExporter {
    static EXPORTER: OnceLock<InMemorySpanExporter> = OnceLock::new();
    let exporter = EXPORTER.get_or_init(|| {
        let exporter = InMemorySpanExporter::default();
        let provider = SdkTracerProvider::builder()
            .with_simple_exporter(exporter.clone())
            .build();
        let exporting = tracing_opentelemetry::layer().with_tracer(provider.tracer("holdoff"));
        let subscriber = tracing_subscriber::registry()
            .with(Recorder)
            .with(exporting);
        tracing::subscriber::set_global_default(subscriber).unwrap();
        exporter
    });
    with_records(std::mem::take);
    exporter.clone()
}

/// What was recorded since, and is no longer.
fn recorded() -> Records {
    with_records(std::mem::take)
}

fn warnings() -> Vec<String> {
    let records = recorded();
    let inside = records.spans.iter().flat_map(|(_, _, events)| events);
    let all = records
        .events
        .iter()
        .chain(inside.map(|(_, fields)| fields));
    all.filter(|fields| fields["level"] == "WARN")
        .filter_map(|fields| fields.get("message").cloned())
        .collect()
}

#[tokio::test]
async fn each_attempt_is_one_span_with_one_decision() {
    let server =
        Server::playing(&json!({"/busy": {"steps": [{"status": 503}, {"fault": "reset"}]}}));
    let port = server.base.rsplit(':').next().unwrap();
    for (name, caller) in callers(&Options::new().policy(quick()).seed(7)) {
        start_recording();
        let url = server.base.replace("http://", "http://me:secret@");
        let url = format!("{url}/~{name}/busy?key=secret");
        assert_eq!(caller.get(&url).await.unwrap().status, 200);

        let records = recorded();
        let endpoint = format!("{}/~{name}/busy", server.base);
        assert_eq!(records.spans.len(), 3, "{name}");
        for (index, (status, error, resend)) in [
            (Some("503"), Some("503"), None),
            (None, Some("reset"), Some("1")),
            (Some("200"), None, Some("2")),
        ]
        .into_iter()
        .enumerate()
        {
            let (_, span, events) = &records.spans[index];
            let field = |name: &str| span.get(name).map(String::as_str);
            assert_eq!(field("otel.name"), Some("GET"));
            assert_eq!(field("otel.kind"), Some("client"));
            assert_eq!(field("http.request.method"), Some("GET"));
            assert_eq!(field("server.address"), Some("127.0.0.1"));
            assert_eq!(field("server.port"), Some(port));
            assert_eq!(field("url.full"), Some(endpoint.as_str()));
            assert_eq!(field("http.response.status_code"), status, "{name} {index}");
            assert_eq!(field("error.type"), error, "{name} {index}");
            assert_eq!(field("otel.status_code"), error.map(|_| "ERROR"));
            assert_eq!(field("http.request.resend_count"), resend, "{name} {index}");
            let events: Vec<_> = events
                .iter()
                .map(|(name, fields)| (name.as_str(), fields))
                .collect();
            match (error, &events[..]) {
                (None, []) => {}
                (Some(_), [("holdoff.decision", fields)]) => {
                    assert_eq!(fields["level"], "INFO");
                    assert_eq!(fields["action"], "retry");
                    assert_eq!(fields["source"], "backoff");
                    assert!(fields["after_ms"].parse::<u64>().unwrap() >= 40);
                    assert!(fields.contains_key("reason"));
                    assert_eq!(fields["attempt"], index.to_string());
                    assert_eq!(fields["endpoint"], endpoint);
                }
                other => panic!("{name} {index}: {other:?}"),
            }
        }
        let everything = format!("{:?} {:?}", records.spans, records.events);
        assert!(!everything.contains("secret"), "{everything}");
    }
}

#[tokio::test]
async fn opentelemetry_exports_a_client_span_for_each_attempt() {
    let server = Server::playing(&json!({"/busy": {"steps": [{"status": 503}]}}));
    let exporter = start_recording();
    for (name, caller) in callers(&Options::new().policy(quick())) {
        let url = format!("{}/~{name}/busy", server.base);
        caller.get(&url).await.unwrap();
        let text = |value: Option<&str>| value.map(str::to_owned);
        let exported = exporter.get_finished_spans().unwrap();
        let spans = exported.iter().filter_map(|span| {
            let attribute = |name: &str| {
                let mut all = span.attributes.iter();
                let found = all.find(|attribute| attribute.key.as_str() == name);
                found.map(|attribute| attribute.value.to_string())
            };
            (attribute("url.full").as_ref() == Some(&url)).then(|| {
                assert_eq!(
                    (span.name.as_ref(), &span.span_kind),
                    ("GET", &SpanKind::Client)
                );
                // hyper tells of its connections there, too.
                let events = span.events.iter().map(|event| event.name.as_ref());
                let events: Vec<_> = events.filter(|name| name.starts_with("holdoff")).collect();
                (
                    attribute("http.response.status_code"),
                    attribute("http.request.resend_count"),
                    matches!(span.status, Status::Error { .. }),
                    events,
                )
            })
        });
        let expected = [
            (text(Some("503")), None, true, vec!["holdoff.decision"]),
            (text(Some("200")), text(Some("1")), false, vec![]),
        ];
        assert_eq!(spans.collect::<Vec<_>>(), expected, "{name}");
    }
}

#[tokio::test]
async fn giving_up_warns_and_escalating_is_an_error() {
    let server = Server::playing(&json!({
        "/bad": {"then": {"status": 400}},
        "/failing": {"then": {"status": 500}},
    }));
    for (name, caller) in callers(&Options::new().policy(quick()).without_upstream()) {
        for (path, levels) in [
            ("/bad", &["DEBUG"][..]),
            ("/failing", &["INFO", "INFO", "ERROR"]),
        ] {
            start_recording();
            caller.get(&(server.base.clone() + path)).await.unwrap();
            let records = recorded();
            let events = records.spans.iter().flat_map(|(_, _, events)| events);
            let told: Vec<_> = events.map(|(_, fields)| fields["level"].as_str()).collect();
            assert_eq!(told, levels, "{name}{path}");
        }
    }
}

#[tokio::test]
async fn a_retry_around_the_retry_is_said_once() {
    let server = Server::playing(&json!({"/a": {}}));
    let url = server.base.clone() + "/a";
    for (name, caller) in callers(&Options::new().policy(quick())) {
        start_recording();
        for count in ["0", "1", "2"] {
            let mut request = post(&url, Body::from("{}"));
            let count = count.parse().unwrap();
            request
                .headers_mut()
                .insert("x-stainless-retry-count", count);
            caller.send(request).await.unwrap();
        }
        let warnings = warnings();
        assert!(
            matches!(&warnings[..], [one] if one.contains("`max_retries`")),
            "{name}: {warnings:?}"
        );
    }
    for (name, caller) in callers(&Options::new().policy(quick())) {
        start_recording();
        for _ in 0..2 {
            match &caller {
                Caller::Tower(service) => {
                    let twice = RetryLayer::default().layer(service.clone());
                    twice.oneshot(post(&url, Body::from("{}"))).await.unwrap();
                }
                Caller::Reqwest(_) => {
                    let inner = RetryMiddleware::default();
                    let client = reqwest_middleware::ClientBuilder::new(reqwest::Client::new())
                        .with(RetryMiddleware::default())
                        .with(inner)
                        .build();
                    client.get(&url).send().await.unwrap();
                    client.get(&url).send().await.unwrap();
                    break;
                }
            }
        }
        let warnings = warnings();
        assert!(
            matches!(&warnings[..], [one] if one.contains("layers")),
            "{name}: {warnings:?}"
        );
    }

    // A call to elsewhere, as for a token.
    start_recording();
    let [(_, caller), _] = callers(&Options::new().policy(quick()));
    let token = server.base.clone() + "/~token/a";
    let fetching = tower::service_fn(move |_: http::Request<Body>| {
        let (caller, token) = (caller.clone(), token.clone());
        async move {
            assert_eq!(caller.get(&token).await.unwrap().status, 200);
            Ok::<_, std::convert::Infallible>(http::Response::new(Body::from("")))
        }
    });
    let service = RetryLayer::default().layer(fetching);
    service.oneshot(post(&url, Body::from("{}"))).await.unwrap();
    assert_eq!(warnings(), Vec::<String>::new());
}
