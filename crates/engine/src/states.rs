//! The states in memory, of every kind.

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

use crate::aggregates::{AnyCache, Cache};

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

    /// Every cache, named once, so that the compiler finds one that is missing.
    fn caches(&mut self) -> [&mut dyn AnyCache; 8] {
        let States {
            tenants,
            wallets,
            meters,
            price_tables,
            agents,
            periods,
            subjects,
            epochs,
            // The least recently used leaves by itself, and a version needs no snapshot.
            applications: _,
        } = self;
        [wallets, tenants, agents, meters, price_tables, periods, subjects, epochs]
    }

    /// Lets the least recently used of each kind go, with their snapshots ([`AnyCache::trim`]).
    pub(crate) fn trim(&mut self, durable: Position) -> Vec<Snapshot> {
        self.caches().into_iter().flat_map(|cache| cache.trim(durable)).collect()
    }

    /// Snapshots of everything in memory, for a quick start next time.
    pub(crate) fn snapshots(&mut self) -> Vec<Snapshot> {
        self.caches().into_iter().flat_map(AnyCache::snapshots).collect()
    }

    /// Forgets everything: what was decided on it will not become durable.
    pub(crate) fn clear(&mut self) {
        self.caches().into_iter().for_each(AnyCache::clear);
        self.applications.clear();
    }
}
