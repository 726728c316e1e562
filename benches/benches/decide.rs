//! The rules alone: what one command costs to decide and to apply, without any I/O.

use std::time::Duration;

use quipu_domain::tenant::{Tenant, TenantCommand};
use quipu_domain::wallet::command::{Debit, Grant, PlaceHold};
use quipu_domain::wallet::event::{Attribution, GrantKind, Origin, Overage};
use quipu_domain::wallet::{Wallet, WalletCommand, WalletContext, WalletEvent};
use quipu_domain::{Credits, HoldId, Moment, Position, TenantId, Timestamp};
use quipu_load::repeat;

const DURATION: Duration = Duration::from_secs(2);

fn main() {
    for lots in [3, 1_000] {
        let mut wallet = Book::with_lots(lots);
        let debit = debit();
        println!(
            "{}",
            repeat(format!("debit, {lots} lots"), 1, DURATION, || {
                wallet.execute(&debit);
            })
        );
        let mut wallet = Book::with_lots(lots);
        let place = place_hold();
        println!(
            "{}",
            repeat(format!("hold and settlement, {lots} lots"), 1, DURATION, || {
                let hold = wallet.execute(&place).expect("it places a hold");
                wallet.execute(&WalletCommand::SettleHold { hold, amount: credits("0.02") });
            })
        );
    }
}

/// A wallet, and what it is decided with.
struct Book {
    tenant_id: TenantId,
    tenant: Tenant,
    wallet: Wallet,
    moment: Moment,
}

impl Book {
    fn with_lots(lots: u64) -> Book {
        let tenant_id: TenantId = "t_acme".parse().expect("an id");
        let mut tenant = Tenant::default();
        let create = TenantCommand::Create {
            tenant: tenant_id.clone(),
            name: "Acme".parse().expect("a label"),
            time_zone: "UTC".parse().expect("a time zone"),
        };
        for event in tenant.decide(&create, &tenant_id).expect("it is new") {
            tenant.apply(&event).expect("it was just decided");
        }
        let now = Timestamp::from_micros(1_767_225_600_000_000).expect("a time");
        let moment = Moment { now, next: Position(2), backdating_seconds: 0 };
        let mut book = Book { tenant_id, tenant, wallet: Wallet::default(), moment };
        (0..lots).for_each(|_| {
            book.execute(&grant());
        });
        book
    }

    /// Decides and applies; the hold, where it was one.
    fn execute(&mut self, command: &WalletCommand) -> Option<HoldId> {
        let context = WalletContext {
            moment: self.moment,
            tenant_id: &self.tenant_id,
            tenant: &self.tenant,
            meter: None,
            price_table: None,
            agent: None,
            original: None,
        };
        let events = self.wallet.decide(command, &context).expect("there are credits enough");
        let mut hold = None;
        for dated in &events {
            self.wallet.apply(&dated.event).expect("it was just decided");
            self.moment.next = self.moment.next.plus(1);
            if let WalletEvent::HoldPlaced(placed) = &dated.event {
                hold = Some(placed.hold);
            }
        }
        hold
    }
}

fn credits(text: &str) -> Credits {
    text.parse().expect("an amount")
}

fn grant() -> WalletCommand {
    WalletCommand::Grant(Grant {
        amount: credits("1000000"),
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

fn debit() -> WalletCommand {
    WalletCommand::Debit(Debit {
        amount: credits("0.01"),
        meter: None,
        effective_at: None,
        attribution: Attribution::default(),
        reason: None,
    })
}

fn place_hold() -> WalletCommand {
    WalletCommand::PlaceHold(PlaceHold {
        amount: credits("0.03"),
        ttl_seconds: None,
        meter: None,
        overage: Overage::Overflow,
        attribution: Attribution::default(),
    })
}
