//! Which holds does a tenant have, and what became of each?

use quipu_domain::{HoldId, Position, TenantId};
use quipu_projections::{Hold, HoldStatus, Holds};

use super::{Answer, Page, Scope, page, param, with_one_more};
use crate::{Views, ViewsError, cells};

const OPEN: &str = "SELECT * FROM hold \
    WHERE tenant = $1 AND hold_position > $2 AND status = 'open' \
    ORDER BY hold_position LIMIT $3";

const BY_STATUS: &str = "SELECT * FROM hold \
    WHERE tenant = $1 AND hold_position > $2 AND (status = $3 OR CAST($3 AS TEXT) IS NULL) \
    ORDER BY hold_position LIMIT $4";

impl Views {
    /// A tenant's holds in the order in which they were placed: those with a status, or all.
    pub fn holds(
        &self,
        tenant: &TenantId,
        status: Option<HoldStatus>,
        after: Option<HoldId>,
        limit: usize,
    ) -> Result<Answer<Page<Hold, HoldId>>, ViewsError> {
        self.ask(&Holds, Scope::Tenant(tenant), |connection, _| {
            let after = param(&after.map_or(Position::ZERO, HoldId::position));
            let limit_value = with_one_more(limit);
            let rows = if status == Some(HoldStatus::Open) {
                connection.query(OPEN, &[tenant.as_str().into(), after, limit_value])?
            } else {
                let params = [tenant.as_str().into(), after, param(&status), limit_value];
                connection.query(BY_STATUS, &params)?
            };
            Ok(page(cells::all_typed(&rows)?, limit, |hold: &Hold| hold.hold_position))
        })
    }

    /// One hold; `None` where the tenant has no such hold.
    pub fn hold(
        &self,
        tenant: &TenantId,
        hold: HoldId,
    ) -> Result<Answer<Option<Hold>>, ViewsError> {
        self.ask(&Holds, Scope::Tenant(tenant), |connection, _| {
            let rows = connection.query(
                "SELECT * FROM hold WHERE tenant = $1 AND hold_position = $2",
                &[tenant.as_str().into(), param(&hold)],
            )?;
            rows.first().map(cells::typed).transpose()
        })
    }
}
