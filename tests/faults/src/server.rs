//! The server: counts the requests of each path, logs them, and plays the step whose turn it is.

use std::collections::HashMap;
use std::error::Error;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_REQUEST_METHOD,
    HeaderMap, HeaderValue,
};
use hyper::http::request::Parts;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};

use crate::connections::{Connection, Connections};
use crate::fault::Broken;
use crate::log::Log;
use crate::scenario::{Scenario, split_run};
use crate::step::{Payload, Step};

type AnyError = Box<dyn Error + Send + Sync>;

/// A scenario being played.
#[derive(Debug)]
pub struct Server {
    scenario: Scenario,
    record: Mutex<Record>,
    connections: Connections,
}

/// What happened so far. Counts and log share a lock, so that the log is in the order of the steps.
#[derive(Debug)]
struct Record {
    /// How many requests came to each path, run key and all.
    counts: HashMap<String, usize>,
    log: Log,
}

/// Who answers a request.
enum Answer<'a> {
    Step(&'a Step),
    Preflight,
    UnknownPath,
}

impl Server {
    /// A server that has not been asked anything yet.
    pub fn new(scenario: Scenario, log: Log) -> Self {
        Self {
            scenario,
            record: Mutex::new(Record {
                counts: HashMap::new(),
                log,
            }),
            connections: Connections::default(),
        }
    }

    /// Serves every connection that comes, for ever.
    pub async fn serve(self: Arc<Self>, listener: TcpListener) {
        loop {
            match listener.accept().await {
                Ok((stream, _)) => {
                    tokio::spawn(Arc::clone(&self).serve_connection(stream));
                }
                Err(error) => {
                    // Too many open files, most likely: some will be closed in a moment.
                    eprintln!("holdoff-faults: no connection accepted: {error}");
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
            }
        }
    }

    async fn serve_connection(self: Arc<Self>, stream: TcpStream) {
        let counted = Mutex::new(self.connections.accept());
        // Without it a head may wait for the acknowledgement of the bytes before it.
        let _ = stream.set_nodelay(true);
        let service = service_fn(|request| Box::pin(self.answer(request, &counted)));
        let mut connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
        let Err(error) = (&mut connection).await else {
            return;
        };
        if let Some(broken) = error
            .source()
            .and_then(|source| source.downcast_ref::<Broken>())
        {
            let stream = connection.into_parts().io.into_inner();
            // The client may leave before it was sent all that it should be: so be it.
            let _ = broken.send(stream).await;
        }
    }

    /// A whole response, or one that is [`Broken`].
    async fn answer(
        &self,
        request: Request<Incoming>,
        connection: &Mutex<Connection>,
    ) -> Result<Response<Payload>, AnyError> {
        let (request, body) = request.into_parts();
        if request.method == Method::GET
            && let path @ ("/__log" | "/__connections") = request.uri.path()
        {
            lock(connection).is_asking();
            return match path {
                "/__log" => self.log_response(&request),
                _ => self.connections_response(),
            };
        }
        let body = body.collect().await?.to_bytes();
        match self.take_turn(&request, &body) {
            Answer::Step(step) => play(step, &request.method).await,
            Answer::Preflight => Ok(preflight_response(&request.headers)),
            Answer::UnknownPath => {
                let path = request.uri.path();
                let message = format!("the scenario has no path `{path}`");
                Ok(json_response(
                    StatusCode::NOT_FOUND,
                    &json!({"error": {"message": message}}),
                ))
            }
        }
    }

    /// Counts and logs a request.
    fn take_turn(&self, request: &Parts, body: &[u8]) -> Answer<'_> {
        let path = request.uri.path();
        let mut record = lock(&self.record);
        let (answer, name) = if is_preflight(request) {
            (Answer::Preflight, "preflight".to_owned())
        } else if let Some(script) = self.scenario.script(split_run(path).1) {
            let count = record.counts.entry(path.to_owned()).or_default();
            let (step, name) = script.step(*count);
            *count = count.saturating_add(1);
            (Answer::Step(step), name)
        } else {
            (Answer::UnknownPath, "unknown_path".to_owned())
        };
        record.log.add(request, body, name);
        answer
    }

    fn log_response(&self, request: &Parts) -> Result<Response<Payload>, AnyError> {
        let mut path = None;
        let query = request.uri.query().unwrap_or_default();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            if name != "path" {
                let message = format!("`{name}` is not a filter of the log; `path` is one");
                let body = json!({"error": {"message": message}});
                return Ok(json_response(StatusCode::BAD_REQUEST, &body));
            }
            path = Some(value);
        }
        let record = lock(&self.record);
        Ok(json_response(
            StatusCode::OK,
            &record.log.to_json(path.as_deref())?,
        ))
    }

    fn connections_response(&self) -> Result<Response<Payload>, AnyError> {
        let counts = serde_json::to_value(self.connections.counts())?;
        Ok(json_response(StatusCode::OK, &counts))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn play(step: &Step, method: &Method) -> Result<Response<Payload>, AnyError> {
    tokio::time::sleep(step.delay).await;
    let mut response = step.response(SystemTime::now());
    allow_any_origin(response.headers_mut());
    let Some(mut fault) = step.fault else {
        return Ok(response);
    };
    if method == Method::HEAD {
        // The answer to HEAD has no body of which some could be sent.
        fault.body_bytes = fault.body_bytes.map(|_| 0);
    }
    Err(Broken::new(&response, fault).into())
}

fn json_response(status: StatusCode, body: &Value) -> Response<Payload> {
    let mut response = Step::json(status, body).response(SystemTime::now());
    allow_any_origin(response.headers_mut());
    response
}

/// Lets scripts of any web page call the server and read all that it says.
fn allow_any_origin(headers: &mut HeaderMap) {
    for name in [ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS] {
        headers.entry(name).or_insert(HeaderValue::from_static("*"));
    }
}

/// What a browser asks before a request that a plain form could not send. It takes no step.
fn is_preflight(request: &Parts) -> bool {
    request.method == Method::OPTIONS && request.headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD)
}

/// Allows what is asked for, by name: `*` would not cover `Authorization`.
fn preflight_response(asked: &HeaderMap) -> Response<Payload> {
    let mut response = Response::new(Payload::default());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    allow_any_origin(headers);
    for (asked_for, allowed) in [
        (ACCESS_CONTROL_REQUEST_METHOD, ACCESS_CONTROL_ALLOW_METHODS),
        (ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_ALLOW_HEADERS),
    ] {
        if let Some(value) = asked.get(asked_for) {
            headers.insert(allowed, value.clone());
        }
    }
    response
}
