//! A small book in memory, made by the domain's own decisions.

use std::collections::BTreeSet;
use std::sync::Arc;

use quipu_domain::event::Event;
use quipu_domain::tenant::{Tenant, TenantCommand};
use quipu_domain::wallet::command::{Debit, Grant, PlaceHold};
use quipu_domain::wallet::event::{Attribution, GrantKind, Origin, Overage};
use quipu_domain::wallet::{Wallet, WalletCommand, WalletContext, WalletEvent};
use quipu_domain::{Metadata, Moment, Position, Recorded, Stream, TenantId, Timestamp, Version};
use quipu_journal::{
    Appender, BatchRow, Head, JournalError, KeyWindow, Lease, MemoryStore, Root, SealedKeys,
    SealedSegment, SegmentBounds, SegmentEnd, Snapshot, Store, Tree, Writer, codec,
};
use quipu_projections::{Cell, Fold, Schema};
use quipu_replay::{Expectation, ReplayError, Report, Signed, ViewSource, ViewState, verify};
use uuid::Uuid;

/// Events so far, and the states to decide on.
pub(crate) struct Bookkeeper {
    id: TenantId,
    tenant: Tenant,
    wallet: Wallet,
    pub(crate) events: Vec<Recorded>,
    versions: [u64; 2],
}

impl Bookkeeper {
    fn new() -> Bookkeeper {
        Bookkeeper {
            id: "t_acme".parse().unwrap(),
            tenant: Tenant::default(),
            wallet: Wallet::default(),
            events: Vec::new(),
            versions: [0, 0],
        }
    }

    fn next(&self) -> Position {
        Position(self.events.len() as u64 + 1)
    }

    fn now(&self) -> Timestamp {
        let noon: Timestamp = "2026-11-20T12:00:00Z".parse().unwrap();
        noon.plus_seconds(self.events.len() as i64)
    }

    fn tenant(&mut self, command: &TenantCommand) {
        for event in self.tenant.decide(command, &self.id).unwrap() {
            self.tenant.apply(&event).unwrap();
            self.versions[0] += 1;
            self.record(Stream::tenant(&self.id), self.versions[0], Event::Tenant(event));
        }
    }

    pub(crate) fn wallet(&mut self, command: &WalletCommand) {
        let moment = Moment { now: self.now(), next: self.next(), backdating_seconds: 0 };
        let context = WalletContext {
            moment,
            tenant_id: &self.id,
            tenant: &self.tenant,
            meter: None,
            price_table: None,
            agent: None,
            original: None,
        };
        for dated in self.wallet.decide(command, &context).unwrap() {
            self.wallet.apply(&dated.event).unwrap();
            self.forged(dated.event);
        }
    }

    /// So many debits, all of the same amount.
    pub(crate) fn debits(&mut self, count: usize, amount: &str) {
        for _ in 0..count {
            self.wallet(&WalletCommand::Debit(Debit {
                amount: amount.parse().unwrap(),
                meter: None,
                effective_at: None,
                attribution: Attribution::default(),
                reason: None,
            }));
        }
    }

    /// Records an event that nobody decided.
    pub(crate) fn forged(&mut self, event: WalletEvent) {
        self.versions[1] += 1;
        self.record(Stream::wallet(&self.id), self.versions[1], Event::Wallet(event));
    }

    fn record(&mut self, stream: Stream, version: u64, event: Event) {
        let position = self.next();
        self.events.push(Recorded {
            position,
            stream,
            version: Version(version),
            id: Uuid::from_u128(u128::from(position.0)),
            recorded_at: self.now(),
            effective_at: None,
            tenant: Some(self.id.clone()),
            metadata: Metadata {
                command: Some(format!("key-{position}").parse().unwrap()),
                fingerprint: Some("0123456789abcdef".parse().unwrap()),
                ..Metadata::by("local".parse().unwrap())
            },
            event,
        });
    }
}

/// A tenant, two grants, a hold that is settled, a debit.
pub(crate) fn bookkeeper() -> Bookkeeper {
    let mut book = Bookkeeper::new();
    book.tenant(&TenantCommand::Create {
        tenant: book.id.clone(),
        name: "Acme".parse().unwrap(),
        time_zone: "UTC".parse().unwrap(),
    });
    for (amount, kind) in [("500", GrantKind::Paid), ("20", GrantKind::Promotional)] {
        book.wallet(&WalletCommand::Grant(Grant {
            amount: amount.parse().unwrap(),
            kind,
            priority: 50,
            effective_at: None,
            expires_at: None,
            scope: Vec::new(),
            origin: Origin::Purchase,
            unit_cost: None,
            source: Some("order 4711".parse().unwrap()),
        }));
    }
    let hold = quipu_domain::HoldId(book.next());
    book.wallet(&WalletCommand::PlaceHold(PlaceHold {
        amount: "75".parse().unwrap(),
        ttl_seconds: None,
        meter: None,
        overage: Overage::Overflow,
        attribution: Attribution::default(),
    }));
    book.wallet(&WalletCommand::SettleHold { hold, amount: "40.5".parse().unwrap() });
    book.wallet(&WalletCommand::Debit(Debit {
        amount: "1.25".parse().unwrap(),
        meter: None,
        effective_at: None,
        attribution: Attribution::default(),
        reason: Some("a \"quoted\" reason, [ünïcode]".parse().unwrap()),
    }));
    book
}

/// The events as rows of a journal: two events to a row, the chain and the tree as they must be.
pub(crate) fn rows(events: &[Recorded]) -> Vec<BatchRow> {
    rows_of(events, 2)
}

/// The same with so many events to a row.
pub(crate) fn rows_of(events: &[Recorded], events_in_row: usize) -> Vec<BatchRow> {
    let mut tree = Tree::default();
    let row = |events: &[Recorded]| {
        let prev_root = tree.root();
        let texts: Vec<String> = events
            .iter()
            .map(|event| {
                let mut text = Vec::new();
                codec::encode(event, &mut text);
                tree.push(&text);
                String::from_utf8(text).unwrap()
            })
            .collect();
        BatchRow {
            first_position: events[0].position,
            last_position: events[events.len() - 1].position,
            recorded_at: events[events.len() - 1].recorded_at,
            events: codec::join(texts.iter().map(String::as_str)),
            prev_root,
            root: tree.root(),
        }
    };
    events.chunks(events_in_row).map(row).collect()
}

/// The views that the events give.
pub(crate) fn views(events: &[Recorded]) -> MemoryViews {
    let mut fold = Fold::default();
    let earlier = |wanted: &[Position]| {
        let found = events.iter().filter(|event| wanted.contains(&event.position));
        Ok::<_, quipu_projections::ProjectionError>(found.cloned().collect())
    };
    fold.apply(events, earlier).unwrap();
    let checkpoint = Position(events.len() as u64);
    let state = |projection: &&dyn quipu_projections::Projection| ViewState {
        name: projection.name().to_owned(),
        version: projection.version(),
        checkpoint,
        parked: BTreeSet::new(),
        skipped: BTreeSet::new(),
    };
    let states = quipu_projections::all().iter().map(state).collect();
    MemoryViews { states, tables: fold.sorted() }
}

/// Views in memory.
pub(crate) struct MemoryViews {
    pub(crate) states: Vec<ViewState>,
    pub(crate) tables: Vec<(&'static Schema, Vec<Vec<Cell>>)>,
}

impl MemoryViews {
    pub(crate) fn table(&mut self, name: &str) -> &mut Vec<Vec<Cell>> {
        &mut self.tables.iter_mut().find(|(table, _)| table.name == name).unwrap().1
    }
}

impl ViewSource for MemoryViews {
    fn states(&mut self) -> Result<Vec<ViewState>, ReplayError> {
        Ok(self.states.clone())
    }

    fn rows(
        &mut self,
        table: &'static Schema,
        each: &mut dyn FnMut(&[Cell]),
    ) -> Result<(), ReplayError> {
        let rows = self.tables.iter().filter(|(candidate, _)| candidate.name == table.name);
        rows.flat_map(|(_, rows)| rows).for_each(|cells| each(cells));
        Ok(())
    }
}

/// What a server saves of segments of so many events.
pub(crate) fn segments(events: &[Recorded], length: usize) -> Vec<SealedSegment> {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let opened =
        Writer::open_with_segments(store, Lease::Forced, KeyWindow::default(), length).unwrap();
    let (mut writer, mut index) = opened;
    let appended = writer.append(events).unwrap();
    let sealed = index.record(events, &appended);
    sealed.into_iter().map(|segment| SealedSegment::clone(&segment)).collect()
}

/// A journal that is nothing but its rows, what is told of its end, and what is saved beside it.
pub(crate) struct Rows {
    rows: Vec<BatchRow>,
    pub(crate) head: Head,
    pub(crate) segments: Vec<SealedSegment>,
    pub(crate) snapshots: Vec<Snapshot>,
}

impl Rows {
    pub(crate) fn of(rows: Vec<BatchRow>) -> Rows {
        let head = rows.last().map_or_else(Head::genesis, |row| Head {
            position: row.last_position,
            root: row.root,
            recorded_at: row.recorded_at,
        });
        Rows { rows, head, segments: Vec::new(), snapshots: Vec::new() }
    }
}

impl Store for Rows {
    fn acquire(&self, _: Lease) -> Result<Box<dyn Appender>, JournalError> {
        Err(JournalError::NotRecovered)
    }

    fn head(&self) -> Result<Head, JournalError> {
        Ok(self.head)
    }

    fn rows_after(&self, after: Position, most: usize) -> Result<Vec<BatchRow>, JournalError> {
        // By position, as the databases do.
        let page = |row: &&BatchRow| {
            row.last_position > after && row.first_position <= after.plus(most as u64)
        };
        Ok(self.rows.iter().filter(page).cloned().collect())
    }

    fn rows_holding(&self, positions: &[Position]) -> Result<Vec<BatchRow>, JournalError> {
        let holds = |row: &&BatchRow| {
            positions.iter().any(|p| (row.first_position..=row.last_position).contains(p))
        };
        Ok(self.rows.iter().filter(holds).cloned().collect())
    }

    fn end_recorded_by(&self, moment: Timestamp) -> Result<Position, JournalError> {
        let known = self.rows.iter().take_while(|row| row.recorded_at <= moment);
        Ok(known.last().map_or(Position::ZERO, |row| row.last_position))
    }

    fn postings(&self, wanted: &[(Stream, Position)]) -> Result<Vec<Vec<Position>>, JournalError> {
        Ok(vec![Vec::new(); wanted.len()])
    }

    fn segments(&self, _: Timestamp) -> Result<Vec<SealedKeys>, JournalError> {
        Ok(Vec::new())
    }

    fn last_segment(&self) -> Result<Option<SegmentEnd>, JournalError> {
        Ok(self.segments.last().map(|segment| segment.end.clone()))
    }

    fn segment_bounds(&self) -> Result<Vec<SegmentBounds>, JournalError> {
        Ok(self.segments.iter().map(SealedSegment::bounds).collect())
    }

    fn saved_segment(&self, bounds: SegmentBounds) -> Result<Option<SealedSegment>, JournalError> {
        Ok(self.segments.iter().find(|segment| segment.bounds() == bounds).cloned())
    }

    fn each_posting(
        &self,
        each: &mut dyn FnMut(&str, SegmentBounds, &[u8]),
    ) -> Result<(), JournalError> {
        for segment in &self.segments {
            let lists = segment.postings.iter();
            lists.for_each(|(stream, list)| each(stream.as_str(), segment.bounds(), list));
        }
        Ok(())
    }

    fn each_snapshot(&self, each: &mut dyn FnMut(&Snapshot)) -> Result<(), JournalError> {
        self.snapshots.iter().for_each(each);
        Ok(())
    }

    fn snapshots(
        &self,
        streams: &[Stream],
        most: Option<Version>,
        schema: &str,
    ) -> Result<Vec<Snapshot>, JournalError> {
        let asked = |saved: &&Snapshot| {
            streams.contains(&saved.stream)
                && most.is_none_or(|most| saved.version <= most)
                && saved.schema_hash == schema
        };
        Ok(self.snapshots.iter().rfind(asked).cloned().into_iter().collect())
    }
}

/// Verifies rows, and views where there are some.
pub(crate) fn report(
    rows: Vec<BatchRow>,
    views: Option<&mut MemoryViews>,
    expected: &[(u64, Root)],
) -> Report {
    report_of(Rows::of(rows), views, expected)
}

/// Verifies a journal that was tampered with in more than its rows.
pub(crate) fn report_of(
    journal: Rows,
    views: Option<&mut MemoryViews>,
    expected: &[(u64, Root)],
) -> Report {
    let store: Arc<dyn Store> = Arc::new(journal);
    let expected: Vec<Expectation> = expected
        .iter()
        .map(|(position, root)| Expectation { position: Position(*position), root: *root })
        .collect();
    let views = views.map(|views| views as &mut dyn ViewSource);
    verify(&store, views, &expected, &[], &mut |_| {}).unwrap()
}

/// Verifies rows of which heads were signed, each in an epoch.
pub(crate) fn report_signed(rows: Vec<BatchRow>, signed: &[(u64, u64, Root)]) -> Report {
    let store: Arc<dyn Store> = Arc::new(Rows::of(rows));
    let signed = signed.iter().map(|(epoch, position, root)| Signed {
        epoch: *epoch,
        head: Expectation { position: Position(*position), root: *root },
    });
    verify(&store, None, &[], &signed.collect::<Vec<_>>(), &mut |_| {}).unwrap()
}

/// The first bad position, and what is wrong there.
pub(crate) fn finding(rows: Vec<BatchRow>) -> (u64, String) {
    let finding = report(rows, None, &[]).finding.unwrap();
    (finding.position.0, finding.what)
}
