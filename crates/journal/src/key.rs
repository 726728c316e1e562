//! Hashes of the keys that make a retry take effect only once.

use quipu_domain::wallet::event::WalletEvent;
use quipu_domain::{Event, Label, Recorded, TenantId};
use sha2::{Digest, Sha256};

/// The first 64 bits of a SHA-256 over (kind, tenant, key). Stable across restarts, because
/// segments keep them; and a client who searches for keys that collide only makes the caller
/// compare one event more, because whoever finds a position reads the event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyHash(pub(crate) u64);

impl KeyHash {
    /// An idempotency key of a command; keys of different tenants never meet.
    #[must_use]
    pub fn command(tenant: Option<&TenantId>, key: &Label) -> KeyHash {
        KeyHash::of(0, tenant, &[key.as_str()])
    }

    /// A usage record, by who reported it and the reporter's id for it.
    #[must_use]
    pub fn usage(tenant: &TenantId, source: &Label, id: &Label) -> KeyHash {
        KeyHash::of(1, Some(tenant), &[source.as_str(), id.as_str()])
    }

    fn of(kind: u8, tenant: Option<&TenantId>, key: &[&str]) -> KeyHash {
        let mut hash = Sha256::new();
        hash.update([kind]);
        // Neither ids nor labels contain control characters, so a zero byte ends each part.
        hash.update(tenant.map_or("", TenantId::as_str));
        for part in key {
            hash.update([0]);
            hash.update(part);
        }
        let digest = hash.finalize();
        let (first, _) = digest.split_first_chunk().expect("SHA-256 has 32 bytes");
        KeyHash(u64::from_be_bytes(*first))
    }
}

/// The keys an event carries, which makes them findable without a table of keys.
pub fn keys_of(recorded: &Recorded) -> impl Iterator<Item = KeyHash> + use<> {
    let tenant = recorded.tenant.as_ref();
    let usage = match (&recorded.event, tenant) {
        (Event::Wallet(WalletEvent::UsageRecorded(recorded)), Some(tenant)) => {
            Some(KeyHash::usage(tenant, &recorded.usage.source, &recorded.usage.id))
        }
        _ => None,
    };
    // U1: a usage record is known by its (source, id). Its request's key may be shared by ten
    // thousand records; the first of a tenant carries it, which is enough to find it.
    let command = recorded.metadata.command.as_ref().map(|key| KeyHash::command(tenant, key));
    usage.into_iter().chain(command)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_different_tenants_and_kinds_differ_and_stay_the_same_for_ever() {
        let (acme, other) = ("t_acme".parse().unwrap(), "t_other".parse().unwrap());
        let (key, id): (Label, Label) = ("a".parse().unwrap(), "b".parse().unwrap());
        let hashes = [
            KeyHash::command(None, &key),
            KeyHash::command(Some(&acme), &key),
            KeyHash::command(Some(&other), &key),
            KeyHash::usage(&acme, &key, &id),
            KeyHash::usage(&acme, &id, &key),
        ];
        let distinct: std::collections::BTreeSet<_> = hashes.iter().collect();
        assert_eq!(distinct.len(), hashes.len());
        // Segments on disk hold these: printf '\1t_acme\0a\0b' | sha256sum
        assert_eq!(format!("{:016x}", hashes[3].0), "9f581c083f0a6702");
    }
}
