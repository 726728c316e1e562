//! Which periods were closed, and with which balances?

use quipu_domain::Timestamp;
use quipu_domain::period::PeriodName;
use quipu_projections::{ClosedPeriod, Periods};

use super::{Answer, Page, Scope, page, with_one_more};
use crate::{Views, ViewsError, cells};

impl Views {
    /// Closed periods, from the first on.
    pub fn periods(
        &self,
        after: Option<PeriodName>,
        limit: usize,
    ) -> Result<Answer<Page<ClosedPeriod, PeriodName>>, ViewsError> {
        self.ask(&Periods, Scope::Catalogue, |connection, _| {
            let after = after.map_or(i64::MIN, |period| Timestamp::micros(period.begins_at()));
            let rows = connection.query(
                "SELECT * FROM closed_period WHERE begins_at > $1 ORDER BY begins_at LIMIT $2",
                &[after.into(), with_one_more(limit)],
            )?;
            Ok(page(cells::all_typed(&rows)?, limit, |closed: &ClosedPeriod| closed.period))
        })
    }
}
