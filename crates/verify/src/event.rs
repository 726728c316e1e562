//! What every event says of its place: the rest of it is hashed and not looked at.

use std::borrow::Cow;

use serde::Deserialize;

/// An event's place in the journal and in its stream. Other fields may come and go with the
/// journal's versions; these do not.
#[derive(Deserialize)]
pub(crate) struct Event<'a> {
    pub(crate) position: u64,
    #[serde(borrow)]
    pub(crate) stream: Cow<'a, str>,
    pub(crate) version: u64,
    #[serde(borrow)]
    pub(crate) id: Cow<'a, str>,
    #[serde(borrow)]
    pub(crate) recorded_at: Cow<'a, str>,
}

/// A UUID in its one spelling: lower case, with hyphens.
pub(crate) fn uuid(text: &str) -> Option<u128> {
    let digits: String = text.split('-').collect();
    let lengths = text.split('-').map(str::len);
    let is_lower_hex = digits.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    let is_uuid = is_lower_hex && lengths.eq([8, 4, 4, 4, 12]);
    is_uuid.then(|| u128::from_str_radix(&digits, 16).ok()).flatten()
}

/// A moment in the form in which journals have them, such as `2026-11-20T12:00:00.123456Z`: UTC,
/// up to six decimals and none that is a trailing zero. Compares as time does.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment {
    /// To the second: of equal length, so that text order is time order.
    second: String,
    /// Padded to six digits, for the same reason.
    fraction: String,
}

impl Moment {
    pub(crate) fn parse(text: &str) -> Option<Moment> {
        let (second, fraction) = text.strip_suffix('Z')?.split_at_checked(19)?;
        let is_second =
            second.bytes().zip(*b"0000-00-00T00:00:00").all(|(byte, form)| match form {
                b'0' => byte.is_ascii_digit(),
                separator => byte == separator,
            });
        let is_fraction = match fraction.strip_prefix('.') {
            None => fraction.is_empty(),
            Some(digits) => {
                (1..=6).contains(&digits.len())
                    && digits.bytes().all(|byte| byte.is_ascii_digit())
                    && !digits.ends_with('0')
            }
        };
        let fraction = format!("{:0<6}", fraction.trim_start_matches('.'));
        (is_second && is_fraction).then(|| Moment { second: second.to_owned(), fraction })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_compare_as_time_does() {
        let moment = |text| Moment::parse(text).unwrap();
        let order = [
            "1999-12-31T23:59:59.999999Z",
            "2026-11-20T12:00:00Z",
            "2026-11-20T12:00:00.000001Z",
            "2026-11-20T12:00:00.05Z",
            "2026-11-20T12:00:00.1Z",
            "2026-11-20T12:00:01Z",
        ];
        assert!(order.windows(2).all(|pair| moment(pair[0]) < moment(pair[1])));
    }

    #[test]
    fn a_moment_and_a_uuid_have_one_spelling() {
        for text in [
            "2026-11-20T12:00:00.10Z",
            "2026-11-20T12:00:00.Z",
            "2026-11-20T12:00:00.0Z",
            "2026-11-20T12:00:00+00:00",
            "2026-11-20 12:00:00Z",
            "2026-11-20T12:00:00.1234567Z",
            "Z",
            "2026-11-20T12:00:0\u{e9}Z",
        ] {
            assert_eq!(Moment::parse(text), None, "{text}");
        }
        assert!(uuid("01a1f92c-85fe-7fb0-bfc8-fa8100000001").is_some());
        for text in [
            "",
            "01A1f92c-85fe-7fb0-bfc8-fa8100000001",
            "01a1f92c85fe7fb0bfc8fa8100000001",
            "01a1f92c-85fe-7fb0-bfc8-fa810000000",
            "+1a1f92c-85fe-7fb0-bfc8-fa8100000001",
        ] {
            assert_eq!(uuid(text), None, "{text}");
        }
    }
}
