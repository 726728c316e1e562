//! Replays a generated journal of usage into fresh views and says how fast that was:
//! `cargo run --release -p quipu-benches --example replay -- [EVENTS] [TENANTS] [postgres]`.

use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use quipu_domain::tenant::{TenantCreated, TenantEvent};
use quipu_domain::wallet::WalletEvent;
use quipu_domain::wallet::event::{
    Attribution, CreditsGranted, Draw, Draws, GrantKind, LotTerms, Origin, Rating, Tokens, Usage,
    UsageRecorded,
};
use quipu_domain::{
    Credits, EntryId, Event, GrantId, Metadata, Position, Recorded, Stream, TenantId, Timestamp,
    Version,
};
use quipu_journal::{Journal, KeyWindow, Lease, SqlStore, Store, Writer};
use quipu_views::{Feed, FeedError, Location, RunnerOptions, Views};

struct JournalFeed(Journal);

impl Feed for JournalFeed {
    fn read(&self, after: Position, most_events: usize) -> Result<Vec<Recorded>, FeedError> {
        self.0.page(after, most_events).map_err(|error| FeedError(error.to_string()))
    }

    fn events_at(&self, positions: &[Position]) -> Result<Vec<Recorded>, FeedError> {
        self.0.events_at(positions).map_err(|error| FeedError(error.to_string()))
    }

    fn head(&self) -> Result<Position, FeedError> {
        let head = self.0.head().map_err(|error| FeedError(error.to_string()))?;
        Ok(head.position)
    }
}

/// Commits of so many events, as a usage batch makes them.
const COMMIT: usize = 8_192;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let mut number = |default| arguments.next().map_or(Ok(default), |text| text.parse::<u64>());
    let (events, tenants) = (number(500_000)?, number(10_000)?);
    let on_postgres = arguments.next().is_some_and(|engine| engine == "postgres");
    let runtime = tokio::runtime::Runtime::new()?;
    let folder = tempfile::tempdir()?;
    let store: Arc<dyn Store> = Arc::new(SqlStore::open_sqlite(&folder.path().join("journal.db"))?);
    let (payload, end) = fill(&store, events, tenants)?;
    let feed = Arc::new(JournalFeed(Journal::new(store)));
    let begun = Instant::now();
    let mut after = Position::ZERO;
    while let Some(last) = feed.read(after, 4_096)?.last() {
        after = last.position;
    }
    say("read and decode", end, begun.elapsed());
    let file = folder.path().join("views.db");
    let location = if on_postgres {
        let url = quipu_testkit::postgres::database();
        Location::Postgres { url, handle: runtime.handle().clone() }
    } else {
        Location::Sqlite { file: file.clone() }
    };
    let views = Views::open(location, feed)?;
    let begun = Instant::now();
    views.catch_up(&RunnerOptions::default())?;
    say("replay", end, begun.elapsed());
    let bytes = |name: &str| std::fs::metadata(folder.path().join(name)).map_or(0, |m| m.len());
    let (journal, views) = (bytes("journal.db"), bytes("views.db"));
    println!(
        "bytes per event: payload {}, journal {}, views {} (log {})",
        payload / end.0,
        journal / end.0,
        views / end.0,
        size(&file.with_extension("db-wal")) / end.0
    );
    Ok(())
}

fn size(file: &Path) -> u64 {
    std::fs::metadata(file).map_or(0, |found| found.len())
}

fn say(what: &str, end: Position, took: Duration) {
    let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX).max(1);
    println!("{what}: {} events in {took:?}: {}/s", end.0, end.0 * 1_000_000 / micros);
}

fn fill(
    store: &Arc<dyn Store>,
    usage: u64,
    tenants: u64,
) -> Result<(u64, Position), Box<dyn Error>> {
    let lease = Lease::Wait(Duration::from_secs(1));
    let (mut writer, _) = Writer::open(Arc::clone(store), lease, KeyWindow::default())?;
    let mut next = Position(1);
    let mut payload = 0;
    let mut batch = Vec::new();
    let end = 2 * tenants + usage;
    while next.0 <= end {
        batch.push(event(next, tenants));
        next = next.plus(1);
        if batch.len() == COMMIT || next.0 > end {
            let mut text = Vec::new();
            batch.iter().for_each(|event| quipu_journal::codec::encode(event, &mut text));
            payload += u64::try_from(text.len())?;
            writer.append(&batch)?;
            batch.clear();
        }
    }
    Ok((payload, Position(end)))
}

fn event(position: Position, tenants: u64) -> Recorded {
    let step = (position.0 - 1) / tenants;
    let number = match step {
        0 | 1 => (position.0 - 1) % tenants,
        // Scattered, so that no page has the tenants in order.
        _ => position.0.wrapping_mul(0x9E37_79B9_7F4A_7C15) % tenants,
    };
    let tenant: TenantId = format!("t_{number:06}").parse().expect("a tenant's id");
    let start: Timestamp = "2026-11-20T12:00:00Z".parse().expect("a time");
    let micros = start.micros() + i64::try_from(position.0 * 5).unwrap_or(0);
    let now = Timestamp::from_micros(micros).expect("within the calendar");
    let (stream, event) = match step {
        0 => (Stream::tenant(&tenant), created(&tenant)),
        1 => (Stream::wallet(&tenant), granted(position)),
        _ => {
            (Stream::wallet(&tenant), used(position, GrantId(Position(tenants + number + 1)), now))
        }
    };
    let mut metadata = Metadata::by("local".parse().expect("a label"));
    metadata.correlation =
        Some(format!("01JD{:012}", position.0 / 1_000).parse().expect("a label"));
    Recorded {
        position,
        stream,
        version: Version(step.max(1)),
        id: uuid::Uuid::from_u128(u128::from(position.0)),
        recorded_at: now,
        effective_at: None,
        tenant: Some(tenant),
        metadata,
        event,
    }
}

fn created(tenant: &TenantId) -> Event {
    Event::Tenant(TenantEvent::TenantCreated(TenantCreated {
        tenant: tenant.clone(),
        name: "Some tenant".parse().expect("a label"),
        time_zone: "Europe/Berlin".parse().expect("a label"),
    }))
}

fn granted(position: Position) -> Event {
    Event::Wallet(WalletEvent::CreditsGranted(CreditsGranted {
        grant: GrantId(position),
        amount: "1000000".parse().expect("an amount"),
        terms: LotTerms {
            kind: GrantKind::Paid,
            priority: 50,
            effective_at: "2026-11-20T12:00:00Z".parse().expect("a time"),
            expires_at: None,
            scope: Vec::new(),
            origin: Origin::Purchase,
        },
        unit_cost: None,
        source: None,
    }))
}

fn used(position: Position, lot: GrantId, now: Timestamp) -> Event {
    let amount: Credits = "0.0042".parse().expect("an amount");
    Event::Wallet(WalletEvent::UsageRecorded(UsageRecorded {
        entry: EntryId(position),
        usage: Usage {
            meter: "llm_tokens".parse().expect("a meter"),
            quantity: None,
            tokens: Some(Tokens { input: 812, cached_input: 200, output: 301 }),
            value: None,
            attribution: Attribution {
                agent: Some("support-bot".parse().expect("a label")),
                model: Some("large-2".parse().expect("a label")),
                ..Attribution::default()
            },
            occurred_at: now,
            source: "gateway".parse().expect("a label"),
            id: format!("req-{}", position.0).parse().expect("a label"),
        },
        rating: Rating::Rated {
            amount,
            price: "table standard from 2026-01-01T00:00:00Z".parse().expect("a label"),
        },
        draws: Draws { lots: vec![Draw { grant: lot, amount }], overdraft: Credits::ZERO },
        tally: None,
    }))
}
