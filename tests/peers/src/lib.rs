//! Other clients beside the presets that describe them: the same cases go to both, and the answers
//! must be equal but for the differences that a preset names.
//!
//! `cargo xtask peers` asks the real clients; what they answered once is kept in `recorded/`.

mod case;
mod compare;
mod difference;
mod generate;

pub use case::{Answer, Case, Inputs, Peer, Recorded};
pub use compare::{Comparison, Outcome};
pub use generate::cases;
