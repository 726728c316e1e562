//! Commands to a wallet. Their own endpoints and `/v1/commands` make them here, so that a command
//! is the same command wherever it came in (J7).

use quipu_domain::wallet::WalletCommand;
use quipu_domain::{HoldId, Label, Metadata, Personal, TenantId};
use quipu_engine::{Command, Request};
use quipu_sealing::{Digests, SealingError, SubjectKeys};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::bound_request;
use crate::idempotency::{IdempotencyKey, canonical, digest};

/// The body of a command to a wallet.
pub(crate) trait WalletRequest: Serialize + DeserializeOwned + Send + 'static {
    /// What it is done to.
    type Target: Target;
    /// Its name in what a key is bound to: it never changes.
    const OPERATION: &'static str;
    /// The event that it is answered with.
    const EVENT: &'static str;

    /// The personal text in it (P1).
    fn personal(&self) -> Option<&Label> {
        None
    }

    /// The command, with the personal text as it was sealed.
    fn command(&self, target: &Self::Target, personal: Option<Personal>) -> WalletCommand;
}

/// What a command to a wallet is done to: the wallet itself, or a hold on it.
pub(crate) trait Target: Serialize + Send + 'static {
    /// Whose wallet it is.
    fn tenant(&self) -> &TenantId;
}

impl Target for TenantId {
    fn tenant(&self) -> &TenantId {
        self
    }
}

impl Target for (TenantId, HoldId) {
    fn tenant(&self) -> &TenantId {
        &self.0
    }
}

/// The command as the engine takes it: sealed, and bound to its key. Blocks where it has a personal
/// text. `by` says who sends it.
pub(crate) fn bind<R: WalletRequest>(
    target: &R::Target,
    request: &R,
    key: IdempotencyKey,
    by: Metadata,
    keys: &SubjectKeys,
) -> Result<Request, SealingError> {
    let tenant = target.tenant();
    let canonical = canonical(R::OPERATION, target, request);
    let (digests, personal) = match request.personal() {
        None => (Digests::of_nobody(digest(&canonical)), None),
        Some(text) => {
            let sealed = keys.seal(tenant, text)?;
            // P3: a plain digest would confirm a guess at what was erased.
            (keys.digests(tenant, &canonical)?, Some(sealed))
        }
    };
    let command = request.command(target, personal);
    let command = Command::Wallet { tenant: tenant.clone(), command };
    Ok(bound_request(command, by, key, digests))
}
