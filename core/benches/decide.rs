//! What one decision costs. The inputs are those of the other languages' benchmarks.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use holdoff::{Call, Failure, Headers, Policy};

/// The headers of a rate-limited response as a large API sends them.
const HEADERS: [(&str, &str); 12] = [
    ("date", "Thu, 15 Jan 2026 12:00:00 GMT"),
    ("content-type", "application/json"),
    ("content-length", "337"),
    ("connection", "keep-alive"),
    ("x-request-id", "req_5f0c2a9b7e614d3f8a1b2c3d4e5f6071"),
    ("x-ratelimit-limit-requests", "500"),
    ("x-ratelimit-remaining-requests", "0"),
    ("x-ratelimit-reset-requests", "120ms"),
    (
        "strict-transport-security",
        "max-age=31536000; includeSubDomains; preload",
    ),
    ("cf-cache-status", "DYNAMIC"),
    ("server", "cloudflare"),
    ("cf-ray", "8c1f2e3d4b5a6978-FRA"),
];

/// An error body of 330 bytes.
const BODY: &str = include_str!("error-body.json");

fn decide(criterion: &mut Criterion) {
    let policy = Policy::tessera();
    let with = |name, value| [HEADERS.as_slice(), &[(name, value)]].concat();
    let seconds = with("retry-after", "3");
    let date = with("retry-after", "Thu, 15 Jan 2026 12:00:30 GMT");
    let call = Call {
        now_ms: Some(1_768_478_400_000),
        ..Call::new(1, 7)
    };
    let mut bench = |name: &str, headers: &[(&str, &str)], body: &str| {
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
    bench("12 headers, backoff", &HEADERS, "");
    bench("13 headers, Retry-After in seconds", &seconds, "");
    bench("13 headers, Retry-After as a date", &date, "");
    bench("13 headers, error body of 330 bytes", &seconds, BODY);
}

criterion_group!(benches, decide);
criterion_main!(benches);
