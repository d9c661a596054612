//! Randomness that is a function of a seed.

use holdoff::Draw;

/// A stream of random numbers. Streams of the same seed and different names have nothing to do with
/// each other, so that what is drawn for the server doesn't change who calls it when.
#[derive(Clone, Debug)]
pub struct Random {
    draw: Draw,
    drawn: u32,
}

impl Random {
    /// The stream of this name.
    pub fn new(seed: u64, stream: u32) -> Self {
        let seed = Draw::Seed(seed).bits(stream);
        Self {
            draw: Draw::Seed(seed),
            drawn: 0,
        }
    }

    /// 64 random bits. After 2^32 of them they begin again.
    pub fn bits(&mut self) -> u64 {
        self.drawn = self.drawn.wrapping_add(1);
        self.draw.bits(self.drawn)
    }

    /// A number above 0 and at most 1.
    pub fn fraction(&mut self) -> f64 {
        const TWO_TO_53: f64 = 9_007_199_254_740_992.0;
        ((self.bits() >> 11) + 1) as f64 / TWO_TO_53
    }

    /// A whole number from `0..span`.
    pub fn below(&mut self, span: u32) -> u32 {
        let product = u128::from(self.bits()) * u128::from(span);
        u32::try_from(product >> 64).unwrap_or(0)
    }

    /// Exponentially distributed: the time between two events that know nothing of each other.
    pub fn exponential(&mut self, mean: f64) -> f64 {
        -mean * self.fraction().ln()
    }

    /// Normally distributed, by Box and Muller.
    pub fn normal(&mut self, mean: f64, deviation: f64) -> f64 {
        let radius = (-2.0 * self.fraction().ln()).sqrt();
        let angle = std::f64::consts::TAU * self.fraction();
        mean + deviation * radius * angle.cos()
    }

    /// Lognormally distributed, in whole milliseconds.
    pub fn lognormal_ms(&mut self, median_ms: u64, sigma: f64) -> u64 {
        (median_ms as f64 * self.normal(0.0, sigma).exp()).round() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The mean of many draws.
    fn mean(mut draw: impl FnMut(&mut Random) -> f64) -> f64 {
        let mut random = Random::new(7, 0);
        (0..100_000).map(|_| draw(&mut random)).sum::<f64>() / 100_000.0
    }

    #[test]
    fn each_distribution_has_its_mean() {
        for (found, expected) in [
            (mean(Random::fraction), 0.5),
            (mean(|random| f64::from(random.below(10))), 4.5),
            (mean(|random| random.exponential(3.0)), 3.0),
            (mean(|random| random.normal(10.0, 2.0)), 10.0),
            (mean(|random| random.normal(0.0, 2.0).powi(2)), 4.0),
            // exp(sigma² / 2) times the median.
            (mean(|random| random.lognormal_ms(400, 0.5) as f64), 453.3),
        ] {
            assert!((found / expected - 1.0).abs() < 0.02, "{found} {expected}");
        }
    }

    #[test]
    fn streams_differ_and_come_again() {
        let bits = |seed, stream| Random::new(seed, stream).bits();
        assert_eq!(bits(1, 2), bits(1, 2));
        assert!(bits(1, 2) != bits(1, 3) && bits(1, 2) != bits(2, 2));
    }
}
