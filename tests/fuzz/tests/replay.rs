//! Every target on what servers really send, and on mutations of it that are the same in every run.

#![cfg(test)]

use std::time::{Duration, Instant};

use holdoff_fuzz::seeds::Shared;
use holdoff_fuzz::{TARGETS, Target};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, RngSeed, TestRunner};

/// How many mutated inputs each target gets.
const MUTATED: u32 = 3000;
/// How long one input may take: a decision is made many times for it, without optimization.
const LONGEST: Duration = Duration::from_secs(5);
const MOST_BYTES: usize = 70_000;
/// What breaks readers, beside what is in the seeds.
const TOKENS: [&str; 24] = [
    "\n",
    "\r\n",
    ",",
    ", ",
    ";",
    "\0",
    "\u{7f}",
    "\u{a0}",
    "\u{1f600}",
    "0",
    "-1",
    "9999999999",
    "99999999999999999999999999999999",
    ".",
    "1e400",
    "0x10",
    "Thu, ",
    "GMT",
    "\"",
    "\\",
    "{",
    "[",
    "data: ",
    "retry in ",
];

/// A change to a seed.
#[derive(Clone, Debug)]
enum Mutation {
    /// A byte becomes another one.
    Byte(Index, u8),
    /// A token is put in.
    Token(Index, &'static str),
    /// A part is left out.
    Cut(Index, usize),
    /// A part is repeated.
    Repeat(Index, usize, usize),
    /// A part is put in that comes from another seed.
    Splice(Index, Index, Index, usize),
}

fn mutation() -> impl Strategy<Value = Mutation> {
    let at = any::<Index>;
    prop_oneof![
        (at(), any::<u8>()).prop_map(|(at, byte)| Mutation::Byte(at, byte)),
        (at(), 0..TOKENS.len()).prop_map(|(at, token)| Mutation::Token(at, TOKENS[token])),
        (at(), 1..40_usize).prop_map(|(at, length)| Mutation::Cut(at, length)),
        (
            at(),
            1..60_usize,
            prop_oneof![9 => 1..9_usize, 1 => 9..2000_usize]
        )
            .prop_map(|(at, length, times)| Mutation::Repeat(at, length, times)),
        (at(), at(), at(), 1..80_usize)
            .prop_map(|(to, seed, from, length)| Mutation::Splice(to, seed, from, length)),
    ]
}

/// The part of `bytes` at an index, as long as there is so much.
fn part<'b>(bytes: &'b [u8], at: &Index, length: usize) -> &'b [u8] {
    let at = at.index(bytes.len().saturating_add(1));
    &bytes[at..bytes.len().min(at.saturating_add(length))]
}

fn mutate(seeds: &[Vec<u8>], seed: &Index, mutations: &[Mutation]) -> Vec<u8> {
    let mut bytes = seed.get(seeds).clone();
    for mutation in mutations {
        let (at, inserted, dropped) = match mutation {
            Mutation::Byte(at, byte) => (at, vec![*byte], 1),
            Mutation::Token(at, token) => (at, token.as_bytes().to_vec(), 0),
            Mutation::Cut(at, length) => (at, vec![], *length),
            Mutation::Repeat(at, length, times) => {
                (at, part(&bytes, at, *length).repeat(*times), 0)
            }
            Mutation::Splice(at, seed, from, length) => (
                at,
                part(seed.get::<Vec<u8>>(seeds), from, *length).to_vec(),
                0,
            ),
        };
        let begin = at.index(bytes.len().saturating_add(1));
        let end = bytes.len().min(begin.saturating_add(dropped));
        bytes.splice(begin..end, inserted);
        bytes.truncate(MOST_BYTES);
    }
    bytes
}

fn run(target: &Target, bytes: &[u8]) {
    let start = Instant::now();
    (target.run)(bytes);
    assert!(start.elapsed() < LONGEST, "{:?}", start.elapsed());
}

fn replay(name: &str) {
    let target = TARGETS.iter().find(|target| target.name == name).unwrap();
    let seeds = (target.seeds)(&Shared::read().unwrap());
    assert!(seeds.len() > 100, "{} seeds", seeds.len());
    for seed in &seeds {
        run(target, seed);
    }
    let config = Config {
        cases: MUTATED,
        // What is found becomes a vector.
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(7),
        ..Config::default()
    };
    let inputs = (any::<Index>(), vec(mutation(), 1..6));
    TestRunner::new(config)
        .run(&inputs, |(seed, mutations)| {
            let bytes = mutate(&seeds, &seed, &mutations);
            run(target, &bytes);
            Ok(())
        })
        .unwrap_or_else(|error| panic!("{error}"));
    println!("{name}: {} seeds and {MUTATED} mutated inputs", seeds.len());
}

#[test]
fn response_head() {
    replay("response_head");
}

#[test]
fn hint_value() {
    replay("hint_value");
}

#[test]
fn body() {
    replay("body");
}

#[test]
fn policy_document() {
    replay("policy_document");
}

#[test]
fn decide() {
    replay("decide");
}
