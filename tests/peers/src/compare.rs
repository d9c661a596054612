//! Whether a preset answers as the client does.

use std::collections::BTreeMap;

use holdoff::{Action, Call, Decision, Failure, Headers, Phase, Policy, TransportKind};

use crate::case::{Answer, Case, Delay, Draw, NOW_MS, Peer};
use crate::difference::{self, Seen};

/// Clients compute with floats, and round where holdoff doesn't.
const ROUNDING_MS: f64 = 1.0;

/// What came of one case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Both do the same.
    Equal,
    /// They differ as the preset says, under this name.
    Known(&'static str),
    /// They differ, for a person.
    Different(String),
}

/// A client and its preset, and what came of the cases so far.
#[derive(Debug)]
pub struct Comparison<'p> {
    peer: &'p Peer,
    policy: Policy,
    /// How many cases were equal.
    pub equal: usize,
    /// How many differed by each name that the preset gives.
    known: BTreeMap<&'static str, usize>,
}

impl<'p> Comparison<'p> {
    /// Of a client and its preset; an error if the preset names a difference that nobody can tell.
    pub fn new(peer: &'p Peer) -> Result<Self, String> {
        let policy = Policy::preset(&peer.preset).map_err(|error| error.to_string())?;
        let named = policy.client().map(|client| &client.known_differences);
        let mut known = BTreeMap::new();
        for (name, _) in named.into_iter().flatten() {
            let (name, _) = difference::named(name).ok_or_else(|| {
                format!("{}: no way to tell the difference `{name}`", peer.preset)
            })?;
            known.insert(name, 0);
        }
        Ok(Self {
            peer,
            policy,
            equal: 0,
            known,
        })
    }

    /// Compares one case.
    pub fn add(&mut self, case: &Case, answer: &Answer) -> Outcome {
        let outcome = self.outcome(case, answer);
        let count = match &outcome {
            Outcome::Equal => &mut self.equal,
            Outcome::Known(name) => self.known.entry(name).or_default(),
            Outcome::Different(_) => return outcome,
        };
        *count = count.saturating_add(1);
        outcome
    }

    /// How many cases differ by one of the preset's names.
    pub fn known_count(&self) -> usize {
        self.known.values().sum()
    }

    /// The names under which nothing differed.
    pub fn unseen(&self) -> impl Iterator<Item = &'static str> {
        let names = self.known.iter();
        names
            .filter(|(_, count)| **count == 0)
            .map(|(name, _)| *name)
    }

    fn outcome(&self, case: &Case, answer: &Answer) -> Outcome {
        let decisions = self.decisions(case);
        if agree(&decisions, answer) {
            return Outcome::Equal;
        }
        let retry = decisions
            .iter()
            .find(|decision| decision.action() == Action::Retry);
        let seen = Seen {
            case,
            answer,
            after_ms: retry.map(|decision| decision.after_ms()),
        };
        let known = self.known.keys().copied();
        let mut told =
            known.filter(|name| difference::named(name).is_some_and(|(_, tells)| tells(seen)));
        if let Some(name) = told.next() {
            return Outcome::Known(name);
        }
        let json = |value| serde_json::to_string(value).unwrap_or_default();
        let answer = serde_json::to_string(answer).unwrap_or_default();
        let ours: Vec<_> = decisions
            .iter()
            .map(|decision| format!("{} {} ms", decision.action(), decision.after_ms()))
            .collect();
        Outcome::Different(format!(
            "{}: {answer}, here {}",
            json(case),
            ours.join(" to ")
        ))
    }

    /// What the preset decides: once, or by the least and the greatest draw.
    fn decisions(&self, case: &Case) -> Vec<Decision> {
        let headers: Vec<(&str, &str)> = case
            .headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        let failure = failure(case, &headers);
        let draws = match self.peer.draw {
            Draw::Unpinned => vec![holdoff::Draw::Fixed(0), holdoff::Draw::Fixed(u64::MAX)],
            Draw::Pinned | Draw::None => holdoff::Draw::from_fraction(case.draw)
                .into_iter()
                .collect(),
        };
        draws
            .into_iter()
            .map(|draw| {
                let call = Call {
                    draw,
                    now_ms: Some(NOW_MS),
                    max_retries: case.max_retries,
                    method: Some(&case.method),
                    ..Call::new(case.attempt, 0)
                };
                self.policy.decide(&failure, &call)
            })
            .collect()
    }
}

fn failure<'c>(case: &'c Case, headers: &'c [(&'c str, &'c str)]) -> Failure<'c> {
    let kind = case.transport.as_deref().and_then(TransportKind::from_name);
    let phase = case.phase.as_deref().and_then(Phase::from_name);
    match (kind, phase) {
        (Some(kind), Some(phase)) => Failure::Transport(kind, phase),
        _ => Failure::Response {
            status: case.status.unwrap_or(0),
            headers: Headers::Pairs(headers),
            body: case.body.as_bytes(),
        },
    }
}

fn agree(decisions: &[Decision], answer: &Answer) -> bool {
    let retries = |decision: &Decision| decision.action() == Action::Retry;
    let (Some(first), Some(last)) = (decisions.first(), decisions.last()) else {
        return false;
    };
    if answer.raises.is_some() || answer.retry != Some(retries(first)) {
        return false;
    }
    if !retries(first) {
        return true;
    }
    let Some(Delay::Ms(ms)) = answer.delay_ms else {
        return false;
    };
    let (least, most) = (first.after_ms() as f64, last.after_ms() as f64);
    near(ms, least, most)
}

#[expect(clippy::float_arithmetic, reason = "what a client waits is a float")]
fn near(ms: f64, least: f64, most: f64) -> bool {
    let (least, most) = (least.min(most), least.max(most));
    (least - ROUNDING_MS..=most + ROUNDING_MS).contains(&ms)
}
