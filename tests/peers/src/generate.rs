//! Cases for a client: ordinary and hostile values in all that it looks at.

use std::collections::BTreeMap;

use holdoff::Draw;
use serde_json::Value;

use crate::case::{Case, Inputs, MaxRetries};

/// The values that headers are given, by kind.
const VALUES: &str = include_str!("../values.json");

/// So many cases, the same for the same seed.
pub fn cases(inputs: &Inputs, count: usize, seed: u64) -> Result<Vec<Case>, String> {
    let values: BTreeMap<String, Vec<Value>> =
        serde_json::from_str(VALUES).map_err(|error| format!("values.json: {error}"))?;
    let mut generator = Generator {
        values,
        random: Random { seed, drawn: 0 },
    };
    Ok((0..count).map(|_| generator.case(inputs)).collect())
}

struct Generator {
    values: BTreeMap<String, Vec<Value>>,
    random: Random,
}

impl Generator {
    fn case(&mut self, inputs: &Inputs) -> Case {
        let transport = if inputs.status && !self.random.one_in(8) {
            None
        } else {
            self.random.pick(&inputs.transport).cloned()
        };
        let (transport, phase) = transport.unzip();
        let answered = transport.is_none();
        let attempt = self.attempt(inputs.attempts);
        Case {
            status: answered.then(|| self.status()),
            headers: if answered {
                self.headers(inputs)
            } else {
                Vec::new()
            },
            body: match self.random.pick(&inputs.bodies) {
                Some(body) if answered && !self.random.one_in(3) => body.clone(),
                _ => String::new(),
            },
            transport,
            phase,
            method: match self.random.pick(&inputs.methods) {
                Some(method) => method.clone(),
                // Who does not look at the method must not mind it.
                None if self.random.one_in(2) => "POST".into(),
                None => "GET".into(),
            },
            attempt,
            max_retries: match inputs.max_retries {
                MaxRetries::Always(most) => Some(most),
                // Mostly enough to see the wait, sometimes just too few.
                MaxRetries::Settable(true) if !self.random.one_in(3) => Some(
                    attempt
                        .saturating_add(self.random.below(5))
                        .saturating_sub(1),
                ),
                MaxRetries::Settable(_) => None,
            },
            draw: self.random.fraction(),
        }
    }

    /// Mostly one of the first few, where waits still grow.
    fn attempt(&mut self, most: u32) -> u32 {
        let most = if self.random.one_in(3) {
            most
        } else {
            most.min(3)
        };
        self.random.below(most.saturating_add(1))
    }

    fn status(&mut self) -> u16 {
        let kind = if self.random.one_in(4) {
            "status"
        } else {
            "telling status"
        };
        let status = self.value(kind).and_then(|status| status.as_u64());
        status
            .and_then(|status| u16::try_from(status).ok())
            .unwrap_or(500)
    }

    fn headers(&mut self, inputs: &Inputs) -> Vec<(String, String)> {
        let mut headers = Vec::new();
        for name in &inputs.headers {
            if self.random.one_in(3) || (inputs.headers.len() == 1 && !self.random.one_in(4)) {
                headers.push((name.clone(), self.header(name)));
                if self.random.one_in(40) {
                    headers.push((name.clone(), self.header(name)));
                }
            }
        }
        while self.random.one_in(3) {
            let other = self.value("other headers").and_then(pair);
            let absent =
                |(name, _): &(String, String)| headers.iter().all(|(other, _)| other != name);
            headers.extend(other.filter(absent));
        }
        // Some clients take what comes first.
        if self.random.one_in(2) {
            headers.reverse();
        }
        headers
    }

    fn header(&mut self, name: &str) -> String {
        let kinds: &[&str] = match name {
            _ if name.ends_with("should-retry") => &["verdicts"],
            "grpc-retry-pushback-ms" => &["pushbacks"],
            "x-amzn-errortype" => &["error types"],
            _ if self.random.one_in(20) => &["odd numbers"],
            _ if name.contains("-ms") || name == "x-amz-retry-after" => &[
                "numbers",
                "numbers",
                "numbers",
                "hostile numbers",
                "hostile numbers",
                "dates",
            ],
            _ if name.contains("reset") || name.starts_with("x-ratelimit") => &[
                "unix",
                "unix",
                "hostile unix",
                "numbers",
                "hostile numbers",
                "dates",
            ],
            _ => &[
                "numbers",
                "numbers",
                "dates",
                "hostile numbers",
                "hostile dates",
                "hostile unix",
            ],
        };
        let kind = self.random.pick(kinds).copied().unwrap_or("numbers");
        match self.value(kind) {
            Some(Value::String(text)) => text,
            _ => String::new(),
        }
    }

    fn value(&mut self, kind: &str) -> Option<Value> {
        self.random.pick(self.values.get(kind)?).cloned()
    }
}

fn pair(value: Value) -> Option<(String, String)> {
    serde_json::from_value(value).ok()
}

/// Random numbers, by the core's own counter-based generator.
struct Random {
    seed: u64,
    drawn: u32,
}

impl Random {
    fn bits(&mut self) -> u64 {
        self.drawn = self.drawn.wrapping_add(1);
        Draw::Seed(self.seed).bits(self.drawn)
    }

    fn below(&mut self, end: u32) -> u32 {
        let bits = self.bits() >> 32;
        u32::try_from(bits.saturating_mul(u64::from(end)) >> 32).unwrap_or(0)
    }

    fn one_in(&mut self, count: u32) -> bool {
        self.below(count) == 0
    }

    fn pick<'l, T>(&mut self, list: &'l [T]) -> Option<&'l T> {
        let end = u32::try_from(list.len()).unwrap_or(u32::MAX);
        list.get(usize::try_from(self.below(end)).ok()?)
    }

    /// A fraction with few digits, which every language reads as the same number.
    #[expect(clippy::float_arithmetic, reason = "a power of two divides exactly")]
    fn fraction(&mut self) -> f64 {
        f64::from(self.below(1024)) / 1024.0
    }
}
