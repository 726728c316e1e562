//! Which wallets have something due.

use quipu_domain::{TenantId, Timestamp};
use quipu_engine::DueSource;
use quipu_views::Views;

/// Knows it from the views.
pub struct DueWallets(pub Views);

impl DueSource for DueWallets {
    fn due(
        &self,
        until: Timestamp,
        after: Option<&TenantId>,
        most: usize,
    ) -> Result<Vec<TenantId>, String> {
        self.0.due(until, after, most).map_err(|error| error.to_string())
    }
}
