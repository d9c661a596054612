//! Retries a request of reqwest by the policy of Tessera AI, and shows each decision.
//!
//! ```sh
//! cargo run -p holdoff --example reqwest -- URL [SEED]
//! ```
//!
//! What is around the core here is what an adapter is: it sends, waits and reports. It has no
//! number of milliseconds of its own, and the one status it looks at is that of a success.

use std::error::Error;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use holdoff::{Action, Call, Decision, Failure, Headers, Phase, Policy, TransportKind};
use reqwest::{Client, Request, StatusCode, header::HeaderMap};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let url = arguments.next().ok_or("usage: reqwest URL [SEED]")?;
    let seed = match arguments.next() {
        Some(seed) => seed.parse()?,
        None => getrandom::u64()?,
    };
    let client = Client::new();
    let request = client.get(url).build()?;
    let start = Instant::now();
    let report = |attempt, decision: Decision| {
        let (class, action) = (decision.class(), decision.action());
        let how = match action {
            Action::Retry => format!("after {} ms, by {}", decision.after_ms(), decision.source()),
            _ => format!("because of {}", decision.reason()),
        };
        let at = start.elapsed().as_secs_f64();
        println!("{at:6.2} s  attempt {attempt}  {class}: {action} {how}");
    };
    let answer = send(&client, &Policy::tessera(), &request, seed, report).await?;
    let at = start.elapsed().as_secs_f64();
    println!("{at:6.2} s  {}", answer.status.as_u16());
    Ok(())
}

/// A response that was read whole.
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Vec<u8>,
}

/// Sends the request until it succeeds or the policy ends the call, and gives back the last answer
/// or error.
async fn send(
    client: &Client,
    policy: &Policy,
    request: &Request,
    seed: u64,
    report: impl Fn(u32, Decision),
) -> Result<Answer, Box<dyn Error>> {
    let start = Instant::now();
    let mut attempt = 0_u32;
    loop {
        let copy = request
            .try_clone()
            .ok_or("a streaming body can't be sent again")?;
        let result = exchange(client, copy).await;
        let call = Call {
            now_ms: u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis()).ok(),
            elapsed_ms: u64::try_from(start.elapsed().as_millis()).ok(),
            method: Some(request.method().as_str()),
            ..Call::new(attempt, seed)
        };
        let decision = match &result {
            Ok(answer) if answer.status.as_u16() < 400 => return Ok(result?),
            Ok(Answer {
                status,
                headers,
                body,
            }) => {
                let wanted = policy
                    .headers()
                    .flat_map(|name| headers.get_all(name).iter().map(move |value| (name, value)));
                let pairs: Vec<_> = wanted
                    .filter_map(|(name, value)| Some((name, value.to_str().ok()?)))
                    .collect();
                let (status, headers) = (status.as_u16(), Headers::Pairs(&pairs));
                policy.decide(
                    &Failure::Response {
                        status,
                        headers,
                        body,
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
        tokio::time::sleep(Duration::from_millis(decision.after_ms())).await;
        attempt = attempt.saturating_add(1);
    }
}

async fn exchange(client: &Client, request: Request) -> reqwest::Result<Answer> {
    let response = client.execute(request).await?;
    let (status, headers) = (response.status(), response.headers().clone());
    let body = response.bytes().await?.to_vec();
    Ok(Answer {
        status,
        headers,
        body,
    })
}

/// How reqwest's error is called in holdoff's words.
fn transport(error: &reqwest::Error) -> Failure<'static> {
    match error {
        error if error.is_timeout() && error.is_connect() => {
            Failure::Transport(TransportKind::Timeout, Phase::Connect)
        }
        error if error.is_timeout() => Failure::Transport(TransportKind::Timeout, Phase::Sent),
        error if error.is_connect() => Failure::Transport(TransportKind::Connect, Phase::Connect),
        error if error.is_body() || error.is_decode() => {
            Failure::Transport(TransportKind::Reset, Phase::Body)
        }
        _ => Failure::Transport(TransportKind::Reset, Phase::Sent),
    }
}
