//! Events as somebody would tell them, and the rows that they make.

use std::collections::HashMap;

use quipu_domain::tenant::{TenantCreated, TenantEvent};
use quipu_domain::wallet::WalletEvent;
use quipu_domain::wallet::event::{
    Attribution, CreditsDebited, CreditsGranted, Draw, Draws, GrantKind, HoldPlaced, LotTerms,
    Origin, Overage,
};
use quipu_domain::{
    Credits, EntryId, Event, GrantId, HoldId, Metadata, Position, Recorded, Stream, TenantId,
    Timestamp, Version,
};
use quipu_projections::{Cell, Fold, Projection, ProjectionError, Row, Schema, Source, apply_page};

pub(crate) const NOON: &str = "2026-11-20T12:00:00Z";

pub(crate) fn text<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().unwrap()
}

pub(crate) fn credits(amount: &str) -> Credits {
    text(amount)
}

pub(crate) fn time(time: &str) -> Timestamp {
    text(time)
}

/// A journal in the making: one second between events.
#[derive(Default)]
pub(crate) struct Story {
    pub(crate) events: Vec<Recorded>,
}

impl Story {
    /// A story whose first event creates the tenant `t_acme` in Berlin.
    pub(crate) fn new() -> Story {
        let mut story = Story::default();
        story.tenant("t_acme");
        story
    }

    pub(crate) fn tenant(&mut self, id: &str) -> Position {
        let tenant: TenantId = text(id);
        let created = TenantCreated {
            tenant: tenant.clone(),
            name: text("Acme"),
            time_zone: text("Europe/Berlin"),
        };
        let event = Event::Tenant(TenantEvent::TenantCreated(created));
        self.record(Stream::tenant(&tenant), Some(tenant), event)
    }

    /// What happens to the wallet of `t_acme`.
    pub(crate) fn wallet(&mut self, event: WalletEvent) -> Position {
        self.wallet_of("t_acme", event)
    }

    pub(crate) fn wallet_of(&mut self, id: &str, event: WalletEvent) -> Position {
        let tenant: TenantId = text(id);
        self.record(Stream::wallet(&tenant), Some(tenant), Event::Wallet(event))
    }

    pub(crate) fn next(&self) -> Position {
        Position(u64::try_from(self.events.len()).unwrap() + 1)
    }

    pub(crate) fn now(&self) -> Timestamp {
        time(NOON).plus_seconds(i64::try_from(self.events.len()).unwrap())
    }

    pub(crate) fn record(
        &mut self,
        stream: Stream,
        tenant: Option<TenantId>,
        event: Event,
    ) -> Position {
        let position = self.next();
        let earlier = self.events.iter().filter(|earlier| earlier.stream == stream).count();
        self.events.push(Recorded {
            position,
            stream,
            version: Version(u64::try_from(earlier).unwrap() + 1),
            id: uuid::Uuid::now_v7(),
            recorded_at: self.now(),
            effective_at: None,
            tenant,
            metadata: Metadata { command: Some(text("key")), ..Metadata::by(text("ann")) },
            event,
        });
        position
    }

    pub(crate) fn grant(&mut self, amount: &str) -> GrantId {
        self.grant_to("t_acme", amount)
    }

    pub(crate) fn grant_to(&mut self, tenant: &str, amount: &str) -> GrantId {
        let grant = GrantId(self.next());
        let granted = CreditsGranted {
            grant,
            amount: credits(amount),
            terms: terms(),
            unit_cost: Some(text("0.01")),
            source: Some(text("order 7")),
        };
        self.wallet_of(tenant, WalletEvent::CreditsGranted(granted));
        grant
    }

    pub(crate) fn debit(&mut self, amount: &str, draws: Draws) -> EntryId {
        self.debit_of("t_acme", amount, draws)
    }

    pub(crate) fn debit_of(&mut self, tenant: &str, amount: &str, draws: Draws) -> EntryId {
        let entry = EntryId(self.next());
        let debited = CreditsDebited {
            entry,
            amount: credits(amount),
            draws,
            meter: Some(text("calls")),
            attribution: by("writer"),
            reason: Some(text("work")),
        };
        self.wallet_of(tenant, WalletEvent::CreditsDebited(debited));
        entry
    }

    pub(crate) fn hold(&mut self, amount: &str, draws: Draws) -> HoldId {
        let hold = HoldId(self.next());
        let placed = HoldPlaced {
            hold,
            amount: credits(amount),
            draws,
            expires_at: time("2026-11-20T12:15:00Z"),
            overage: Overage::Overflow,
            meter: None,
            attribution: by("writer"),
        };
        self.wallet(WalletEvent::HoldPlaced(placed));
        hold
    }

    /// The fold of one projection, which must be the same in pages of any size, and where it has to
    /// ask for whatever it uses.
    pub(crate) fn fold(&self, projection: &'static dyn Projection) -> Fold {
        let whole = self.fold_in_pages(projection, self.events.len().max(1));
        for page_events in 1..self.events.len() {
            let parts = self.fold_in_pages(projection, page_events);
            assert_eq!(parts.sorted(), whole.sorted(), "in pages of {page_events}");
        }
        let (mut rows, mut parked) = (projection.rows(), HashMap::new());
        apply_page(projection, &self.events, &mut rows, &mut parked, &mut &*self).unwrap();
        let folded = &whole.projections()[0];
        assert_eq!((rows.sorted(), &parked), (folded.rows.sorted(), &folded.parked));
        whole
    }

    fn fold_in_pages(&self, projection: &'static dyn Projection, page_events: usize) -> Fold {
        let mut fold = Fold::of(&[projection]);
        for page in self.events.chunks(page_events) {
            fold.apply(page, |positions| Source::events(&mut &*self, positions)).unwrap();
        }
        fold
    }

    /// The rows of one table, in a story that is too long to be folded in pages of all sizes.
    pub(crate) fn fold_whole<R: Row>(&self, projection: &'static dyn Projection) -> Vec<R> {
        rows_of(&self.fold_in_pages(projection, self.events.len()))
    }

    /// The rows of one table, after events that all can be applied.
    pub(crate) fn rows<R: Row>(&self, projection: &'static dyn Projection) -> Vec<R> {
        let fold = self.fold(projection);
        let parked = &fold.projections()[0].parked;
        assert!(parked.is_empty(), "{parked:?}");
        rows_of(&fold)
    }
}

/// A database without rows, beside the story's events.
impl Source for &Story {
    type Error = ProjectionError;

    fn rows(
        &mut self,
        _: &'static Schema,
        _: &[Vec<Cell>],
    ) -> Result<Vec<Vec<Cell>>, ProjectionError> {
        Ok(Vec::new())
    }

    fn events(&mut self, positions: &[Position]) -> Result<Vec<Recorded>, ProjectionError> {
        let wanted = self.events.iter().filter(|event| positions.contains(&event.position));
        Ok(wanted.cloned().collect())
    }
}

/// The rows of one table.
pub(crate) fn rows_of<R: Row>(fold: &Fold) -> Vec<R> {
    let tables = fold.sorted();
    let (_, rows) = tables.iter().find(|(table, _)| table.name == R::SCHEMA.name).unwrap();
    rows.iter().map(|cells| R::from_cells(cells).unwrap()).collect()
}

pub(crate) fn terms() -> LotTerms {
    LotTerms {
        kind: GrantKind::Paid,
        priority: 50,
        effective_at: time(NOON),
        expires_at: None,
        scope: Vec::new(),
        origin: Origin::Purchase,
    }
}

pub(crate) fn by(agent: &str) -> Attribution {
    Attribution { agent: Some(text(agent)), ..Attribution::default() }
}

/// Draws from lots, and no overdraft.
pub(crate) fn from_lots(lots: &[(GrantId, &str)]) -> Draws {
    let draw = |(grant, amount): &(GrantId, &str)| Draw { grant: *grant, amount: credits(amount) };
    Draws { lots: lots.iter().map(draw).collect(), overdraft: Credits::ZERO }
}

pub(crate) fn from_overdraft(amount: &str) -> Draws {
    Draws { lots: Vec::new(), overdraft: credits(amount) }
}
