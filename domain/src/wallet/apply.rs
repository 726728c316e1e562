//! What an event makes of a wallet.

use super::Wallet;
use super::event::WalletEvent;
use super::lots::ensure;
use crate::event::Inconsistency;

impl Wallet {
    /// Folds one event in. Everything it relies on is checked; after an error the state is of no
    /// use any more and must be dropped.
    pub fn apply(&mut self, event: &WalletEvent) -> Result<(), Inconsistency> {
        self.funds.apply(event)?;
        self.holds.apply(event)?;
        self.lines.apply(event)?;
        self.tallies.apply(event)?;
        match event {
            WalletEvent::WalletFrozen(e) => {
                ensure(self.freeze.is_none(), || "the wallet is frozen already".into())?;
                self.freeze = Some(e.reason.clone());
            }
            WalletEvent::WalletUnfrozen(_) => {
                ensure(self.freeze.is_some(), || "the wallet is not frozen".into())?;
                self.freeze = None;
            }
            _ => {}
        }
        Ok(())
    }
}
