//! Numbers with up to three decimals, so that nothing computes with floats.

use serde::{Serialize, Serializer};

/// A number of a policy document, in thousandths.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Thousandths(pub u64);

impl Thousandths {
    /// What a float stands for; `None` where it has more decimals or is below 0.
    #[expect(
        clippy::float_arithmetic,
        reason = "reading only: decisions compute with thousandths"
    )]
    pub(crate) fn from_float(float: f64) -> Option<Self> {
        const MOST: f64 = 9_007_199_254_740.0;
        if !(0.0..=MOST).contains(&float) {
            return None;
        }
        let thousandths = (float * 1000.0 + 0.5) as u64;
        // Whatever has more decimals is not what its thousandths stand for.
        (thousandths as f64 / 1000.0 == float).then_some(Self(thousandths))
    }
}

impl Serialize for Thousandths {
    #[expect(
        clippy::float_arithmetic,
        reason = "printing only: the inverse of reading"
    )]
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 % 1000 {
            0 => serializer.serialize_u64(self.0 / 1000),
            _ => serializer.serialize_f64(self.0 as f64 / 1000.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Thousandths;

    #[test]
    fn three_decimals_are_read_and_printed_as_they_were() {
        for (float, thousandths) in [
            (0.0, 0),
            (0.1, 100),
            (1.5, 1500),
            (0.033, 33),
            (500.0, 500_000),
        ] {
            let number = Thousandths::from_float(float).unwrap();
            assert_eq!(number, Thousandths(thousandths));
            let printed = serde_json::to_string(&number).unwrap();
            assert_eq!(printed.parse::<f64>().unwrap(), float);
        }
        for bad in [-0.1, 0.0001, 1.2345, f64::NAN, f64::INFINITY, 1e30] {
            assert_eq!(Thousandths::from_float(bad), None, "{bad}");
        }
    }
}
