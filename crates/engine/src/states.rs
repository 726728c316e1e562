//! The states in memory. What is done to all kinds of them names each, so that none is left out.

use std::num::NonZeroUsize;

use lru::LruCache;
use quipu_domain::agent::Agent;
use quipu_domain::epoch::Epoch;
use quipu_domain::meter::Meter;
use quipu_domain::period::Periods;
use quipu_domain::price_table::PriceTable;
use quipu_domain::subject::SubjectRegister;
use quipu_domain::tenant::Tenant;
use quipu_domain::wallet::Wallet;
use quipu_domain::{AgentId, MeterName, Position, PriceTableName, Stream, TenantId, Version};
use quipu_journal::Snapshot;

use crate::aggregates::Cache;

/// The states in memory, by kind.
pub(crate) struct States {
    pub(crate) tenants: Cache<TenantId, Tenant>,
    pub(crate) wallets: Cache<TenantId, Wallet>,
    pub(crate) meters: Cache<MeterName, Meter>,
    pub(crate) price_tables: Cache<PriceTableName, PriceTable>,
    pub(crate) agents: Cache<(TenantId, AgentId), Agent>,
    pub(crate) periods: Cache<(), Periods>,
    /// There is one register.
    pub(crate) subjects: Cache<(), SubjectRegister>,
    /// One for the whole journal.
    pub(crate) epochs: Cache<(), Epoch>,
    /// Versions of application streams, with the position of their last event.
    pub(crate) applications: LruCache<Stream, (Version, Position)>,
}

impl States {
    /// Nothing yet, and `most` of each kind.
    pub(crate) fn new(most: NonZeroUsize) -> States {
        States {
            tenants: Cache::new(most),
            wallets: Cache::new(most),
            meters: Cache::new(most),
            price_tables: Cache::new(most),
            agents: Cache::new(most),
            periods: Cache::new(most),
            subjects: Cache::new(most),
            epochs: Cache::new(most),
            applications: LruCache::new(most),
        }
    }

    /// Lets the least recently used of each kind go, with their snapshots ([`Cache::trim`]).
    pub(crate) fn trim(&mut self, durable: Position) -> Vec<Snapshot> {
        let States {
            tenants,
            wallets,
            meters,
            price_tables,
            agents,
            // Each of these is one, and stays.
            periods: _,
            subjects: _,
            epochs: _,
            // The least recently used leaves by itself, and a version needs no snapshot.
            applications: _,
        } = self;
        let mut snapshots = wallets.trim(durable);
        snapshots.extend(tenants.trim(durable));
        snapshots.extend(agents.trim(durable));
        snapshots.extend(meters.trim(durable));
        snapshots.extend(price_tables.trim(durable));
        snapshots
    }

    /// Snapshots of everything in memory, for a quick start next time.
    pub(crate) fn snapshots(&mut self) -> Vec<Snapshot> {
        let States {
            tenants,
            wallets,
            meters,
            price_tables,
            agents,
            periods,
            subjects,
            epochs,
            applications: _,
        } = self;
        let snapshots = wallets.snapshots().chain(tenants.snapshots()).chain(agents.snapshots());
        let snapshots = snapshots.chain(meters.snapshots()).chain(price_tables.snapshots());
        let snapshots = snapshots.chain(periods.snapshots()).chain(subjects.snapshots());
        snapshots.chain(epochs.snapshots()).collect()
    }

    /// Forgets everything: what was decided on it will not become durable.
    pub(crate) fn clear(&mut self) {
        let States {
            tenants,
            wallets,
            meters,
            price_tables,
            agents,
            periods,
            subjects,
            epochs,
            applications,
        } = self;
        tenants.clear();
        wallets.clear();
        meters.clear();
        price_tables.clear();
        agents.clear();
        periods.clear();
        subjects.clear();
        epochs.clear();
        applications.clear();
    }
}
