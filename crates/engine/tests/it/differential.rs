//! One sequence of commands, three stores: the same answers, the same bytes, the same root.

use std::sync::Arc;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use quipu_domain::wallet::WalletCommand;
use quipu_domain::{EntryId, GrantId, HoldId, Position, TenantId};
use quipu_engine::{Command, EngineError, Receipt};
use quipu_journal::{MemoryStore, SqlStore, Store};
use quipu_testkit::{postgres, sqlite};
use tokio::runtime::Runtime;

use crate::support::{Bench, credits, debit, grant, hold, label, tenant};

/// What one step asks for. About a third of them are bound to be refused: unknown tenants,
/// ids that were never given out, amounts beyond what is there.
#[derive(Clone, Debug)]
enum Step {
    Wallet {
        tenant: usize,
        command: Box<WalletCommand>,
        key: Option<u8>,
    },
    /// The clock moves on, or jumps back.
    Clock {
        seconds: i64,
    },
}

fn command() -> impl Strategy<Value = WalletCommand> {
    let amount = prop_oneof![4 => 1_i64..50_000_000, 1 => Just(0), 1 => 1_i64..900_000_000_000];
    let amount = amount
        .prop_map(|micros| credits(&format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000)));
    let id = 1_u64..120;
    let reason = || label("because");
    prop_oneof![
        3 => amount.clone().prop_map(|amount| grant(&amount.to_string())),
        5 => amount.clone().prop_map(|amount| debit(&amount.to_string())),
        3 => (amount.clone(), 1_i64..2_000).prop_map(|(amount, ttl)| hold(&amount.to_string(), ttl)),
        3 => (id.clone(), amount.clone()).prop_map(|(id, amount)| WalletCommand::SettleHold {
            hold: HoldId(Position(id)), amount
        }),
        2 => id.clone().prop_map(|id| WalletCommand::ReleaseHold { hold: HoldId(Position(id)), reason: None }),
        2 => (id.clone(), 1_i64..2_000).prop_map(|(id, ttl)| WalletCommand::ExtendHold {
            hold: HoldId(Position(id)), ttl_seconds: Some(ttl)
        }),
        3 => (id.clone(), proptest::option::of(amount.clone())).prop_map(|(id, amount)| WalletCommand::Refund {
            entry: EntryId(Position(id)), amount, expires_at: None, reason: None
        }),
        1 => id.prop_map(move |id| WalletCommand::VoidGrant { grant: GrantId(Position(id)), reason: reason() }),
        1 => amount.prop_map(|limit| WalletCommand::SetOverdraftLimit { limit, reason: None }),
        1 => Just(WalletCommand::Freeze { reason: reason() }),
        1 => Just(WalletCommand::Unfreeze { reason: reason() }),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (0..4_usize, command(), proptest::option::weighted(0.3, 0_u8..40))
            .prop_map(|(tenant, command, key)| Step::Wallet { tenant, command: Box::new(command), key }),
        1 => (-900_i64..1_500).prop_map(|seconds| Step::Clock { seconds }),
    ]
}

#[derive(Debug, PartialEq)]
struct Run {
    answers: Vec<Result<Receipt, String>>,
    rows: Vec<quipu_journal::BatchRow>,
    refused: usize,
}

/// Opening and reading block, so they stay outside the runtime.
fn run(runtime: &Runtime, store: Arc<dyn Store>, steps: &[Step]) -> Run {
    let bench = Bench::on(Arc::clone(&store));
    let answers = runtime.block_on(answers(&bench, steps));
    let refused = answers.iter().filter(|answer| answer.is_err()).count();
    let rows = store.rows_after(Position::ZERO, 1_000_000).expect("readable");
    Run { answers, rows, refused }
}

async fn answers(bench: &Bench, steps: &[Step]) -> Vec<Result<Receipt, String>> {
    // Of the four, the last was never created.
    let tenants: Vec<TenantId> = (0..4).map(|n| tenant(&format!("n{n}"))).collect();
    for tenant in &tenants[..3] {
        bench.tenant(tenant).await;
    }
    let mut answers = Vec::new();
    for step in steps {
        match step {
            Step::Clock { seconds } => bench.clock.advance_seconds(*seconds),
            Step::Wallet { tenant, command, key } => {
                let key = key.map(|key| format!("k{key}"));
                let tenant = tenants[*tenant].clone();
                let command = Command::Wallet { tenant, command: WalletCommand::clone(command) };
                let answer = bench.send(command, key.as_deref()).await;
                answers.push(answer.map_err(|error: EngineError| format!("{error:?}")));
            }
        }
    }
    bench.engine.shutdown().await;
    answers
}

#[test]
fn memory_sqlite_and_postgres_agree_to_the_last_byte() {
    let runtime = Runtime::new().expect("a runtime");
    let mut runner = TestRunner::deterministic();
    let (mut steps_run, mut refused) = (0, 0);
    for _ in 0..12 {
        let steps = proptest::collection::vec(step(), 150..250)
            .new_tree(&mut runner)
            .expect("steps")
            .current();
        let folder = sqlite::folder();
        let on_sqlite = SqlStore::open_sqlite(&folder.path().join("journal.db")).expect("it opens");
        let on_postgres = SqlStore::connect_postgres(&postgres::database()).expect("it connects");
        let memory = run(&runtime, Arc::new(MemoryStore::new()), &steps);
        let sqlite = run(&runtime, Arc::new(on_sqlite), &steps);
        let postgres = run(&runtime, Arc::new(on_postgres), &steps);
        assert_eq!(memory, sqlite);
        assert_eq!(memory, postgres);
        steps_run += memory.answers.len();
        refused += memory.refused;
    }
    // The generator is part of the test: it must produce enough of both kinds.
    let share = refused * 100 / steps_run;
    assert!((30..80).contains(&share), "{share} % of {steps_run} were refused");
}
