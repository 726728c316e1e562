//! Which agents does a tenant have?

use quipu_domain::{AgentId, TenantId};
use quipu_projections::{Agent, Agents};

use super::{Answer, Page, Scope, page, with_one_more};
use crate::{Views, ViewsError, cells};

impl Views {
    /// A tenant's agents by id.
    pub fn agents(
        &self,
        tenant: &TenantId,
        after: Option<&AgentId>,
        limit: usize,
    ) -> Result<Answer<Page<Agent, AgentId>>, ViewsError> {
        self.ask(&Agents, Scope::Tenant(tenant), |connection, _| {
            let after = after.map_or("", AgentId::as_str);
            let rows = connection.query(
                "SELECT * FROM agent WHERE tenant = $1 AND agent > $2 ORDER BY agent LIMIT $3",
                &[tenant.as_str().into(), after.into(), with_one_more(limit)],
            )?;
            Ok(page(cells::all_typed(&rows)?, limit, |agent: &Agent| agent.agent.clone()))
        })
    }
}
