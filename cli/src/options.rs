//! What the command line says of the failure and its call.

use clap::{Args, ValueEnum};
use holdoff::{Draw, PRESET_NAMES, Phase, TransportKind, from_rfc3339};

/// Who decides, and on what besides the response.
#[derive(Args, Clone, Debug)]
pub(crate) struct Options {
    /// A preset's name, or a file with a policy as JSON
    #[arg(long, value_name = "NAME|FILE", default_value = PRESET_NAMES[0])]
    pub policy: String,
    /// The seed of the call's jitter [default: fresh entropy, shown with the answer]
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// The random draw itself, from 0 up to but not including 1, in place of a seed
    #[arg(long, value_name = "F", value_parser = draw, conflicts_with = "seed")]
    pub draw: Option<Draw>,
    /// The URL that was called, for the support report
    #[arg(long, value_name = "URL")]
    pub endpoint: Option<String>,
    #[command(flatten)]
    pub facts: Facts,
}

/// The facts that are not in the response.
#[derive(Args, Clone, Debug)]
pub(crate) struct Facts {
    /// The attempt that just failed, from zero: 0 is the first request
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub attempt: u32,
    /// When the response came, such as 2026-01-15T12:00:00Z [default: now; in a batch: unknown]
    #[arg(long, value_name = "RFC3339", value_parser = now)]
    pub now: Option<u64>,
    /// Milliseconds since the call began
    #[arg(long, value_name = "MS")]
    pub elapsed_ms: Option<u64>,
    /// Milliseconds from the beginning of the call after which its answer is worthless
    #[arg(long, value_name = "MS")]
    pub deadline_ms: Option<u64>,
    /// How many retries there may be, in place of the policy's number
    #[arg(long, value_name = "N")]
    pub max_retries: Option<u32>,
    /// The request's method
    #[arg(long, value_name = "METHOD")]
    pub method: Option<String>,
    /// Whether sending the request twice has the effect of sending it once
    #[arg(long, value_name = "YES|NO")]
    pub idempotent: Option<YesNo>,
    /// Whether the request body can be sent again
    #[arg(long, value_name = "YES|NO")]
    pub replayable: Option<YesNo>,
    /// Whether the user already has a part of the answer
    #[arg(long, value_name = "YES|NO")]
    pub delivered: Option<YesNo>,
    /// No response came: say how the transport failed, and nothing is read
    #[arg(long, value_name = "KIND", value_parser = transport)]
    pub transport: Option<TransportKind>,
    /// How far the attempt got before the transport failed [default: as usual for the kind]
    #[arg(long, value_name = "PHASE", value_parser = phase, requires = "transport")]
    pub phase: Option<Phase>,
}

/// A fact that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum YesNo {
    Yes,
    No,
}

impl From<YesNo> for bool {
    fn from(value: YesNo) -> Self {
        value == YesNo::Yes
    }
}

fn draw(text: &str) -> Result<Draw, String> {
    let fraction = text.parse().ok().and_then(Draw::from_fraction);
    fraction.ok_or_else(|| "a number from 0 up to but not including 1 is needed".into())
}

fn now(text: &str) -> Result<u64, String> {
    from_rfc3339(text).ok_or_else(|| "a time such as 2026-01-15T12:00:00Z is needed".into())
}

fn transport(name: &str) -> Result<TransportKind, String> {
    TransportKind::from_name(name)
        .ok_or_else(|| format!("known are {}", names(TransportKind::TABLE)))
}

fn phase(name: &str) -> Result<Phase, String> {
    Phase::from_name(name).ok_or_else(|| format!("known are {}", names(Phase::TABLE)))
}

/// The names in a code table, for an error.
pub(crate) fn names(table: &[holdoff::Code]) -> String {
    let names: Vec<_> = table.iter().map(|row| format!("`{}`", row.name)).collect();
    names.join(", ")
}
