//! Commands that are decided together: each as if it came alone (J7).

use std::sync::Arc;
use std::time::Duration;

use quipu_domain::wallet::WalletCommand;
use quipu_domain::{EntryId, HoldId, Position, TenantId};
use quipu_engine::{Command, EngineError, Receipt, Status};
use quipu_journal::{Fault, MemoryStore, Store};

use crate::counted::Counted;
use crate::support::{Bench, credits, debit, grant, hold, request, tenant};

type Outcomes = Vec<Result<Receipt, EngineError>>;

/// A command to a wallet, and its key.
type Keyed<'a> = (&'a TenantId, WalletCommand, Option<&'a str>);

async fn send(bench: &Bench, commands: Vec<Keyed<'_>>) -> Result<Outcomes, EngineError> {
    let request = |(tenant, command, key): Keyed<'_>| {
        request(Command::Wallet { tenant: tenant.clone(), command }, key)
    };
    bench.engine.execute_all(commands.into_iter().map(request).collect()).await
}

fn kinds(outcomes: &Outcomes) -> Vec<&'static str> {
    let kind = |outcome: &Result<Receipt, EngineError>| match outcome {
        Ok(Receipt { replayed: false, .. }) => "new",
        Ok(Receipt { replayed: true, .. }) => "replayed",
        Err(EngineError::Refused(refusal)) => refusal.code(),
        Err(EngineError::KeyReused { .. }) => "reused",
        Err(EngineError::KeyInFlight) => "in flight",
        Err(EngineError::EventTooLarge { .. }) => "too large",
        Err(error) => panic!("{error}"),
    };
    outcomes.iter().map(kind).collect()
}

async fn bench(store: &MemoryStore, amount: &str) -> Bench {
    let bench = Bench::on(Arc::new(store.clone()));
    bench.tenant(&tenant("acme")).await;
    bench.wallet(&tenant("acme"), grant(amount), None).await.expect("granted");
    bench
}

#[tokio::test]
async fn each_finds_what_those_before_it_left() {
    let store = MemoryStore::default();
    let bench = bench(&store, "1").await;
    let acme = tenant("acme");
    let outcomes = send(
        &bench,
        vec![
            (&acme, debit("5"), Some("too-early")),
            (&acme, grant("10"), Some("grant")),
            (&acme, debit("5"), Some("debit")),
            (&acme, hold("6", 60), Some("hold")),
            (&acme, debit("1"), Some("too-late")),
        ],
    );
    let outcomes = outcomes.await.unwrap();
    let expected = ["insufficient_credits", "new", "new", "new", "insufficient_credits"];
    assert_eq!(kinds(&outcomes), expected);
    let balances = outcomes.iter().flatten().map(|receipt| receipt.balance.unwrap().available);
    assert_eq!(balances.collect::<Vec<_>>(), ["11", "6", "0"].map(credits));
    assert_eq!(store.head().unwrap().position, Position(5), "a refusal leaves no event");
}

#[tokio::test]
async fn what_concerns_one_refuses_no_other() {
    let bench = bench(&MemoryStore::default(), "10").await;
    let (acme, nobody) = (tenant("acme"), tenant("nobody"));
    bench.wallet(&acme, debit("1"), Some("old")).await.unwrap();
    let WalletCommand::Grant(mut wide) = grant("1") else { panic!("a grant") };
    wide.scope = (0..20_000).map(|n| format!("meter_{n:050}").parse().unwrap()).collect();
    let settle = WalletCommand::SettleHold { hold: HoldId(Position(99)), amount: credits("1") };
    let outcomes = send(
        &bench,
        vec![
            (&nobody, debit("1"), Some("a")),
            (&acme, debit("2"), Some("old")),
            (&acme, debit("1"), Some("old")),
            (&acme, WalletCommand::Grant(wide), Some("b")),
            (&acme, settle, Some("c")),
            (&acme, debit("1"), Some("d")),
            (&acme, debit("1"), Some("d")),
        ],
    );
    assert_eq!(
        kinds(&outcomes.await.unwrap()),
        ["unknown_tenant", "reused", "replayed", "too large", "unknown_hold", "new", "replayed"]
    );
}

#[tokio::test]
async fn j7_a_command_may_name_what_one_before_it_made() {
    let store = MemoryStore::default();
    let bench = bench(&store, "10").await;
    let acme = tenant("acme");
    let settle = || WalletCommand::SettleHold { hold: HoldId(Position(5)), amount: credits("2") };
    let commands = vec![
        (&acme, debit("4"), Some("debit")),
        (&acme, refund(3), Some("refund")),
        (&acme, hold("3", 60), Some("hold")),
        (&acme, settle(), Some("settle")),
        (&acme, settle(), Some("settle-again")),
        (&acme, refund(9), Some("ahead")),
    ];
    let expected = ["new", "new", "new", "new", "hold_ended", "unknown_entry"];
    assert_eq!(kinds(&send(&bench, commands).await.unwrap()), expected);
}

#[tokio::test]
async fn a_command_may_name_what_another_request_makes_and_is_on_its_way() {
    const DEBITS: u64 = 50;
    let bench = bench(&MemoryStore::default(), "10").await;
    let acme = tenant("acme");
    let requests = (0..DEBITS).flat_map(|n| [debit("4"), refund(3 + 2 * n)]);
    let answers = requests.map(|command| bench.wallet(&acme, command, None));
    for (place, answer) in futures::future::join_all(answers).await.iter().enumerate() {
        assert!(answer.is_ok(), "{place}: {answer:?}");
    }
}

/// A client that waited too short sends all of it again.
#[tokio::test]
async fn j7_what_is_on_its_way_already_is_answered_as_done_when_it_is() {
    let store = MemoryStore::default();
    let bench = bench(&store, "10").await;
    let acme = tenant("acme");
    let keys: Vec<String> = (0..30).map(|n| format!("k{n}")).collect();
    let commands =
        || keys.iter().map(|key| (&acme, debit("0.1"), Some(key.as_str()))).collect::<Vec<_>>();
    let other = vec![(&acme, debit("0.2"), Some("k7"))];
    let sent = [commands(), commands(), commands(), other].map(|commands| send(&bench, commands));
    let answers = futures::future::join_all(sent).await;
    let kinds: Vec<_> = answers.iter().map(|answer| kinds(answer.as_ref().unwrap())).collect();
    assert_eq!(
        kinds,
        [vec!["new"; 30], vec!["replayed"; 30], vec!["replayed"; 30], vec!["reused"]]
    );
    let receipts: Vec<_> = answers.iter().map(|answer| answer.as_ref().unwrap()).collect();
    let positions = |index: usize| -> Vec<_> {
        receipts[index].iter().flatten().map(|receipt| receipt.events[0].position).collect()
    };
    assert_eq!(positions(1), positions(0));
    assert_eq!(store.head().unwrap().position, Position(32));
}

fn refund(entry: u64) -> WalletCommand {
    let entry = EntryId(Position(entry));
    WalletCommand::Refund { entry, amount: None, expires_at: None, reason: None }
}

#[tokio::test]
async fn j7_a_key_that_stands_twice_is_answered_as_if_it_came_alone() {
    let store = MemoryStore::default();
    let bench = bench(&store, "10").await;
    let acme = tenant("acme");
    let outcomes = send(
        &bench,
        vec![
            (&acme, debit("1"), Some("a")),
            (&acme, debit("2"), None),
            (&acme, debit("1"), Some("a")),
            (&acme, debit("3"), Some("a")),
            (&acme, debit("90"), Some("poor")),
            (&acme, grant("90"), None),
            (&acme, debit("90"), Some("poor")),
        ],
    );
    let outcomes = outcomes.await.unwrap();
    let poor = "insufficient_credits";
    assert_eq!(kinds(&outcomes), ["new", "new", "replayed", "reused", poor, "new", "new"]);
    let [first, again] = [0, 2].map(|index: usize| outcomes[index].as_ref().unwrap());
    assert_eq!((&again.events, again.balance), (&first.events, first.balance));
    let Err(EngineError::KeyReused { position }) = &outcomes[3] else { panic!("it is reused") };
    assert_eq!(*position, first.events[0].position);
    assert_eq!(store.head().unwrap().position, Position(6), "each of them once");
}

#[tokio::test]
async fn sent_again_they_are_answered_as_before_and_take_no_effect() {
    let store = MemoryStore::default();
    let bench = bench(&store, "10").await;
    let acme = tenant("acme");
    let alone = bench.wallet(&acme, debit("1"), Some("alone")).await.unwrap();
    let commands = || {
        vec![
            (&acme, debit("1"), Some("alone")),
            (&acme, hold("3", 60), Some("hold")),
            (&acme, debit("7"), Some("poor")),
            (&acme, debit("2"), Some("debit")),
        ]
    };
    let first = send(&bench, commands()).await.unwrap();
    assert_eq!(kinds(&first), ["replayed", "new", "insufficient_credits", "new"]);
    let head = store.head().unwrap();
    let again = send(&bench, commands()).await.unwrap();
    bench.engine.shutdown().await;
    let bench = Bench::on(Arc::new(store.clone()));
    let after_restart = send(&bench, commands()).await.unwrap();
    for again in [again, after_restart] {
        assert_eq!(kinds(&again), ["replayed", "replayed", "insufficient_credits", "replayed"]);
        for (again, first) in again.iter().flatten().zip(first.iter().flatten()) {
            assert_eq!((&again.events, again.balance), (&first.events, first.balance));
        }
        assert_eq!(again[0].as_ref().unwrap().events, alone.events);
    }
    let kept = bench.wallet(&acme, debit("2"), Some("debit")).await.unwrap();
    assert_eq!(kept.events, first[3].as_ref().unwrap().events, "alone, it is the same command");
    assert_eq!(store.head().unwrap(), head);
    bench.wallet(&acme, grant("10"), None).await.unwrap();
    let paid = bench.wallet(&acme, debit("7"), Some("poor")).await.unwrap();
    assert!(!paid.replayed, "a refusal keeps its key free");
}

#[tokio::test]
async fn an_answer_that_was_lost_is_found_and_an_absent_journal_ends_the_whole() {
    let store = MemoryStore::default();
    let bench = bench(&store, "10").await;
    let acme = tenant("acme");
    let commands = || vec![(&acme, debit("1"), Some("a")), (&acme, debit("2"), Some("b"))];
    store.fail_next(Fault::UnknownCommitted);
    assert_eq!(kinds(&send(&bench, commands()).await.unwrap()), ["new", "new"]);
    assert_eq!(kinds(&send(&bench, commands()).await.unwrap()), ["replayed", "replayed"]);
    bench.engine.shutdown().await;
    let refused = send(&bench, commands()).await;
    assert!(matches!(refused, Err(EngineError::Stopped)), "{refused:?}");
}

/// What became of those before is not known then, and found out by sending all again.
#[tokio::test]
async fn a_journal_that_cannot_be_read_on_the_way_ends_the_whole() {
    let store = MemoryStore::default();
    let bench = bench(&store, "10").await;
    let acme = tenant("acme");
    bench.wallet(&acme, debit("1"), None).await.unwrap();
    let commands = || vec![(&acme, debit("2"), Some("a")), (&acme, refund(3), Some("b"))];
    store.unavailable(true);
    let under_way = send(&bench, commands());
    let returns = async {
        while bench.engine.status() == Status::Ready {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        store.unavailable(false);
    };
    // The first is decided, and its answer waits for the journal.
    let (refused, ()) = tokio::join!(under_way, returns);
    assert!(matches!(refused, Err(EngineError::Unavailable { .. })), "{refused:?}");
    let mut again = send(&bench, commands()).await;
    while again.is_err() || kinds(again.as_ref().unwrap()).contains(&"in flight") {
        tokio::time::sleep(Duration::from_millis(1)).await;
        again = send(&bench, commands()).await;
    }
    assert_eq!(again.unwrap()[1].as_ref().unwrap().balance.unwrap().available, credits("8"));
    assert_eq!(store.head().unwrap().position, Position(5), "each of them once");
}

#[tokio::test]
async fn wallets_that_are_not_in_memory_are_asked_for_together() {
    let store = MemoryStore::default();
    let tenants: Vec<TenantId> = (0..300).map(|n| tenant(&format!("n{n}"))).collect();
    let bench = Bench::on(Arc::new(store.clone()));
    for tenant in &tenants {
        bench.tenant_with(tenant, "10").await;
    }
    bench.engine.shutdown().await;
    let counted = Arc::new(Counted::new(store));
    let bench = Bench::on(counted.clone());
    let before = counted.questions();
    let outcomes = send(&bench, tenants.iter().map(|it| (it, debit("1"), None)).collect()).await;
    assert_eq!(kinds(&outcomes.unwrap()), ["new"; 300]);
    let questions = counted.questions() - before;
    assert!(questions <= 10, "{questions} questions for 300 wallets");
}

/// A server that is back is asked again by everybody who was not answered.
#[tokio::test]
async fn what_comes_again_after_a_restart_is_asked_for_together() {
    let store = MemoryStore::default();
    let tenants: Vec<TenantId> = (0..100).map(|n| tenant(&format!("n{n}"))).collect();
    let keys: Vec<String> = (0..300).map(|n| format!("k{n}")).collect();
    // A hundred debits of as many wallets, then two hundred more of one of them.
    let place = |n: usize| &tenants[n.min(99)];
    let commands = || {
        let keys = keys.iter().enumerate();
        keys.map(|(n, key)| (place(n), debit("0.01"), Some(key.as_str()))).collect()
    };
    let bench = Bench::on(Arc::new(store.clone()));
    for tenant in &tenants {
        bench.tenant_with(tenant, "10").await;
    }
    let first = send(&bench, commands()).await.unwrap();
    bench.wallet(&tenants[99], debit("1"), None).await.unwrap();
    bench.engine.shutdown().await;
    let counted = Arc::new(Counted::new(store));
    let bench = Bench::on(counted.clone());
    let before = counted.questions();
    let again = send(&bench, commands()).await.unwrap();
    let questions = counted.questions() - before;
    assert!(questions <= 20, "{questions} questions for 300 commands");
    for (again, first) in again.iter().zip(&first) {
        let (again, first) = (again.as_ref().unwrap(), first.as_ref().unwrap());
        assert!(again.replayed);
        assert_eq!((&again.events, again.balance), (&first.events, first.balance));
    }
    let other = vec![(place(0), debit("2"), Some("k0"))];
    assert_eq!(kinds(&send(&bench, other).await.unwrap()), ["reused"]);
}

#[tokio::test]
async fn no_commands_have_no_outcomes() {
    let bench = bench(&MemoryStore::default(), "1").await;
    assert!(send(&bench, Vec::new()).await.unwrap().is_empty());
}
