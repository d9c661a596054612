//! The two clients behind one face, so that they share their cases.

use std::time::Duration;

use bytes::Bytes;
use holdoff::{Decision, Policy};
use holdoff_tower::{
    BoxError, CallOptions, HeldBack, Options, RequestBody, RetryLayer, RetryMiddleware,
    RetryService,
};
use http::{HeaderMap, Request};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use reqwest_middleware::{ClientBuilder, ClientWithMiddleware};
use tower::timeout::Timeout;
use tower::{Layer, ServiceExt};

pub type Body = RequestBody<Full<Bytes>>;
type Hyper = hyper_util::client::legacy::Client<HttpConnector, Body>;
type Inner = Timeout<Hyper>;

/// A client, with the adapter for it.
#[derive(Clone)]
pub enum Caller {
    /// hyper-util's client as a service of tower.
    Tower(RetryService<Inner>),
    Reqwest(ClientWithMiddleware),
}

/// What a call gave.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub decision: Option<Decision>,
    pub body: Result<Bytes, Failure>,
}

/// The error of a call, or of the body of a response.
#[derive(Debug)]
pub struct Failure {
    pub is_timeout: bool,
    pub is_connect: bool,
    pub held_back: Option<Decision>,
    pub text: String,
}

pub type Outcome = Result<Answer, Failure>;

/// Each client by its name, with these options.
pub fn callers(options: &Options) -> [(&'static str, Caller); 2] {
    callers_with_timeout(options, Duration::from_secs(20))
}

/// The same with a timeout for each attempt.
pub fn callers_with_timeout(options: &Options, limit: Duration) -> [(&'static str, Caller); 2] {
    let inner: Hyper =
        hyper_util::client::legacy::Client::builder(TokioExecutor::new()).build_http();
    let inner = Timeout::new(inner, limit);
    let reqwest = reqwest::Client::builder()
        .timeout(limit)
        .retry(reqwest::retry::never())
        .build()
        .unwrap();
    let reqwest = ClientBuilder::new(reqwest).with(RetryMiddleware::new(options.clone()));
    [
        (
            "tower",
            Caller::Tower(RetryLayer::new(options.clone()).layer(inner)),
        ),
        ("reqwest", Caller::Reqwest(reqwest.build())),
    ]
}

/// `recommended`, but that its waits are short: those that the server gives count as they are.
pub fn quick() -> Policy {
    changed(|_| {})
}

/// The same with something else changed in its document.
pub fn changed(change: impl FnOnce(&mut serde_json::Value)) -> Policy {
    let mut document: serde_json::Value =
        serde_json::from_str(&Policy::recommended().to_json()).unwrap();
    for rule in document["rules"].as_array_mut().unwrap() {
        rule.as_object_mut().unwrap().remove("min_ms");
    }
    document["retries"] = 2.into();
    document["backoff"]["base_ms"] = 40.into();
    document["backoff"]["factor"] = 2.into();
    document["backoff"]["jitter"] = serde_json::json!({"kind": "none"});
    document["upstream"]["breaker"]["after_ms"] = 40.into();
    document["upstream"]["breaker"]["probe_base_ms"] = 20.into();
    document["upstream"]["hold"]["spread_ms"] = 20.into();
    change(&mut document);
    Policy::from_json(&document.to_string()).unwrap()
}

impl Caller {
    pub async fn get(&self, url: &str) -> Outcome {
        self.send(Request::get(url).body(Body::from("")).unwrap())
            .await
    }

    pub async fn post(&self, url: &str, body: impl Into<Bytes>) -> Outcome {
        self.send(post(url, Body::from(body))).await
    }

    pub async fn send(&self, request: Request<Body>) -> Outcome {
        match self {
            Self::Tower(service) => {
                let response = service.clone().oneshot(request).await.map_err(failure)?;
                let (parts, body) = response.into_parts();
                Ok(Answer {
                    status: parts.status.as_u16(),
                    headers: parts.headers,
                    decision: parts.extensions.get().copied(),
                    body: body
                        .collect()
                        .await
                        .map(|body| body.to_bytes())
                        .map_err(failure),
                })
            }
            Self::Reqwest(client) => {
                let response = Self::send_by_reqwest(client, request).await;
                let response = response.map_err(|error| Failure {
                    is_timeout: error.is_timeout(),
                    is_connect: error.is_connect(),
                    held_back: held_back(&error),
                    text: error.to_string(),
                })?;
                Ok(Answer {
                    status: response.status().as_u16(),
                    headers: response.headers().clone(),
                    decision: response.extensions().get().copied(),
                    body: response
                        .bytes()
                        .await
                        .map_err(|error| failure(error.into())),
                })
            }
        }
    }

    /// The response with its body still to come.
    pub async fn send_by_reqwest(
        client: &ClientWithMiddleware,
        request: Request<Body>,
    ) -> reqwest_middleware::Result<reqwest::Response> {
        let (parts, body) = request.into_parts();
        let mut builder = client
            .request(parts.method, parts.uri.to_string())
            .headers(parts.headers)
            .body(match body {
                RequestBody::Bytes(bytes) => reqwest::Body::from(bytes),
                RequestBody::Once(body) => reqwest::Body::wrap(body),
            });
        if let Some(own) = parts.extensions.get::<CallOptions>() {
            builder = builder.with_extension(*own);
        }
        builder.send().await
    }
}

pub fn post(url: &str, body: Body) -> Request<Body> {
    Request::post(url).body(body).unwrap()
}

fn failure(error: BoxError) -> Failure {
    let reqwest = error.downcast_ref::<reqwest::Error>();
    let hyper = error.downcast_ref::<hyper_util::client::legacy::Error>();
    Failure {
        is_timeout: error.is::<tower::timeout::error::Elapsed>()
            || reqwest.is_some_and(reqwest::Error::is_timeout),
        is_connect: hyper.is_some_and(hyper_util::client::legacy::Error::is_connect),
        held_back: error.downcast_ref::<HeldBack>().map(HeldBack::decision),
        text: error.to_string(),
    }
}

fn held_back(error: &reqwest_middleware::Error) -> Option<Decision> {
    match error {
        reqwest_middleware::Error::Middleware(error) => {
            error.downcast_ref::<HeldBack>().map(HeldBack::decision)
        }
        reqwest_middleware::Error::Reqwest(_) => None,
    }
}
