//! The journal alone: events encoded, hashed and committed, so many at a time.

use std::sync::Arc;
use std::time::Duration;

use quipu_domain::wallet::WalletEvent;
use quipu_domain::wallet::event::{Attribution, CreditsDebited, Draw, Draws};
use quipu_domain::{
    EntryId, Event, GrantId, Metadata, Position, Recorded, Stream, TenantId, Timestamp, Version,
};
use quipu_journal::{KeyWindow, Lease, SqlStore, Store, Writer};
use quipu_load::repeat;
use quipu_testkit::{postgres, sqlite};
use uuid::Uuid;

const DURATION: Duration = Duration::from_secs(2);
const SIZES: [usize; 4] = [1, 100, 1_000, 8_000];

fn main() {
    for size in SIZES {
        let folder = sqlite::folder();
        let store = SqlStore::open_sqlite(&folder.path().join("journal.db"));
        measure("SQLite", size, Arc::new(store.expect("a new file opens")));
    }
    if !postgres::is_installed() {
        println!("PostgreSQL: not measured, its programs are not installed");
        return;
    }
    for size in SIZES {
        let store = SqlStore::connect_postgres(&postgres::database());
        measure("PostgreSQL", size, Arc::new(store.expect("a new database opens")));
    }
}

fn measure(name: &str, size: usize, store: Arc<dyn Store>) {
    let opened = Writer::open(store, Lease::Wait(Duration::ZERO), KeyWindow::default());
    let (mut writer, _index) = opened.expect("nobody else writes to it");
    let mut source = Source::new();
    let mut events: Vec<Recorded> = Vec::with_capacity(size);
    let repeated =
        repeat(format!("{name}, {size} events per commit"), size as u64, DURATION, || {
            events.clear();
            events.extend((0..size).map(|_| source.next()));
            writer.append(&events).expect("the store keeps what it is given");
        });
    println!("{repeated}");
}

/// Debits, one after the other.
struct Source {
    tenant: TenantId,
    stream: Stream,
    position: Position,
    metadata: Metadata,
    now: Timestamp,
}

impl Source {
    fn new() -> Source {
        let tenant: TenantId = "t_acme".parse().expect("an id");
        let label = |text: &str| text.parse().expect("a label");
        let mut metadata = Metadata::by(label("local"));
        metadata.command = Some(label("order-4711-0000000001"));
        metadata.fingerprint = Some(label("0123456789abcdef0123456789abcdef"));
        metadata.correlation = Some(label("0198c2de-5f3a-7000-8000-000000000000"));
        Source {
            stream: Stream::wallet(&tenant),
            tenant,
            position: Position::ZERO,
            metadata,
            now: Timestamp::from_micros(1_767_225_600_000_000).expect("a time"),
        }
    }

    fn next(&mut self) -> Recorded {
        self.position = self.position.plus(1);
        let amount = "0.01".parse().expect("an amount");
        let grant = GrantId(Position(2));
        Recorded {
            position: self.position,
            stream: self.stream.clone(),
            version: Version(self.position.0),
            id: Uuid::from_u128(u128::from(self.position.0)),
            recorded_at: self.now,
            effective_at: None,
            tenant: Some(self.tenant.clone()),
            metadata: self.metadata.clone(),
            event: Event::Wallet(WalletEvent::CreditsDebited(CreditsDebited {
                entry: EntryId(self.position),
                amount,
                draws: Draws { lots: vec![Draw { grant, amount }], ..Draws::default() },
                meter: None,
                attribution: Attribution::default(),
                reason: None,
            })),
        }
    }
}
