//! Which periods were closed, and with which balances?

use quipu_database::Connection;
use quipu_domain::Timestamp;
use quipu_domain::period::PeriodName;
use quipu_projections::{ClosedPeriod, Periods};

use super::{Answer, Page, Scope, with_one_more};
use crate::{Views, ViewsError, cells};

/// Most bytes of balances in a page: a period has as many as the book has accounts. One that has
/// more is a page of its own.
const MOST_BYTES: i64 = 4 << 20;

impl Views {
    /// Closed periods, from the first on: at most so many, and fewer where they are large.
    pub fn periods(
        &self,
        after: Option<PeriodName>,
        limit: usize,
    ) -> Result<Answer<Page<ClosedPeriod, PeriodName>>, ViewsError> {
        self.ask(&Periods, Scope::Catalogue, |connection, _| {
            let after = after.map_or(i64::MIN, |period| Timestamp::micros(period.begins_at()));
            let sizes = sizes(connection, after, limit)?;
            let mut sum = 0;
            let fitting = sizes.iter().take(limit).take_while(|size| {
                sum += **size;
                sum <= MOST_BYTES
            });
            let fitting = fitting.count().max(1);
            let rows = connection.query(
                "SELECT * FROM closed_period WHERE begins_at > $1 ORDER BY begins_at LIMIT $2",
                &[after.into(), (fitting as u64).into()],
            )?;
            let items: Vec<ClosedPeriod> = cells::all_typed(&rows)?;
            let last = items.last().filter(|_| sizes.len() > fitting);
            let next = last.map(|closed| closed.period);
            Ok(Page { items, next })
        })
    }
}

/// How many bytes of balances the next periods have.
fn sizes(connection: &mut Connection, after: i64, limit: usize) -> Result<Vec<i64>, ViewsError> {
    let rows = connection.query(
        "SELECT CAST(octet_length(balances) AS BIGINT) \
         FROM closed_period WHERE begins_at > $1 ORDER BY begins_at LIMIT $2",
        &[after.into(), with_one_more(limit)],
    )?;
    rows.iter().map(|row| Ok(row.int(0)?)).collect()
}
