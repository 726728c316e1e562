//! Identifiers: one type each, so that none can stand in for another.
//!
//! Two kinds. *Names* are short texts chosen by a caller or minted at the edge (`t_acme`,
//! `llm_tokens`). *Numbered ids* are the journal position of the event that made the thing
//! (`grant_17` was granted by event 17), so an id leads straight to its evidence.
//!
//! A text of up to 23 bytes is kept in place, not on the heap: nearly all of them, a dozen to an
//! event, and the keys by which rows and states are found.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use smol_str::SmolStr;

use crate::Position;
use crate::personal::SealedText;

/// The text does not have the form its identifier asks for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct IdError(pub String);

fn is_name(text: &str) -> bool {
    let plain =
        |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'-' | b'.');
    (1..=64).contains(&text.len()) && text.bytes().all(plain)
}

/// A name as a command gives it to something new. `consumed/-` is the account of what no meter
/// counted, and dots are steps in a path: what has such a name already keeps it, and nothing else
/// gets one.
pub trait Name: FromStr<Err = IdError> {
    /// Reads the name of something new.
    fn of_new(text: &str) -> Result<Self, IdError>;
}

/// Reads the name of something new.
pub fn new_name<'de, D: Deserializer<'de>, N: Name>(deserializer: D) -> Result<N, D::Error> {
    crate::text::deserialize(deserializer, N::of_new)
}

/// Reads the name of something new where there is one.
pub fn new_name_if_any<'de, D: Deserializer<'de>, N: Name>(
    deserializer: D,
) -> Result<Option<N>, D::Error> {
    struct New<N>(N);
    impl<'de, N: Name> Deserialize<'de> for New<N> {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<New<N>, D::Error> {
            new_name(deserializer).map(New)
        }
    }
    Option::deserialize(deserializer).map(|name: Option<New<N>>| name.map(|New(name)| name))
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $prefix:literal, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(SmolStr);

        impl $name {
            /// The text itself.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// Whether nothing new may be called so.
            #[must_use]
            pub fn is_taken(&self) -> bool {
                matches!(self.0.strip_prefix($prefix), Some("-" | "." | ".."))
            }

            fn unfit(text: &str) -> IdError {
                IdError(format!(
                    concat!("{:?} is not ", $what, ": write {}1 to 64 of a-z, 0-9, '_', '-', \
                        '.', and not '-', '.' or '..' alone"),
                    text.chars().take(80).collect::<String>(),
                    if $prefix.is_empty() { "" } else { concat!("\"", $prefix, "\" and ") },
                ))
            }
        }

        impl Name for $name {
            fn of_new(text: &str) -> Result<Self, IdError> {
                let name: Self = text.parse()?;
                if name.is_taken() { Err(Self::unfit(text)) } else { Ok(name) }
            }
        }

        impl FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                match text.strip_prefix($prefix) {
                    Some(rest) if is_name(rest) => Ok(Self(SmolStr::new(text))),
                    _ => Err(Self::unfit(text)),
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                crate::text::deserialize(deserializer, str::parse)
            }
        }
    };
}

name!(
    /// A tenant: `t_` and a short name or random text.
    TenantId, "t_", "a tenant id"
);
name!(
    /// An agent of one tenant, unique within it.
    AgentId, "", "an agent id"
);
name!(
    /// A meter of the catalogue.
    MeterName, "", "a meter name"
);
name!(
    /// A token price table of the catalogue.
    PriceTableName, "", "a price table name"
);

macro_rules! numbered {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub Position);

        impl $name {
            /// What its text begins with.
            pub const PREFIX: &'static str = $prefix;

            /// The position of the event that made it.
            #[must_use]
            pub const fn position(self) -> Position {
                self.0
            }
        }

        impl FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                text.strip_prefix($prefix)
                    .filter(|digits| !digits.starts_with(['0', '+']))
                    .and_then(|digits| digits.parse().ok())
                    .map(Self)
                    .ok_or_else(|| IdError(format!(
                        concat!("{:?} is not an id of the form ", $prefix, "123"),
                        text.chars().take(80).collect::<String>()
                    )))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "{}"), self.0.0)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                crate::text::deserialize(deserializer, str::parse)
            }
        }
    };
}

numbered!(
    /// A grant, and the lot of credits it made.
    GrantId, "grant_"
);
numbered!(
    /// A hold.
    HoldId, "hold_"
);
numbered!(
    /// A line of a statement that consumed or returned credits: debit, settlement, usage, refund.
    EntryId, "entry_"
);

/// Free text from outside, kept short and printable: a name, a reason, a reference, a dimension.
///
/// 1 to 500 characters, none of them a control character (so no NUL, which PostgreSQL's text
/// cannot hold, and no line breaks, which forge log lines). It is none that is read as a sealed
/// text ([`Personal`](crate::Personal)): what nobody sealed, nobody opens.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Label(SmolStr);

impl Label {
    /// Most characters a label may have.
    pub const MOST_CHARS: usize = 500;

    /// A text of any origin as a label: control characters become spaces, what is too long is cut,
    /// no text is `unknown`, and what looks sealed loses its first colon.
    #[must_use]
    pub fn of_any(text: &str) -> Label {
        let printable = |c: char| if c.is_control() { ' ' } else { c };
        let text: String = text.chars().map(printable).take(Self::MOST_CHARS).collect();
        if text.is_empty() {
            Label(SmolStr::new_static("unknown"))
        } else if SealedText::parse(&text).is_some() {
            Label(text.replacen(':', " ", 1).into())
        } else {
            Label(text.into())
        }
    }

    /// The text itself.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Label {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        if SealedText::parse(text).is_some() {
            return Err(IdError("a text must not have the form of a sealed one".into()));
        }
        // Nearly all labels: as many characters as bytes, and all of them printable.
        let is_printable_ascii = |byte| matches!(byte, b' '..=b'~');
        if (1..=Self::MOST_CHARS).contains(&text.len()) && text.bytes().all(is_printable_ascii) {
            return Ok(Label(SmolStr::new(text)));
        }
        if text.is_empty()
            || text.len() > 4 * Self::MOST_CHARS
            || text.chars().count() > Self::MOST_CHARS
        {
            return Err(IdError(format!("a text must have 1 to {} characters", Self::MOST_CHARS)));
        }
        if text.chars().any(char::is_control) {
            return Err(IdError("a text must not contain control characters".into()));
        }
        Ok(Label(SmolStr::new(text)))
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for Label {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Label {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        crate::text::deserialize(deserializer, str::parse)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_are_short_and_plain() {
        assert!("t_acme-1".parse::<TenantId>().is_ok());
        for bad in ["", "t_", "acme", "t_Acme", "t_a b", "t_a/b", "t_\u{e9}"] {
            assert!(bad.parse::<TenantId>().is_err(), "{bad:?}");
        }
        assert!(format!("t_{}", "a".repeat(65)).parse::<TenantId>().is_err());
    }

    /// No client asks for a path of dots, and `-` is what stands where there is no meter.
    #[test]
    fn nothing_new_gets_a_name_that_stands_for_something_else() {
        for taken in ["-", ".", ".."] {
            let error = MeterName::of_new(taken).unwrap_err();
            assert!(error.0.contains("a meter name: write 1 to 64 of a-z"), "{error}");
            assert!(TenantId::of_new(&format!("t_{taken}")).is_err());
        }
        assert!(MeterName::of_new("--").is_ok());
        let new = |json| {
            let mut json = serde_json::Deserializer::from_str(json);
            new_name_if_any::<_, AgentId>(&mut json).map(|name| name.map(|name| name.to_string()))
        };
        assert_eq!(new(r#""analyst""#).unwrap().as_deref(), Some("analyst"));
        assert_eq!(new("null").unwrap(), None);
        assert!(new(r#"".""#).is_err());
    }

    #[test]
    fn what_was_given_such_a_name_is_read() {
        for taken in ["-", ".", ".."] {
            let json = serde_json::to_string(taken).unwrap();
            assert_eq!(serde_json::from_str::<MeterName>(&json).unwrap().as_str(), taken);
            assert!(format!("t_{taken}").parse::<TenantId>().unwrap().is_taken());
        }
    }

    #[test]
    fn numbered_ids_have_one_spelling() {
        assert_eq!("grant_17".parse::<GrantId>().unwrap().to_string(), "grant_17");
        for bad in ["grant_", "grant_017", "grant_0", "grant_+1", "hold_1"] {
            assert!(bad.parse::<GrantId>().is_err(), "{bad:?}");
        }
    }

    /// J1: a database counts to 2^63 - 1, so no event stands further on.
    #[test]
    fn refuses_what_no_database_can_count_to() {
        for beyond in ["9223372036854775808", "18446744073709551615", "18446744073709551616"] {
            assert!(beyond.parse::<Position>().is_err(), "{beyond}");
            assert!(serde_json::from_str::<Position>(beyond).is_err(), "{beyond}");
            assert!(format!("grant_{beyond}").parse::<GrantId>().is_err(), "{beyond}");
        }
        let last: GrantId = "grant_9223372036854775807".parse().unwrap();
        assert_eq!((last.position(), last.position().plus(1)), (Position::LAST, Position::LAST));
    }

    #[test]
    fn labels_refuse_control_characters() {
        assert!("a\0b".parse::<Label>().is_err());
        assert!("a\nb".parse::<Label>().is_err());
        assert!("".parse::<Label>().is_err());
        assert!("x".repeat(501).parse::<Label>().is_err());
        assert!("Åsa & co".parse::<Label>().is_ok());
    }

    #[test]
    fn a_label_of_any_text_says_what_it_can() {
        for (text, label) in [
            ("Åsa & co", "Åsa & co"),
            ("a\0b\nc", "a b c"),
            ("", "unknown"),
            ("sealed:t_x:00ff00ff00ff00ff:abc", "sealed t_x:00ff00ff00ff00ff:abc"),
            ("sealed:by hand", "sealed:by hand"),
        ] {
            assert_eq!(Label::of_any(text).as_str(), label);
        }
        assert_eq!(Label::of_any(&"é".repeat(501)).as_str(), "é".repeat(500));
    }

    proptest! {
        #[test]
        fn any_text_has_a_label(
            text in prop_oneof![
                any::<String>(),
                "\\PC{0,600}",
                "sealed:t_[a-z]{1,3}:[0-9a-f]{15,17}:[A-Za-z0-9_-]{0,600}\n?",
            ],
        ) {
            let label = Label::of_any(&text);
            prop_assert_eq!(label.as_str().parse(), Ok(label.clone()));
            if let Ok(read) = text.parse::<Label>() {
                prop_assert_eq!(label, read);
            }
        }
    }
}
