//! The questions that the views answer, one file each.

mod accounts;
mod activity;
mod agents;
mod audit_log;
mod balance;
mod due;
mod entries;
mod explained;
mod history;
mod holds;
mod lots;
mod meters;
mod periods;
#[cfg(test)]
mod plans;
mod price_tables;
mod status;
mod tenants;
mod trial_balance;
mod usage;

use quipu_database::{Connection, Value};
use quipu_domain::{Position, TenantId, Timestamp};
use quipu_projections::{Cell, Field, Projection, ProjectionError, Row, Until};

pub use accounts::{AccountBalance, AllAccounts};
pub use activity::TenantPositions;
pub use audit_log::AuditQuery;
pub use balance::WalletBalance;
pub use entries::{EntryQuery, PeriodBalance, StatementPage};
pub use explained::AccountHolders;
pub use holds::HoldQuery;
pub use lots::LotQuery;
pub(crate) use status::projections;
pub use status::{ParkedPartition, ProjectionStatus};
pub use trial_balance::{TrialBalance, TrialBalanceGroup, TrialBalanceLine, TrialBalanceQuery};
pub use usage::{GroupBy, UsageCursor, UsageQuery, UsageSum};

use crate::{Feed, Views, ViewsError, cells, checkpoints, columns, skips};

/// What the views say, and up to where they know the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer<T> {
    /// The answer.
    pub value: T,
    /// The last event that is in it.
    pub position: Position,
}

/// Some of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T, C> {
    /// The next items, in order.
    pub items: Vec<T>,
    /// Where to go on; absent at the end of the list.
    pub next: Option<C>,
}

/// In which order a list is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// From the first event on.
    #[default]
    OldestFirst,
    /// From the last event back.
    NewestFirst,
}

/// A moment in both times (M5): what counted until `as_of`, as far as it was known at `known_at`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AsOf {
    /// Effective time, inclusive; everything where absent.
    pub as_of: Option<Timestamp>,
    /// What the journal had recorded; everything where absent.
    pub known_at: Option<KnownAt>,
}

/// How much of the journal is taken into account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KnownAt {
    /// What was recorded until then, inclusive.
    Time(Timestamp),
    /// What stands up to there, inclusive.
    Position(Position),
}

impl AsOf {
    /// Whether it is about another moment than now.
    #[must_use]
    pub const fn is_past(&self) -> bool {
        self.as_of.is_some() || self.known_at.is_some()
    }

    /// The same moment, at this effective time where it names none: what counts later only is not
    /// in it.
    #[must_use]
    pub const fn counting_at(self, now: Timestamp) -> AsOf {
        match self.as_of {
            Some(_) => self,
            None => AsOf { as_of: Some(now), ..self },
        }
    }

    /// The bounds that it puts on events, all inclusive. Refuses what is not over yet.
    fn until(
        self,
        now: Timestamp,
        checkpoint: Position,
        feed: &dyn Feed,
    ) -> Result<Until, ViewsError> {
        let effective_at = self.as_of.map_or(Ok(i64::MAX), |time| past(time, now))?;
        let position = match self.known_at {
            None => checkpoint,
            Some(KnownAt::Time(time)) => {
                past(time, now)?;
                feed.last_recorded_by(time)?
            }
            Some(KnownAt::Position(position)) => position,
        };
        if position > checkpoint {
            let (wanted, head) = (position, feed.head()?);
            return Err(if wanted > head {
                ViewsError::BeyondHead { wanted, head }
            } else {
                ViewsError::NotYet { wanted, checkpoint }
            });
        }
        Ok(Until { position, effective_at })
    }
}

fn past(time: Timestamp, now: Timestamp) -> Result<i64, ViewsError> {
    if time > now { Err(ViewsError::FutureMoment) } else { Ok(time.micros()) }
}

/// Whose rows a question is about.
#[derive(Clone, Copy)]
enum Scope<'a> {
    /// One tenant's: it must exist, and must not be parked.
    Tenant(&'a TenantId),
    /// The catalogue's, which must not be parked.
    Catalogue,
    /// Everybody's.
    All,
}

impl Views {
    /// Answers a question from one snapshot.
    fn ask<T>(
        &self,
        projection: &'static dyn Projection,
        scope: Scope<'_>,
        work: impl FnOnce(&mut Connection, Position) -> Result<T, ViewsError>,
    ) -> Result<Answer<T>, ViewsError> {
        self.database().read(|connection| Ok(answer(connection, projection, scope, work)))?
    }
}

fn answer<T>(
    connection: &mut Connection,
    projection: &'static dyn Projection,
    scope: Scope<'_>,
    work: impl FnOnce(&mut Connection, Position) -> Result<T, ViewsError>,
) -> Result<Answer<T>, ViewsError> {
    let partition = match scope {
        Scope::All | Scope::Catalogue => "",
        Scope::Tenant(tenant) => tenant.as_str(),
    };
    let name = projection.name();
    let rows = connection.query(STANDING, &[name.into(), partition.into()])?;
    let standing = rows.first().ok_or(ProjectionError::MalformedRow { table: "projection" })?;
    let position = columns::position(standing, 0, checkpoints::TABLE)?;
    if let Scope::Tenant(tenant) = scope
        && standing.int(1)? == 0
    {
        return Err(ViewsError::UnknownTenant(tenant.clone()));
    }
    if !matches!(scope, Scope::All) && standing.int(2)? > 0 {
        not_parked(connection, projection, partition)?;
    }
    Ok(Answer { value: work(connection, position)?, position })
}

/// How far a projection is, and whether a partition is there, and parked: in one question, for a
/// database may be far away.
const STANDING: &str = "SELECT \
    COALESCE((SELECT position FROM projection WHERE name = $1), 0), \
    (SELECT count(*) FROM tenant WHERE tenant = $2), \
    (SELECT count(*) FROM projection_parked WHERE projection = $1 AND tenant = $2)";

/// Refuses to answer from rows that are out of date.
fn not_parked(
    connection: &mut Connection,
    projection: &'static dyn Projection,
    partition: &str,
) -> Result<(), ViewsError> {
    let name = projection.name();
    let parked = checkpoints::parked_at(connection, name, partition)?;
    parked.map_or(Ok(()), |parked| Err(parked.refusal(name)))
}

/// Refuses to add up what everybody has while somebody's rows are out of date.
fn none_parked(
    connection: &mut Connection,
    projection: &'static dyn Projection,
) -> Result<(), ViewsError> {
    let name = projection.name();
    let mut parked = checkpoints::read_parked(connection)?.into_iter();
    let own = parked.find(|stopped| stopped.projection == name);
    own.map_or(Ok(()), |stopped| Err(stopped.partition.refusal(name)))
}

/// Refuses what is to stay while an event is left out of the rows that it is read from.
fn none_skipped(
    connection: &mut Connection,
    projection: &'static dyn Projection,
) -> Result<(), ViewsError> {
    let skips = skips::read(connection)?;
    let first = skips.of(projection).first();
    first.map_or(Ok(()), |skipped| Err(skipped.refusal(projection.name())))
}

/// A field as a whole number, for binding; zero for what is none.
fn int(field: &impl Field) -> i64 {
    match field.to_cell() {
        Cell::Int(number) => number,
        Cell::Null | Cell::Text(_) | Cell::Bytes(_) => 0,
    }
}

/// A field as a parameter.
fn param(field: &impl Field) -> Value {
    cells::value(field.to_cell())
}

/// How many rows to ask for: one more than wanted tells whether there is a next page.
fn with_one_more(limit: usize) -> Value {
    (limit.saturating_add(1) as u64).into()
}

/// Cuts what [`with_one_more`] asked for, and says where to go on.
fn page<R: Row, C>(mut items: Vec<R>, limit: usize, cursor: impl Fn(&R) -> C) -> Page<R, C> {
    let more = items.len() > limit;
    items.truncate(limit);
    let next = if more { items.last().map(cursor) } else { None };
    Page { items, next }
}
