//! Who did what, when and why?

use quipu_domain::{Label, Position, TenantId, Timestamp};
use quipu_projections::{AuditLine, AuditLog};

use super::{Answer, Order, Page, Scope, int, page, param, with_one_more};
use crate::{Views, ViewsError, cells};

/// Which lines of the audit log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditQuery {
    /// In which order.
    pub order: Order,
    /// Go on after this line, in that order.
    pub after: Option<Position>,
    /// Only this tenant.
    pub tenant: Option<TenantId>,
    /// Only this type of event.
    pub event_type: Option<String>,
    /// Only this actor.
    pub actor: Option<Label>,
    /// Recorded from then on.
    pub from: Option<Timestamp>,
    /// Recorded before then.
    pub to: Option<Timestamp>,
    /// How many at most.
    pub limit: usize,
}

macro_rules! lines_ordered {
    ($tenant:literal, $direction:literal) => {
        concat!(
            "SELECT * FROM audit_log \
             WHERE ",
            $tenant,
            " AND position > $2 AND position <= $3 \
             AND recorded_at >= $4 AND recorded_at <= $5 \
             AND (event_type = $6 OR CAST($6 AS TEXT) IS NULL) \
             AND (actor = $7 OR CAST($7 AS TEXT) IS NULL) \
             ORDER BY position ",
            $direction,
            " LIMIT $8"
        )
    };
}

impl Views {
    /// The audit log: all events, or a tenant's.
    pub fn audit_log(
        &self,
        query: &AuditQuery,
    ) -> Result<Answer<Page<AuditLine, Position>>, ViewsError> {
        let scope = query.tenant.as_ref().map_or(Scope::All, Scope::Tenant);
        self.ask(&AuditLog, scope, |connection, _| {
            let sql = match (&query.tenant, query.order) {
                (Some(_), Order::OldestFirst) => lines_ordered!("tenant = $1", "ASC"),
                (Some(_), Order::NewestFirst) => lines_ordered!("tenant = $1", "DESC"),
                (None, Order::OldestFirst) => lines_ordered!("CAST($1 AS TEXT) IS NULL", "ASC"),
                (None, Order::NewestFirst) => lines_ordered!("CAST($1 AS TEXT) IS NULL", "DESC"),
            };
            let after = query.after.as_ref().map(int);
            let (above, upto) = match query.order {
                Order::OldestFirst => (after.unwrap_or(0), i64::MAX),
                Order::NewestFirst => (0, after.map_or(i64::MAX, |position| position - 1)),
            };
            let params = [
                param(&query.tenant),
                above.into(),
                upto.into(),
                query.from.map_or(i64::MIN, Timestamp::micros).into(),
                query.to.map_or(i64::MAX, |time| time.micros() - 1).into(),
                query.event_type.clone().into(),
                param(&query.actor),
                with_one_more(query.limit),
            ];
            let rows = connection.query(sql, &params)?;
            Ok(page(cells::all_typed(&rows)?, query.limit, |line: &AuditLine| line.position))
        })
    }
}
