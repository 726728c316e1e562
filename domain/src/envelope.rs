//! What surrounds an event in the journal: where it stands, when, and who caused it.

use std::fmt;
use std::str::FromStr;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};
use smol_str::SmolStr;
use uuid::Uuid;

use crate::{AgentId, Label, MeterName, PriceTableName, TenantId, Timestamp};

/// The place of an event in its journal: 1, 2, 3 ... without a gap (J1). 0 is "before all".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Position(pub u64);

/// The number is larger than any position, or the text is no number.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a position: write a whole number from 0 to {}", Position::LAST)]
pub struct PositionError;

impl Position {
    /// Before the first event.
    pub const ZERO: Position = Position(0);

    /// The last one that a database can count to. None that is read from a text is larger.
    pub const LAST: Position = Position(i64::MAX.unsigned_abs());

    /// The place so many events further on; the last one where there are not so many.
    #[must_use]
    pub const fn plus(self, events: u64) -> Position {
        let sum = self.0.saturating_add(events);
        if sum > Position::LAST.0 { Position::LAST } else { Position(sum) }
    }

    const fn checked(number: u64) -> Result<Position, PositionError> {
        if number > Position::LAST.0 { Err(PositionError) } else { Ok(Position(number)) }
    }
}

impl FromStr for Position {
    type Err = PositionError;
    fn from_str(text: &str) -> Result<Position, PositionError> {
        text.parse().map_err(|_| PositionError).and_then(Position::checked)
    }
}

impl<'de> Deserialize<'de> for Position {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Position, D::Error> {
        Position::checked(u64::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The place of an event in its stream: 1, 2, 3 ... without a gap (J1). 0 is an empty stream.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Version(pub u64);

impl Version {
    /// An empty stream.
    pub const ZERO: Version = Version(0);

    /// The version after this one.
    #[must_use]
    pub const fn next(self) -> Version {
        Version(self.0 + 1)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The name of one aggregate's events, such as `wallet/t_acme`. The part before the first slash
/// is the aggregate's type.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Stream(SmolStr);

impl Stream {
    /// Aggregate types that are Quipu's own; an application's streams may not use them.
    pub const RESERVED: [&'static str; 8] =
        ["tenant", "wallet", "meter", "price_table", "agent", "period", "epoch", "subject"];

    /// A tenant's lifecycle.
    #[must_use]
    pub fn tenant(tenant: &TenantId) -> Stream {
        Stream(format!("tenant/{tenant}").into())
    }

    /// A tenant's credits.
    #[must_use]
    pub fn wallet(tenant: &TenantId) -> Stream {
        Stream(format!("wallet/{tenant}").into())
    }

    /// A meter of the catalogue.
    #[must_use]
    pub fn meter(meter: &MeterName) -> Stream {
        Stream(format!("meter/{meter}").into())
    }

    /// A price table of the catalogue.
    #[must_use]
    pub fn price_table(table: &PriceTableName) -> Stream {
        Stream(format!("price_table/{table}").into())
    }

    /// An agent of a tenant.
    #[must_use]
    pub fn agent(tenant: &TenantId, agent: &AgentId) -> Stream {
        Stream(format!("agent/{tenant}/{agent}").into())
    }

    /// All periods that were closed: one stream, because they tile time (C1).
    #[must_use]
    pub fn periods() -> Stream {
        Stream("period/all".into())
    }

    /// The register of erased subjects.
    #[must_use]
    pub fn subjects() -> Stream {
        Stream("subject/register".into())
    }

    /// The epochs of the journal's signed checkpoints.
    #[must_use]
    pub fn epoch() -> Stream {
        Stream("epoch/main".into())
    }

    /// An application's own stream: `{type}/{id}`. `None` when the type is reserved or either
    /// part is empty, longer than 200 bytes or contains a control character.
    #[must_use]
    pub fn application(aggregate_type: &str, id: &str) -> Option<Stream> {
        let fits = |part: &str| {
            !part.is_empty() && part.len() <= 200 && !part.chars().any(char::is_control)
        };
        let usable = fits(aggregate_type)
            && fits(id)
            && !aggregate_type.contains('/')
            && !Self::RESERVED.contains(&aggregate_type);
        usable.then(|| Stream(format!("{aggregate_type}/{id}").into()))
    }

    /// A stream name as it was stored.
    #[must_use]
    pub fn stored(name: &str) -> Stream {
        Stream(name.into())
    }

    /// The whole name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The aggregate's type: the part before the first slash.
    #[must_use]
    pub fn aggregate_type(&self) -> &str {
        self.0.split('/').next().unwrap_or_default()
    }
}

impl fmt::Display for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Who sent a command, under which key and request, and what caused it (T3).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Metadata {
    /// Who: `local` until access control lands, `scheduler` for what falls due by itself.
    pub actor: Label,
    /// The idempotency key of the command, if it had one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<Label>,
    /// What the key was bound to: 32 hex digits of a digest of the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<Label>,
    /// The request id, shared by everything that one request led to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correlation: Option<Label>,
    /// The position of the event that this one is a consequence of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub causation: Option<Position>,
}

impl Metadata {
    /// Metadata that names an actor and nothing else.
    #[must_use]
    pub fn by(actor: Label) -> Metadata {
        Metadata { actor, command: None, fingerprint: None, correlation: None, causation: None }
    }
}

/// An event as it stands in the journal.
#[derive(Clone, Debug, PartialEq)]
pub struct Recorded<E = crate::Event> {
    /// Place in the journal.
    pub position: Position,
    /// The aggregate's stream.
    pub stream: Stream,
    /// Place in the stream.
    pub version: Version,
    /// UUIDv7, unique.
    pub id: Uuid,
    /// When the journal took it; never decreases, orders nothing (M5).
    pub recorded_at: Timestamp,
    /// When it counts, if that is another moment (M5).
    pub effective_at: Option<Timestamp>,
    /// Whose it is; the catalogue's events belong to nobody.
    pub tenant: Option<TenantId>,
    /// Who and why.
    pub metadata: Metadata,
    /// What happened.
    pub event: E,
}

impl<E> Recorded<E> {
    /// When the event counts: `effective_at`, or `recorded_at` where they are the same.
    #[must_use]
    pub fn effective_at(&self) -> Timestamp {
        self.effective_at.unwrap_or(self.recorded_at)
    }
}

/// When and where a decision is taken: the clock and the position its first event would get.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// Now, as the writer's clock has it; never before an earlier decision's now.
    pub now: Timestamp,
    /// The position the first event of this decision will have if it is recorded.
    pub next: Position,
    /// How far back usage and debits may be dated, in seconds (M5).
    pub backdating_seconds: i64,
}
