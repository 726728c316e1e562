//! Credits: exact amounts with six decimals (rules M1-M3).

use std::fmt;
use std::str::FromStr;

use rust_decimal::{Decimal, RoundingStrategy};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Decimals an amount of credits may have.
pub const SCALE: u32 = 6;
/// Micro-units in one credit.
const MICROS: i64 = 1_000_000;
/// M3: the largest magnitude, 10^12 credits, in micro-units.
const LIMIT_MICROS: i64 = 1_000_000_000_000 * MICROS;

/// An amount of credits, held as a whole number of micro-units.
///
/// On the wire it is a decimal string and nothing else (M2).
///
/// ```
/// use quipu_domain::Credits;
/// let price: Credits = "1.25".parse().unwrap();
/// assert_eq!(price.micros(), 1_250_000);
/// assert_eq!(price.to_string(), "1.25");
/// assert!("1.2345678".parse::<Credits>().is_err());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Credits(i64);

/// Why a text or a sum is not an amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AmountError {
    /// Not `[-]digits[.digits]`.
    #[error("not a decimal number: write digits with at most one point, such as \"12.5\"")]
    Malformed,
    /// M1: more than six decimals; never rounded silently.
    #[error("more than {SCALE} decimals")]
    TooManyDecimals,
    /// M3: beyond 10^12 in magnitude.
    #[error("beyond 1000000000000 credits")]
    OutOfRange,
}

impl Credits {
    /// Nothing.
    pub const ZERO: Credits = Credits(0);
    /// As much as there can be (M3).
    pub const MAX: Credits = Credits(LIMIT_MICROS);

    /// An amount from micro-units, refused beyond the limit (M3).
    pub fn from_micros(micros: i64) -> Result<Credits, AmountError> {
        if (-LIMIT_MICROS..=LIMIT_MICROS).contains(&micros) {
            Ok(Credits(micros))
        } else {
            Err(AmountError::OutOfRange)
        }
    }

    /// The amount in micro-units.
    #[must_use]
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// The sum, or `OutOfRange` (M3: every addition is checked).
    pub fn plus(self, other: Credits) -> Result<Credits, AmountError> {
        self.0.checked_add(other.0).ok_or(AmountError::OutOfRange).and_then(Credits::from_micros)
    }

    /// The difference, or `OutOfRange`.
    pub fn minus(self, other: Credits) -> Result<Credits, AmountError> {
        self.0.checked_sub(other.0).ok_or(AmountError::OutOfRange).and_then(Credits::from_micros)
    }

    /// The amount with the sign turned.
    #[must_use]
    pub const fn negated(self) -> Credits {
        Credits(-self.0)
    }

    /// Whether this is exactly zero.
    #[must_use]
    pub const fn is_zero(&self) -> bool {
        self.0 == 0
    }

    /// Whether this is above zero.
    #[must_use]
    pub const fn is_positive(self) -> bool {
        self.0 > 0
    }

    /// The exact decimal value.
    #[must_use]
    pub fn to_decimal(self) -> Decimal {
        Decimal::new(self.0, SCALE).normalize()
    }

    /// Rounds half-even to six decimals. Rating is the one place that may round (M1).
    pub fn rounded(value: Decimal) -> Result<Credits, AmountError> {
        let rounded = value.round_dp_with_strategy(SCALE, RoundingStrategy::MidpointNearestEven);
        let scaled = rounded.checked_mul(Decimal::from(MICROS)).ok_or(AmountError::OutOfRange)?;
        let micros: i64 = scaled.try_into().map_err(|_| AmountError::OutOfRange)?;
        Credits::from_micros(micros)
    }

    /// The checked sum of many amounts.
    pub fn sum(amounts: impl IntoIterator<Item = Credits>) -> Result<Credits, AmountError> {
        amounts.into_iter().try_fold(Credits::ZERO, Credits::plus)
    }
}

impl FromStr for Credits {
    type Err = AmountError;

    fn from_str(text: &str) -> Result<Credits, AmountError> {
        let (negative, digits) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
        let all_digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        if !all_digits(whole) || !all_digits(fraction) {
            return Err(AmountError::Malformed);
        }
        let significant = fraction.trim_end_matches('0');
        if significant.len() > SCALE as usize {
            return Err(AmountError::TooManyDecimals);
        }
        let whole: i64 = whole.parse().map_err(|_| AmountError::OutOfRange)?;
        let digits = significant.bytes().map(|digit| i64::from(digit - b'0'));
        let fraction = digits.chain(std::iter::repeat(0)).take(SCALE as usize);
        let fraction = fraction.fold(0, |number, digit| number * 10 + digit);
        let micros = whole
            .checked_mul(MICROS)
            .and_then(|micros| micros.checked_add(fraction))
            .ok_or(AmountError::OutOfRange)?;
        Credits::from_micros(if negative { -micros } else { micros })
    }
}

impl fmt::Display for Credits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let magnitude = self.0.unsigned_abs();
        let (whole, fraction) = (magnitude / 1_000_000, magnitude % 1_000_000);
        let sign = if self.0 < 0 { "-" } else { "" };
        if fraction == 0 {
            return write!(f, "{sign}{whole}");
        }
        let padded = format!("{fraction:06}");
        write!(f, "{sign}{whole}.{}", padded.trim_end_matches('0'))
    }
}

impl Serialize for Credits {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Credits {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Credits, D::Error> {
        struct Text;
        impl de::Visitor<'_> for Text {
            type Value = Credits;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an amount as a decimal string, such as \"12.5\"")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Credits, E> {
                text.parse().map_err(|error| E::custom(format!("amount {text:?} is {error}")))
            }
        }
        deserializer.deserialize_str(Text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn refuses_what_is_not_an_amount() {
        for (text, error) in [
            ("", AmountError::Malformed),
            ("-", AmountError::Malformed),
            ("1.", AmountError::Malformed),
            (".5", AmountError::Malformed),
            ("1e3", AmountError::Malformed),
            ("+1", AmountError::Malformed),
            (" 1", AmountError::Malformed),
            ("1,5", AmountError::Malformed),
            ("0.0000001", AmountError::TooManyDecimals),
            ("1000000000000.000001", AmountError::OutOfRange),
            ("10000000000000", AmountError::OutOfRange),
            ("99999999999999999999", AmountError::OutOfRange),
        ] {
            assert_eq!(text.parse::<Credits>(), Err(error), "{text:?}");
        }
    }

    #[test]
    fn accepts_trailing_zeros_and_the_limit_itself() {
        assert_eq!("1.2500000000".parse::<Credits>().unwrap().to_string(), "1.25");
        assert_eq!("1000000000000".parse::<Credits>().unwrap().to_string(), "1000000000000");
        assert_eq!("-0.000001".parse::<Credits>().unwrap().micros(), -1);
    }

    #[test]
    fn rates_round_half_to_even() {
        for (value, micros) in
            [("0.0000005", 0), ("0.0000015", 2), ("0.0000025", 2), ("0.00000251", 3)]
        {
            assert_eq!(
                Credits::rounded(value.parse().unwrap()).unwrap().micros(),
                micros,
                "{value}"
            );
        }
    }

    proptest! {
        #[test]
        fn text_and_micros_round_trip(micros in -LIMIT_MICROS..=LIMIT_MICROS) {
            let amount = Credits::from_micros(micros).unwrap();
            prop_assert_eq!(amount.to_string().parse::<Credits>().unwrap(), amount);
            prop_assert_eq!(Credits::rounded(amount.to_decimal()).unwrap(), amount);
        }
    }
}
