//! Everything that a decision reads, as bytes and back: the facts of a call in a head of fixed
//! length, then headers, a policy and a body, with a separator between them that none but the
//! last holds.

use std::borrow::Cow;

use holdoff::{Call, Draw, Failure, Phase, Policy, TransportKind};

use crate::policies::{Subject, recommended, subject_of, tessera};

/// ASCII's record separator. It is neither in a header nor in a JSON document.
const SEPARATOR: u8 = 0x1E;
const METHODS: [Option<&str>; 6] = [
    None,
    Some("GET"),
    Some("POST"),
    Some("PATCH"),
    Some("PUT"),
    Some("get"),
];
const UNKNOWN_OR: [Option<bool>; 3] = [None, Some(true), Some(false)];

/// Bytes that are used up from the front; what is missing is zero.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bytes<'b>(pub &'b [u8]);

impl Bytes<'_> {
    fn take<const N: usize>(&mut self) -> [u8; N] {
        let (head, rest) = self.0.split_at(self.0.len().min(N));
        self.0 = rest;
        let mut taken = [0; N];
        taken
            .iter_mut()
            .zip(head)
            .for_each(|(to, from)| *to = *from);
        taken
    }

    pub(crate) fn u8(&mut self) -> u8 {
        u8::from_le_bytes(self.take())
    }

    pub(crate) fn u16(&mut self) -> u16 {
        u16::from_le_bytes(self.take())
    }

    pub(crate) fn u32(&mut self) -> u32 {
        u32::from_le_bytes(self.take())
    }

    pub(crate) fn u64(&mut self) -> u64 {
        u64::from_le_bytes(self.take())
    }

    /// One of these, which are not none.
    #[expect(
        clippy::arithmetic_side_effects,
        clippy::indexing_slicing,
        reason = "the remainder is below the length"
    )]
    pub(crate) fn one_of<T: Copy>(&mut self, values: &[T]) -> T {
        values[usize::from(self.u8()) % values.len()]
    }
}

/// Everything that a decision reads.
#[derive(Clone, Debug, Default)]
pub(crate) struct Input<'b> {
    pub facts: Facts,
    pub headers: Cow<'b, str>,
    pub policy: &'b [u8],
    pub body: &'b [u8],
}

/// The facts of a call, each a number.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Facts {
    /// Which of the numbers below are known, and how the headers are handed over.
    pub known: u8,
    /// What is said of being idempotent, replayable and delivered: 0 nothing, 1 yes, 2 no.
    pub said: [u8; 3],
    pub method: u8,
    pub transport: [u8; 2],
    pub status: u16,
    pub attempt: u32,
    pub max_retries: u32,
    pub draw: u64,
    pub now_ms: u64,
    pub elapsed_ms: u64,
    pub deadline_ms: u64,
}

impl Facts {
    pub(crate) const NOW: u8 = 1;
    pub(crate) const ELAPSED: u8 = 2;
    pub(crate) const DEADLINE: u8 = 4;
    pub(crate) const MAX_RETRIES: u8 = 8;
    pub(crate) const FIXED_DRAW: u8 = 16;
    pub(crate) const BLOCK: u8 = 32;
    /// The policy is tessera, where the bytes are none.
    pub(crate) const TESSERA: u8 = 64;
    pub(crate) const TRANSPORT: u8 = 128;

    fn has(&self, flag: u8) -> bool {
        self.known & flag != 0
    }
}

impl<'b> Input<'b> {
    pub(crate) fn decode(bytes: &'b [u8]) -> Self {
        let mut bytes = Bytes(bytes);
        let facts = Facts {
            known: bytes.u8(),
            said: bytes.take(),
            method: bytes.u8(),
            transport: bytes.take(),
            status: bytes.u16(),
            attempt: bytes.u32(),
            max_retries: bytes.u32(),
            draw: bytes.u64(),
            now_ms: bytes.u64(),
            elapsed_ms: bytes.u64(),
            deadline_ms: bytes.u64(),
        };
        let mut sections = bytes.0.splitn(3, |byte| *byte == SEPARATOR);
        let mut section = || sections.next().unwrap_or_default();
        Self {
            facts,
            headers: String::from_utf8_lossy(section()),
            policy: section(),
            body: section(),
        }
    }

    /// The bytes that [`Input::decode`] makes this of.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let facts = &self.facts;
        let mut bytes = vec![facts.known];
        bytes.extend(facts.said);
        bytes.push(facts.method);
        bytes.extend(facts.transport);
        bytes.extend(facts.status.to_le_bytes());
        bytes.extend(facts.attempt.to_le_bytes());
        bytes.extend(facts.max_retries.to_le_bytes());
        for number in [
            facts.draw,
            facts.now_ms,
            facts.elapsed_ms,
            facts.deadline_ms,
        ] {
            bytes.extend(number.to_le_bytes());
        }
        bytes.extend(self.headers.as_bytes());
        bytes.push(SEPARATOR);
        bytes.extend(self.policy);
        bytes.push(SEPARATOR);
        bytes.extend(self.body);
        bytes
    }

    pub(crate) fn call(&self) -> Call<'static> {
        let facts = &self.facts;
        let say = |index: usize| {
            facts
                .said
                .get(index)
                .map(|code| Bytes(&[*code]).one_of(&UNKNOWN_OR))
        };
        let number = |flag, value| facts.has(flag).then_some(value);
        Call {
            draw: match facts.has(Facts::FIXED_DRAW) {
                true => Draw::Fixed(facts.draw),
                false => Draw::Seed(facts.draw),
            },
            now_ms: number(Facts::NOW, facts.now_ms),
            elapsed_ms: number(Facts::ELAPSED, facts.elapsed_ms),
            deadline_ms: number(Facts::DEADLINE, facts.deadline_ms),
            max_retries: facts.has(Facts::MAX_RETRIES).then_some(facts.max_retries),
            method: Bytes(&[facts.method]).one_of(&METHODS),
            idempotent: say(0).flatten(),
            replayable: say(1).flatten(),
            delivered: say(2).flatten(),
            ..Call::new(facts.attempt, 0)
        }
    }

    /// The status, unless no response came.
    pub(crate) fn status(&self) -> Option<u16> {
        (!self.facts.has(Facts::TRANSPORT)).then_some(self.facts.status)
    }

    pub(crate) fn transport(&self) -> Failure<'static> {
        let [kind, phase] = self.facts.transport;
        Failure::Transport(
            Bytes(&[kind]).one_of(TransportKind::ALL),
            Bytes(&[phase]).one_of(Phase::ALL),
        )
    }

    /// Whether the headers are handed over as one text.
    pub(crate) fn as_block(&self) -> bool {
        self.facts.has(Facts::BLOCK)
    }

    /// The policy: a document, or one that is made of the bytes, or a preset where there are none.
    pub(crate) fn subject(&self) -> Cow<'static, Subject> {
        if self.policy.is_empty() {
            return Cow::Borrowed(match self.facts.has(Facts::TESSERA) {
                true => tessera(),
                false => recommended(),
            });
        }
        let document = std::str::from_utf8(self.policy).ok();
        let policy = document.and_then(|document| Policy::from_json(document).ok());
        Cow::Owned(match policy {
            Some(policy) => Subject::new(policy),
            None => subject_of(&crate::generate::policy(Bytes(self.policy))),
        })
    }
}

/// The headers in a block, as holdoff reads it.
pub(crate) fn pairs_of(block: &str) -> Vec<(&str, &str)> {
    let lines = block.split('\n').filter_map(|line| line.split_once(':'));
    lines
        .map(|(name, value)| (name.trim_ascii(), value))
        .collect()
}
