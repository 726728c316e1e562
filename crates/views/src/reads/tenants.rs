//! Which tenants are there, and in which state is each?

use quipu_domain::TenantId;
use quipu_projections::{Tenant, Tenants};

use super::{Answer, Page, Scope, page, with_one_more};
use crate::{Views, ViewsError, cells};

impl Views {
    /// Tenants by id.
    pub fn tenants(
        &self,
        after: Option<&TenantId>,
        limit: usize,
    ) -> Result<Answer<Page<Tenant, TenantId>>, ViewsError> {
        self.ask(&Tenants, Scope::All, |connection, _| {
            let after = after.map_or("", TenantId::as_str);
            let rows = connection.query(
                "SELECT * FROM tenant WHERE tenant > $1 ORDER BY tenant LIMIT $2",
                &[after.into(), with_one_more(limit)],
            )?;
            Ok(page(cells::all_typed(&rows)?, limit, |tenant: &Tenant| tenant.tenant.clone()))
        })
    }

    /// One tenant.
    pub fn tenant(&self, tenant: &TenantId) -> Result<Answer<Tenant>, ViewsError> {
        self.ask(&Tenants, Scope::Tenant(tenant), |connection, _| {
            let rows = connection
                .query("SELECT * FROM tenant WHERE tenant = $1", &[tenant.as_str().into()])?;
            let row = rows.first().ok_or_else(|| ViewsError::UnknownTenant(tenant.clone()))?;
            cells::typed(row)
        })
    }
}
