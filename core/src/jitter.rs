//! The random part of a wait, a pure function of a seed and the attempt.

use serde::Serialize;

/// Where the random part of a wait comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Draw {
    /// The draw is SplitMix64 of this seed and the attempt.
    Seed(u64),
    /// The draw itself, whatever the attempt: `x` stands for the fraction `x / 2^64`. For tests
    /// and comparisons.
    Fixed(u64),
}

impl Draw {
    /// The draw that stands for `fraction`, rounded down; `None` outside `0.0..1.0`.
    #[expect(
        clippy::float_arithmetic,
        reason = "a power of two scales a float exactly"
    )]
    pub fn from_fraction(fraction: f64) -> Option<Self> {
        const TWO_TO_64: f64 = 18_446_744_073_709_551_616.0;
        (0.0..1.0)
            .contains(&fraction)
            .then_some(Self::Fixed((fraction * TWO_TO_64) as u64))
    }

    /// The draw for one attempt, 64 random bits. It never depends on how many came before it.
    pub const fn bits(self, attempt: u32) -> u64 {
        match self {
            Self::Seed(seed) => split_mix_64(seed, attempt),
            Self::Fixed(bits) => bits,
        }
    }

    /// A whole number from `0..span`, or 0 where the span is 0.
    pub(crate) fn below(self, attempt: u32, span: u64) -> u64 {
        let product = u128::from(self.bits(attempt)).saturating_mul(u128::from(span));
        u64::try_from(product >> 64).unwrap_or(u64::MAX)
    }
}

/// The output number `attempt` of SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom
/// number generators", OOPSLA 2014), whose state is a counter: any output is one step away.
const fn split_mix_64(seed: u64, attempt: u32) -> u64 {
    let count = (attempt as u64).wrapping_add(1);
    let mut z = seed.wrapping_add(count.wrapping_mul(0x9E37_79B9_7F4A_7C15));
    z ^= z >> 30;
    z = z.wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z ^= z >> 27;
    z = z.wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ z >> 31
}

/// How randomness is put into a wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum Jitter {
    /// None: the wait as it is.
    None,
    /// `wait + draw(span_ms)`.
    Additive {
        /// The span of the random part, in milliseconds.
        span_ms: u64,
    },
    /// `draw(wait)`: anything from nothing to the wait.
    Full,
    /// Half of the wait, and `draw` of the other half.
    Equal,
    /// From `down_percent` less to `up_percent` more than the wait. Where it only goes down, the
    /// draw is taken off the wait; otherwise it is added to the lowest wait.
    Proportional {
        /// How much shorter the wait may get, from 0 to 100.
        down_percent: u64,
        /// How much longer the wait may get.
        up_percent: u64,
    },
    /// `base + draw(3 · previous − base)`, each wait drawn from the one before it. Only for
    /// backoff, where it takes the place of the exponential growth.
    Decorrelated,
}

impl Jitter {
    /// The wait with its random part, all in milliseconds.
    pub(crate) fn apply(self, wait: u64, draw: Draw, attempt: u32) -> u64 {
        match self {
            // Decorrelated waits are drawn by the backoff, which knows the ones before.
            Self::None | Self::Decorrelated => wait,
            Self::Additive { span_ms } => wait.saturating_add(draw.below(attempt, span_ms)),
            Self::Full => draw.below(attempt, wait),
            Self::Equal => {
                let half = wait / 2;
                half.saturating_add(draw.below(attempt, wait.saturating_sub(half)))
            }
            Self::Proportional {
                down_percent,
                up_percent,
            } => {
                let down = wait.saturating_mul(down_percent) / 100;
                let up = wait.saturating_mul(up_percent) / 100;
                let part = draw.below(attempt, down.saturating_add(up));
                match up_percent {
                    0 => wait.saturating_sub(part),
                    _ => wait.saturating_sub(down).saturating_add(part),
                }
            }
        }
    }

    /// Whether no draw makes a wait shorter.
    pub(crate) const fn only_adds(self) -> bool {
        matches!(
            self,
            Self::None
                | Self::Additive { .. }
                | Self::Proportional {
                    down_percent: 0,
                    ..
                }
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn split_mix_64_gives_the_published_outputs() {
        // The first outputs of the reference implementation for the seeds 0 and 1234567.
        assert_eq!(split_mix_64(0, 0), 0xE220_A839_7B1D_CDAF);
        assert_eq!(split_mix_64(0, 1), 0x6E78_9E6A_A1B9_65F4);
        let published = [
            6457827717110365317,
            3203168211198807973,
            9817491932198370423,
        ];
        for (attempt, output) in (0..).zip(published) {
            assert_eq!(split_mix_64(1234567, attempt), output);
        }
    }

    #[test]
    fn a_draw_stays_below_its_span() {
        for (draw, expected) in [(0, 0), (1 << 63, 500), (u64::MAX, 999)] {
            assert_eq!(Draw::Fixed(draw).below(0, 1000), expected);
        }
        assert_eq!(Draw::Fixed(u64::MAX).below(0, 0), 0);
        assert_eq!(Draw::Fixed(u64::MAX).below(0, u64::MAX), u64::MAX - 1);
    }

    #[test]
    fn fractions_become_draws() {
        assert_eq!(Draw::from_fraction(0.0), Some(Draw::Fixed(0)));
        assert_eq!(Draw::from_fraction(0.5), Some(Draw::Fixed(1 << 63)));
        for bad in [1.0, -0.1, f64::NAN, f64::INFINITY] {
            assert_eq!(Draw::from_fraction(bad), None);
        }
    }

    #[test]
    fn each_kind_spans_what_it_says() {
        let span = |jitter: Jitter, wait| {
            [0, u64::MAX].map(|draw| jitter.apply(wait, Draw::Fixed(draw), 0))
        };
        assert_eq!(span(Jitter::None, 1000), [1000, 1000]);
        assert_eq!(span(Jitter::Additive { span_ms: 10 }, 1000), [1000, 1009]);
        assert_eq!(span(Jitter::Full, 1000), [0, 999]);
        assert_eq!(span(Jitter::Equal, 1001), [500, 1000]);
        let quarter_down = Jitter::Proportional {
            down_percent: 25,
            up_percent: 0,
        };
        assert_eq!(span(quarter_down, 1000), [1000, 751]);
        let tenth = Jitter::Proportional {
            down_percent: 10,
            up_percent: 10,
        };
        assert_eq!(span(tenth, 1000), [900, 1099]);
        assert_eq!(
            span(Jitter::Additive { span_ms: 9 }, u64::MAX),
            [u64::MAX, u64::MAX]
        );
    }
}
