//! What one decision costs, on the inputs that the benchmarks of all languages share.

use std::collections::BTreeMap;
use std::error::Error;
use std::hint::black_box;

use criterion::Criterion;
use holdoff::{Call, Failure, Headers, Policy};

/// The headers of a rate-limited response as a large API sends them.
const HEADERS: &str = include_str!("../../tests/bench/headers.json");
/// A rate limit of OpenAI's, with an error body of its own.
const OPENAI: &str = include_str!("../../tests/responses/openai-rate-limit.http");
/// An error body of 330 bytes.
const BODY: &str = include_str!("../../tests/bench/error-body.json");

fn main() -> Result<(), Box<dyn Error>> {
    let mut criterion = Criterion::default().configure_from_args();
    let (tessera, recommended) = (Policy::tessera(), Policy::recommended());
    let headers: BTreeMap<&str, &str> = serde_json::from_str(HEADERS)?;
    let seconds: Vec<(&str, &str)> = headers.into_iter().collect();
    let with = |retry_after: Option<&'static str>| {
        let mut headers = seconds.clone();
        headers.retain(|(name, _)| *name != "retry-after");
        headers.extend(retry_after.map(|value| ("retry-after", value)));
        headers
    };
    let none = with(None);
    let date = with(Some("Thu, 15 Jan 2026 12:00:30 GMT"));

    let call = Call {
        now_ms: Some(1_768_478_400_000),
        ..Call::new(1, 7)
    };
    let mut bench = |name: &str, policy: &Policy, headers: &[(&str, &str)], body: &str| {
        criterion.bench_function(name, |bencher| {
            bencher.iter(|| {
                let headers = Headers::Pairs(black_box(headers));
                let body = black_box(body).as_bytes();
                let failure = Failure::Response {
                    status: black_box(429),
                    headers,
                    body,
                };
                policy.decide(&failure, &call)
            });
        });
    };
    bench("retry-after", &tessera, &seconds, "");
    bench("no hint", &tessera, &none, "");
    bench("date", &tessera, &date, "");
    bench("body", &tessera, &seconds, BODY);
    let (head, body) = OPENAI.split_once("\r\n\r\n").ok_or("a head and a body")?;
    let openai: Vec<_> = head
        .lines()
        .filter_map(|line| line.split_once(": "))
        .collect();
    bench("recommended", &recommended, &openai, body);
    criterion.final_summary();
    Ok(())
}
