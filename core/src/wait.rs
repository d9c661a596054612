//! How long to wait: what the server said, or the backoff where that doesn't count.

use alloc::format;
use alloc::string::String;

use crate::backoff::{Backoff, MinApplies};
use crate::call::Call;
use crate::decision::{MAX_WAIT_MS, Source};
use crate::explanation::{Recorder, Topic};
use crate::hint::{BeyondMax, Heard, Hint, Meaning};
use crate::jitter::Jitter;
use crate::policy::Policy;
use crate::verdict::Judgement;

impl Policy {
    /// The wait in milliseconds and where it comes from; the hint itself where it is too long.
    pub(crate) fn wait(
        &self,
        heard: Option<Heard>,
        judgement: &Judgement,
        call: &Call<'_>,
        record: &mut Recorder,
    ) -> Result<(u64, Source), Hint> {
        let backoff = Backoff {
            base_ms: judgement.base_ms.unwrap_or(self.backoff.base_ms),
            min_ms: self.backoff.min_ms.max(judgement.min_ms),
            ..self.backoff
        };
        if let Some(heard) = heard.filter(|heard| self.counts(heard.hint, record))
            && let Some(wait) = self.hinted_wait(heard, judgement, &backoff, call, record)?
        {
            return Ok(wait);
        }
        let Call { attempt, draw, .. } = *call;
        let wait_ms = backoff.wait(attempt, draw);
        record.step(Topic::Backoff, || {
            let (plain_ms, cap_ms) = (backoff.plain(attempt), backoff.cap_ms);
            let shortest = match (backoff.min_applies, backoff.min_ms) {
                (_, 0) => String::new(),
                (MinApplies::Beneath, min_ms) => {
                    format!(", on top of the shortest wait of {min_ms} ms")
                }
                (MinApplies::AfterJitter, min_ms) => format!(" and at least {min_ms} ms"),
            };
            format!(
                "no hint counts: attempt {attempt} has a backoff of {plain_ms} ms, \
                 capped at {cap_ms} ms{shortest}"
            )
        });
        record.step(Topic::Jitter, || match backoff.jitter {
            Jitter::None => format!("none, so the wait is {wait_ms} ms"),
            _ => format!("with jitter the wait is {wait_ms} ms"),
        });
        Ok((wait_ms, Source::Backoff))
    }

    /// Whether a hint stands for a wait.
    fn counts(&self, hint: Hint, record: &mut Recorder) -> bool {
        if let Meaning::Backoff(why) = self.hint.meaning(hint) {
            record.step(Topic::Hint, || {
                format!("{why}, and the backoff takes its place")
            });
            return false;
        }
        true
    }

    /// The wait that a hint leads to, if it leads to any; the hint where it ends the call.
    fn hinted_wait(
        &self,
        Heard { hint, jitter }: Heard,
        judgement: &Judgement,
        backoff: &Backoff,
        call: &Call<'_>,
        record: &mut Recorder,
    ) -> Result<Option<(u64, Source)>, Hint> {
        let max_ms = self.hint.max_ms.min(MAX_WAIT_MS);
        if hint.ms > max_ms {
            let beyond_max = match self.hint.beyond_max {
                BeyondMax::Stop if hint.at_most => BeyondMax::Ignore,
                beyond_max => beyond_max,
            };
            record.step(Topic::Hint, || {
                let then = match beyond_max {
                    BeyondMax::Stop => "the call ends",
                    BeyondMax::Clamp => "the longest is waited",
                    BeyondMax::Ignore if hint.at_most => {
                        "it is passed over, for the limit is only full again then"
                    }
                    BeyondMax::Ignore => "it is passed over",
                };
                format!("that is beyond the longest wait of {max_ms} ms: {then}")
            });
            match beyond_max {
                BeyondMax::Stop => return Err(hint),
                BeyondMax::Ignore => return Ok(None),
                BeyondMax::Clamp => {}
            }
        }
        let floor_ms = self.hint.min_ms.max(judgement.min_ms);
        let mut least_ms = hint.ms.min(max_ms).max(floor_ms);
        if least_ms > hint.ms {
            record.step(Topic::Hint, || {
                format!("that is below the shortest wait of {least_ms} ms")
            });
        }
        let mut source = hint.source;
        let Call { attempt, draw, .. } = *call;
        if self.hint.at_least_backoff || self.hint.max_above_backoff_ms.is_some() {
            let backoff_ms = backoff.wait(attempt, draw);
            let above_ms = self.hint.max_above_backoff_ms.unwrap_or(MAX_WAIT_MS);
            let most_ms = backoff_ms.saturating_add(above_ms);
            if least_ms > most_ms {
                least_ms = most_ms;
                record.step(Topic::Backoff, || {
                    format!(
                        "that is more than {above_ms} ms beyond the backoff of {backoff_ms} ms: \
                         {most_ms} ms are waited"
                    )
                });
            }
            if self.hint.at_least_backoff && least_ms < backoff_ms {
                least_ms = backoff_ms;
                source = Source::Backoff;
                record.step(Topic::Backoff, || {
                    format!("that is less than the backoff of {backoff_ms} ms, which is waited")
                });
            }
        }
        let wait_ms = jitter.apply(least_ms, draw, attempt);
        if wait_ms != least_ms {
            record.step(Topic::Jitter, || {
                format!("with jitter the wait is {wait_ms} ms")
            });
        }
        Ok(Some((wait_ms.min(MAX_WAIT_MS), source)))
    }
}
