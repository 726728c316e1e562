//! In which wallets does something fall due?

use quipu_domain::{TenantId, Timestamp};
use quipu_projections::ProjectionError;

use crate::{Views, ViewsError, reads};

/// Lots that run out, holds that run out, and lots whose time has come while something is owed.
/// Found by when they fall due, and only then put in order.
pub(super) const DUE: &str = "\
    WITH due AS MATERIALIZED (\
    SELECT tenant FROM lot WHERE is_open = 1 AND remaining > 0 AND expires_at <= $1 \
    UNION \
    SELECT tenant FROM hold WHERE status = 'open' AND expires_at <= $1 \
    UNION \
    SELECT lot.tenant FROM balance CROSS JOIN lot \
    WHERE balance.overdraft < 0 AND lot.tenant = balance.tenant \
    AND lot.is_open = 1 AND lot.remaining > 0 AND lot.scope = '' \
    AND lot.effective_at <= $1 AND (lot.expires_at IS NULL OR lot.expires_at > $1)) \
    SELECT tenant FROM due WHERE tenant > $2 ORDER BY tenant LIMIT $3";

impl Views {
    /// The next tenants after one in whose wallets something falls due at `until` or before, at most
    /// `most`. A tenant may be named though nothing is left to do (the overdraft may only be
    /// reserved): the rules decide that.
    pub fn due(
        &self,
        until: Timestamp,
        after: Option<&TenantId>,
        most: usize,
    ) -> Result<Vec<TenantId>, ViewsError> {
        let after = after.map_or("", TenantId::as_str);
        let params = [reads::param(&until), after.into(), (most as u64).into()];
        let rows = self.database().query(DUE, &params)?;
        let malformed = |_| ProjectionError::MalformedRow { table: "lot" };
        rows.iter().map(|row| Ok(row.text(0)?.parse().map_err(malformed)?)).collect()
    }
}
