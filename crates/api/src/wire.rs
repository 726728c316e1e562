//! How amounts, numbers, maps and stored JSON are written on the wire.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use quipu_domain::amount::AmountError;
use quipu_domain::{Credits, Label};
use quipu_projections::Quantity;
use rust_decimal::Decimal;
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer, ser};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use crate::problem::Code;
use crate::strict_json::fault;

/// Most dimensions of a caller's own that a record may have.
const MOST_DIMENSIONS: usize = 16;
/// For a fraction that was not quoted: as a floating-point number it may have other digits by now.
const QUOTE_THE_DIGITS: &str = "write its digits as you have them, in quotes";

/// An exact amount of credits as a decimal string with at most six decimals (rule M2).
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[schema(value_type = String, example = "12.5", pattern = r"^-?\d+(\.\d{1,6}0*)?$")]
pub(crate) struct Amount(pub(crate) Credits);

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Amount, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = Amount;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an amount as a decimal string, such as \"12.5\"")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Amount, E> {
                text.parse().map(Amount).map_err(|error: AmountError| {
                    let hint = match error {
                        AmountError::Malformed => {
                            "write digits with at most one point, such as \"12.5\""
                        }
                        AmountError::TooManyDecimals => {
                            "write at most six decimals; amounts are never rounded"
                        }
                        AmountError::OutOfRange => "write at most \"1000000000000\"",
                    };
                    fault(
                        Code::InvalidAmount,
                        format_args!("the amount {} is {error}", quoted(text)),
                        hint,
                    )
                })
            }
            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Amount, E> {
                Err(unquoted(number))
            }
            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Amount, E> {
                Err(unquoted(number))
            }
            fn visit_f64<E: de::Error>(self, _: f64) -> Result<Amount, E> {
                Err(fault(
                    Code::InvalidAmount,
                    "an amount as a JSON number may lose digits on its way",
                    QUOTE_THE_DIGITS,
                ))
            }
        }
        fn unquoted<E: de::Error>(number: impl fmt::Display) -> E {
            fault(
                Code::InvalidAmount,
                format_args!(
                    "the amount {number} is a JSON number, which may lose digits on its way"
                ),
                format_args!("write it in quotes: \"{number}\""),
            )
        }
        deserializer.deserialize_any(Text)
    }
}

/// An exact number that is not an amount: a quantity, a price. A decimal string, or a JSON
/// integer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(value_type = String, example = "0.25")]
pub(crate) struct Number(pub(crate) Decimal);

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Number, D::Error> {
        struct TextOrInteger;
        impl Visitor<'_> for TextOrInteger {
            type Value = Number;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a decimal string, such as \"0.25\", or a JSON integer")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Number, E> {
                exact(text).ok_or_else(|| {
                    fault(
                        Code::InvalidNumber,
                        format_args!("{} is not an exact decimal number", quoted(text)),
                        "write digits with at most one point and at most 28 of them, such as \"0.25\"",
                    )
                })
            }
            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Number, E> {
                Ok(Number(number.into()))
            }
            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Number, E> {
                Ok(Number(number.into()))
            }
            fn visit_f64<E: de::Error>(self, _: f64) -> Result<Number, E> {
                Err(fault(
                    Code::InvalidNumber,
                    "a JSON number with a fraction or an exponent may lose digits on its way",
                    QUOTE_THE_DIGITS,
                ))
            }
        }
        deserializer.deserialize_any(TextOrInteger)
    }
}

/// Digits with at most one point, no exponent, nothing that would have to be rounded. Trailing
/// zeros are dropped, so that one number has one spelling.
fn exact(text: &str) -> Option<Number> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let all_digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    if !all_digits(whole) || !all_digits(fraction) {
        return None;
    }
    Decimal::from_str_exact(text).ok().map(|number| Number(number.normalize()))
}

/// A sum of credits, which may be larger than an amount can be, as a decimal string.
pub(crate) fn credits_of_micros(micros: i128) -> String {
    Quantity::from_micros(micros).to_string()
}

/// JSON that is text already, put into an answer as it is.
#[derive(Clone, Debug)]
pub(crate) struct Embedded(pub(crate) Arc<str>);

impl Serialize for Embedded {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let raw: &RawValue = serde_json::from_str(&self.0).map_err(ser::Error::custom)?;
        raw.serialize(serializer)
    }
}

/// A caller's own dimensions, of which there are only so many.
pub(crate) fn dimensions<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<Label, Label>, D::Error> {
    let dimensions: BTreeMap<Label, Label> = unique_map(deserializer)?;
    if dimensions.len() > MOST_DIMENSIONS {
        return Err(fault(
            Code::InvalidValue,
            format_args!("there are {} dimensions", dimensions.len()),
            format_args!("send at most {MOST_DIMENSIONS}"),
        ));
    }
    Ok(dimensions)
}

/// What a caller wrote, short and without control characters.
fn quoted(text: &str) -> String {
    format!("{:?}", text.chars().take(40).collect::<String>())
}

/// A value that is written as a JSON object. Serde would also take an array of a struct's fields
/// in their order, which says nothing about what they are.
#[derive(Clone, Debug, Serialize)]
#[serde(transparent)]
pub(crate) struct Object<T>(pub(crate) T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Object<T>, D::Error> {
        struct Fields<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Fields<T> {
            type Value = Object<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, object: A) -> Result<Object<T>, A::Error> {
                T::deserialize(MapAccessDeserializer::new(object)).map(Object)
            }
        }
        deserializer.deserialize_map(Fields(PhantomData))
    }
}

/// The objects of an array that has to have some, and only so many.
pub(crate) fn bounded<'de, T: Deserialize<'de>, A: SeqAccess<'de>>(
    mut array: A,
    most: usize,
) -> Result<Vec<T>, A::Error> {
    let mut elements = Vec::new();
    while let Some(Object(element)) = array.next_element()? {
        if elements.len() == most {
            return Err(fault(
                Code::BatchTooLarge,
                format_args!("the array holds more than {most} objects"),
                "send them in several requests",
            ));
        }
        elements.push(element);
    }
    if elements.is_empty() {
        return Err(fault(Code::EmptyBatch, "the array is empty", "send at least one object"));
    }
    Ok(elements)
}

/// Such an array; `expected` says what was expected where there is none.
pub(crate) fn bounded_array<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
    most: usize,
    expected: &'static str,
) -> Result<Vec<T>, D::Error> {
    struct Array<T> {
        most: usize,
        expected: &'static str,
        elements: PhantomData<T>,
    }
    impl<'de, T: Deserialize<'de>> Visitor<'de> for Array<T> {
        type Value = Vec<T>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.expected)
        }
        fn visit_seq<A: SeqAccess<'de>>(self, array: A) -> Result<Vec<T>, A::Error> {
            bounded(array, self.most)
        }
    }
    deserializer.deserialize_seq(Array { most, expected, elements: PhantomData })
}

/// A JSON object as a map, refused when a key stands twice: serde would keep the last.
pub(crate) fn unique_map<'de, D, K, V>(deserializer: D) -> Result<BTreeMap<K, V>, D::Error>
where
    D: Deserializer<'de>,
    K: Deserialize<'de> + Ord + fmt::Display,
    V: Deserialize<'de>,
{
    struct Unique<K, V>(PhantomData<(K, V)>);
    impl<'de, K, V> Visitor<'de> for Unique<K, V>
    where
        K: Deserialize<'de> + Ord + fmt::Display,
        V: Deserialize<'de>,
    {
        type Value = BTreeMap<K, V>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }
        fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Self::Value, A::Error> {
            let mut map = BTreeMap::new();
            while let Some(key) = object.next_key::<K>()? {
                if map.contains_key(&key) {
                    return Err(fault(
                        Code::DuplicateField,
                        format_args!("the key {} stands twice", quoted(&key.to_string())),
                        "write each key once",
                    ));
                }
                let value = object.next_value()?;
                map.insert(key, value);
            }
            Ok(map)
        }
    }
    deserializer.deserialize_map(Unique(PhantomData))
}
