//! An engine with a clock that stands still and ids that repeat.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use quipu_domain::event::ApplicationEvent;
use quipu_domain::tenant::TenantCommand;
use quipu_domain::wallet::WalletCommand;
use quipu_domain::wallet::command::{Debit, Grant, PlaceHold};
use quipu_domain::wallet::event::{Attribution, GrantKind, Origin, Overage};
use quipu_domain::{Credits, Label, Metadata, Stream, TenantId, Timestamp, Version};
use quipu_engine::{
    Append, Command, Engine, EngineError, Ids, ManualClock, Options, Receipt, Request,
};
use quipu_journal::Store;
use serde_json::value::RawValue;

pub(crate) const START: &str = "2026-01-01T00:00:00Z";

pub(crate) struct Bench {
    pub(crate) engine: Engine,
    pub(crate) clock: Arc<ManualClock>,
}

impl Bench {
    pub(crate) fn on(store: Arc<dyn Store>) -> Bench {
        Bench::with(store, |_| {})
    }

    pub(crate) fn with(store: Arc<dyn Store>, change: impl FnOnce(&mut Options)) -> Bench {
        let clock = Arc::new(ManualClock::at(time(START)));
        let mut options =
            Options { clock: clock.clone(), ids: Ids::seeded([1; 6]), ..Options::default() };
        change(&mut options);
        Bench { engine: Engine::start(store, options).expect("it starts"), clock }
    }

    pub(crate) async fn tenant(&self, tenant: &TenantId) -> Receipt {
        let command = TenantCommand::Create {
            tenant: tenant.clone(),
            name: label("Somebody"),
            time_zone: label("UTC"),
        };
        let command = Command::Tenant { tenant: tenant.clone(), command };
        self.send(command, None).await.expect("created")
    }

    /// A tenant with credits: two events.
    pub(crate) async fn tenant_with(&self, tenant: &TenantId, amount: &str) {
        self.tenant(tenant).await;
        self.wallet(tenant, grant(amount), None).await.expect("granted");
    }

    pub(crate) async fn wallet(
        &self,
        tenant: &TenantId,
        command: WalletCommand,
        key: Option<&str>,
    ) -> Result<Receipt, EngineError> {
        self.send(Command::Wallet { tenant: tenant.clone(), command }, key).await
    }

    pub(crate) async fn send(
        &self,
        command: Command,
        key: Option<&str>,
    ) -> Result<Receipt, EngineError> {
        self.engine.execute(request(command, key)).await
    }
}

/// So many events of a type that is none of ours, to be appended to a stream.
pub(crate) fn foreign(stream: Stream, expected: u64, type_name: &str, count: usize) -> Append {
    let event = ApplicationEvent {
        type_name: type_name.to_owned(),
        schema: 1,
        metadata: None,
        data: RawValue::from_string("{}".to_owned()).expect("JSON"),
    };
    Append {
        stream,
        expected: Version(expected),
        effective_at: None,
        events: vec![event; count],
        metadata: Metadata::by(label("somebody")),
    }
}

/// A command under a key, bound to it as the interface does.
pub(crate) fn request(command: Command, key: Option<&str>) -> Request {
    let mut metadata = Metadata::by(label("tester"));
    metadata.command = key.map(label);
    metadata.fingerprint = key.map(|_| fingerprint(&command));
    Request { command, metadata, also_bound_to: Vec::new() }
}

fn fingerprint(command: &Command) -> Label {
    let mut hasher = DefaultHasher::new();
    format!("{command:?}").hash(&mut hasher);
    label(&format!("{:x}", hasher.finish()))
}

pub(crate) fn tenant(name: &str) -> TenantId {
    format!("t_{name}").parse().expect("a tenant id")
}

pub(crate) fn label<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().expect("a label, or a personal text")
}

pub(crate) fn time(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

pub(crate) fn credits(text: &str) -> Credits {
    text.parse().expect("an amount")
}

pub(crate) fn grant(amount: &str) -> WalletCommand {
    WalletCommand::Grant(Grant {
        amount: credits(amount),
        kind: GrantKind::Paid,
        priority: 50,
        effective_at: None,
        expires_at: None,
        scope: Vec::new(),
        origin: Origin::Purchase,
        unit_cost: None,
        source: None,
    })
}

pub(crate) fn debit(amount: &str) -> WalletCommand {
    WalletCommand::Debit(Debit {
        amount: credits(amount),
        meter: None,
        effective_at: None,
        attribution: Attribution::default(),
        reason: None,
    })
}

pub(crate) fn hold(amount: &str, ttl_seconds: i64) -> WalletCommand {
    WalletCommand::PlaceHold(PlaceHold {
        amount: credits(amount),
        ttl_seconds: Some(ttl_seconds),
        meter: None,
        overage: Overage::Overflow,
        attribution: Attribution::default(),
    })
}
