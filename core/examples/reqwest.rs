//! Retries a request of reqwest by the policy of Tessera AI.
//!
//! ```sh
//! cargo run -p holdoff --example reqwest -- http://127.0.0.1:8080/v1/models
//! ```
//!
//! What is around the core here is what an adapter is: it sends, waits and reports. It has no branch
//! on a status and no number of milliseconds of its own.

use std::error::Error;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use holdoff::{Action, Call, Decision, Failure, Headers, Phase, Policy, TransportKind};
use reqwest::{Client, RequestBuilder, Response};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let url = std::env::args().nth(1).ok_or("usage: reqwest URL")?;
    let policy = Policy::tessera();
    let start = Instant::now();
    let report = |attempt, decision: Decision| {
        let at = start.elapsed().as_secs_f64();
        let how = match decision.action() {
            Action::Retry => format!("after {} ms, by {}", decision.after_ms(), decision.source()),
            _ => format!("because of {}", decision.reason()),
        };
        let (class, action) = (decision.class(), decision.action());
        println!("{at:6.2} s  attempt {attempt}  {class}: {action} {how}");
    };
    let response = send(&policy, Client::new().get(url), report).await?;
    println!(
        "{:6.2} s  {}",
        start.elapsed().as_secs_f64(),
        response.status()
    );
    println!("{}", response.text().await?);
    Ok(())
}

/// Sends the request until it succeeds or the policy ends the call, and gives back the last response
/// as it came. Error bodies are left unread, so the policy goes by status and headers alone.
async fn send(
    policy: &Policy,
    request: RequestBuilder,
    report: impl Fn(u32, Decision),
) -> Result<Response, Box<dyn Error>> {
    let seed = getrandom::u64()?;
    let start = Instant::now();
    let mut attempt = 0_u32;
    loop {
        let Some(copy) = request.try_clone() else {
            return Ok(request.send().await?); // A streaming body can be sent once only.
        };
        let call = Call {
            now_ms: u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis()).ok(),
            elapsed_ms: u64::try_from(start.elapsed().as_millis()).ok(),
            replayable: Some(true),
            ..Call::new(attempt, seed)
        };
        let result = copy.send().await;
        let decision = match &result {
            Ok(response) if response.status().as_u16() < 400 => return Ok(result?),
            Ok(response) => {
                let names = policy.headers();
                let pairs: Vec<_> = names
                    .flat_map(|name| {
                        response
                            .headers()
                            .get_all(name)
                            .iter()
                            .map(move |v| (name, v))
                    })
                    .filter_map(|(name, value)| Some((name, value.to_str().ok()?)))
                    .collect();
                let headers = Headers::Pairs(&pairs);
                let status = response.status().as_u16();
                policy.decide(
                    &Failure::Response {
                        status,
                        headers,
                        body: b"",
                    },
                    &call,
                )
            }
            Err(error) => policy.decide(&transport(error), &call),
        };
        report(attempt, decision);
        if decision.action() != Action::Retry {
            return Ok(result?);
        }
        drop(result);
        tokio::time::sleep(Duration::from_millis(decision.after_ms())).await;
        attempt = attempt.saturating_add(1);
    }
}

/// How reqwest's error is called in holdoff's words.
fn transport(error: &reqwest::Error) -> Failure<'static> {
    let phase = if error.is_connect() {
        Phase::Connect
    } else {
        Phase::Sent
    };
    let kind = match error {
        error if error.is_timeout() => TransportKind::Timeout,
        error if error.is_connect() => TransportKind::Connect,
        error if error.is_decode() => TransportKind::Protocol,
        _ => TransportKind::Reset,
    };
    Failure::Transport(kind, phase)
}
