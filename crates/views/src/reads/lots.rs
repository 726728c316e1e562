//! Which lots does a tenant have, and what became of each?

use quipu_domain::{GrantId, Position, TenantId};
use quipu_projections::{Balances, Lot};

use super::{Answer, Page, Scope, page, param, with_one_more};
use crate::{Views, ViewsError, cells};

const OPEN: &str = "SELECT * FROM lot \
    WHERE tenant = $1 AND grant_position > $2 AND is_open = 1 \
    ORDER BY grant_position LIMIT $3";

const ALL: &str = "SELECT * FROM lot \
    WHERE tenant = $1 AND grant_position > $2 \
    ORDER BY grant_position LIMIT $3";

impl Views {
    /// One lot; `None` where the tenant has no such lot.
    pub fn lot(
        &self,
        tenant: &TenantId,
        grant: GrantId,
    ) -> Result<Answer<Option<Lot>>, ViewsError> {
        self.ask(&Balances, Scope::Tenant(tenant), |connection, _| {
            let rows = connection.query(
                "SELECT * FROM lot WHERE tenant = $1 AND grant_position = $2",
                &[tenant.as_str().into(), param(&grant)],
            )?;
            rows.first().map(cells::typed).transpose()
        })
    }

    /// A tenant's lots in the order in which they came in; those that have nothing left and
    /// nothing held only on demand.
    pub fn lots(
        &self,
        tenant: &TenantId,
        with_ended: bool,
        after: Option<GrantId>,
        limit: usize,
    ) -> Result<Answer<Page<Lot, GrantId>>, ViewsError> {
        self.ask(&Balances, Scope::Tenant(tenant), |connection, _| {
            let sql = if with_ended { ALL } else { OPEN };
            let after = after.map_or(Position::ZERO, GrantId::position);
            let params = [tenant.as_str().into(), param(&after), with_one_more(limit)];
            let rows = connection.query(sql, &params)?;
            Ok(page(cells::all_typed(&rows)?, limit, |lot: &Lot| lot.grant_position))
        })
    }
}
