//! T1, U2: tenants, agents, meters and price tables, in the given/when/then of cqrs-es.

use cqrs_es::test::TestFramework;
use quipu_domain::Refusal;
use quipu_domain::agent::{
    Agent, AgentCommand, AgentEvent, AgentRegistered, AgentRetired, AgentServices,
};
use quipu_domain::meter::{
    Aggregation, Meter, MeterCommand, MeterDefined, MeterEvent, MeterPriced, MeterServices, Price,
    Tier, UnpricedPolicy,
};
use quipu_domain::price_table::{
    PriceTable, PriceTableCommand, PriceTableEvent, PricesPublished, TokenPrice,
};
use quipu_domain::tenant::{
    Tenant, TenantCommand, TenantCreated, TenantEvent, TenantReactivated, TenantRenamed,
    TenantSuspended,
};
use quipu_domain::wallet::event::OverdraftLimitSet;
use quipu_domain::wallet::{Wallet, WalletEvent, WalletServices};

use crate::support::{Book, active_tenant, after, credits, limit, tenant_id, text};

fn created() -> TenantEvent {
    TenantEvent::TenantCreated(TenantCreated {
        tenant: tenant_id(),
        name: text("Acme"),
        time_zone: text("Europe/Stockholm"),
    })
}

fn suspended() -> TenantEvent {
    TenantEvent::TenantSuspended(TenantSuspended { reason: text("unpaid") })
}

fn create(time_zone: &str) -> TenantCommand {
    let time_zone = text(time_zone);
    TenantCommand::Create { tenant: tenant_id(), name: text("Acme"), time_zone }
}

fn tenant() -> TestFramework<Tenant> {
    TestFramework::with(tenant_id())
}

#[test]
fn t1_a_tenant_is_created_once_in_a_zone_that_exists() {
    tenant()
        .given_no_previous_events()
        .when(create("Europe/Stockholm"))
        .then_expect_events(vec![created()]);
    tenant()
        .given(vec![created()])
        .when(create("nowhere"))
        .then_expect_error(Refusal::TenantExists { tenant: tenant_id() });
    tenant()
        .given_no_previous_events()
        .when(create("Mars/Olympus"))
        .then_expect_error(Refusal::UnknownTimeZone { time_zone: text("Mars/Olympus") });
}

#[test]
fn t1_a_tenant_is_suspended_and_reactivated_in_turn() {
    let reason = || text("unpaid");
    tenant()
        .given(vec![created()])
        .when(TenantCommand::Suspend { reason: reason() })
        .then_expect_events(vec![suspended()]);
    tenant()
        .given(vec![created(), suspended()])
        .when(TenantCommand::Suspend { reason: reason() })
        .then_expect_error(Refusal::TenantAlreadySuspended);
    tenant()
        .given(vec![created(), suspended()])
        .when(TenantCommand::Reactivate { reason: reason() })
        .then_expect_events(vec![TenantEvent::TenantReactivated(TenantReactivated {
            reason: reason(),
        })]);
    tenant()
        .given(vec![created()])
        .when(TenantCommand::Reactivate { reason: reason() })
        .then_expect_error(Refusal::TenantNotSuspended);
}

#[test]
fn t1_a_tenant_that_was_never_created_is_unknown() {
    let name = || text("Other");
    tenant()
        .given_no_previous_events()
        .when(TenantCommand::Rename { name: name() })
        .then_expect_error(Refusal::UnknownTenant { tenant: tenant_id() });
    tenant()
        .given(vec![created()])
        .when(TenantCommand::Rename { name: name() })
        .then_expect_events(vec![TenantEvent::TenantRenamed(TenantRenamed { name: name() })]);
}

#[test]
fn an_agent_is_registered_once_and_retired_for_good() {
    let agent = |tenant: Tenant| {
        let services = AgentServices { tenant_id: tenant_id(), tenant, agent: text("robot") };
        TestFramework::<Agent>::with(services)
    };
    let register = || AgentCommand::Register { agent: text("robot"), name: text("Robot") };
    let registered = || {
        AgentEvent::AgentRegistered(AgentRegistered { agent: text("robot"), name: text("Robot") })
    };
    let retired = || AgentEvent::AgentRetired(AgentRetired { reason: text("it was replaced") });
    let retire = || AgentCommand::Retire { reason: text("it was replaced") };
    let unknown = Refusal::UnknownTenant { tenant: tenant_id() };
    agent(Tenant::default()).given_no_previous_events().when(register()).then_expect_error(unknown);
    agent(active_tenant())
        .given_no_previous_events()
        .when(register())
        .then_expect_events(vec![registered()]);
    agent(active_tenant())
        .given(vec![registered()])
        .when(register())
        .then_expect_error(Refusal::AgentExists { agent: text("robot") });
    agent(active_tenant())
        .given_no_previous_events()
        .when(retire())
        .then_expect_error(Refusal::UnknownAgent { agent: text("robot") });
    agent(active_tenant())
        .given(vec![registered()])
        .when(retire())
        .then_expect_events(vec![retired()]);
    for command in [retire(), AgentCommand::Rename { name: text("Other") }] {
        agent(active_tenant())
            .given(vec![registered(), retired()])
            .when(command)
            .then_expect_error(Refusal::AgentRetired { agent: text("robot") });
    }
}

fn defined(aggregation: Aggregation) -> MeterDefined {
    let unpriced = UnpricedPolicy::Refuse;
    MeterDefined { meter: text("calls"), aggregation, unit: None, unpriced }
}

fn set_price(aggregation: Aggregation, price: Price) -> Result<Vec<MeterEvent>, Refusal> {
    let services = MeterServices { meter: text("calls"), price_table_exists: true };
    TestFramework::<Meter>::with(services)
        .given(vec![MeterEvent::MeterDefined(defined(aggregation))])
        .when(MeterCommand::SetPrice(MeterPriced { effective_at: after(0), price }))
        .inspect_result()
}

#[test]
fn u2_a_meter_is_defined_once_and_priced_by_what_exists() {
    let meter = || {
        let services = MeterServices { meter: text("calls"), price_table_exists: false };
        TestFramework::<Meter>::with(services)
    };
    let definition = || defined(Aggregation::Sum);
    meter()
        .given(vec![MeterEvent::MeterDefined(definition())])
        .when(MeterCommand::Define(definition()))
        .then_expect_error(Refusal::MeterExists { meter: text("calls") });
    let priced = || MeterPriced {
        effective_at: after(0),
        price: Price::Tokens { price_table: text("models") },
    };
    meter()
        .given_no_previous_events()
        .when(MeterCommand::SetPrice(priced()))
        .then_expect_error(Refusal::UnknownMeter { meter: text("calls") });
    meter()
        .given(vec![MeterEvent::MeterDefined(definition())])
        .when(MeterCommand::SetPrice(priced()))
        .then_expect_error(Refusal::UnknownPriceTable { table: text("models") });
    let unit_price = text("-1");
    let unpriced = UnpricedPolicy::DefaultPrice { unit_price };
    let refused = meter()
        .given_no_previous_events()
        .when(MeterCommand::Define(MeterDefined { unpriced, ..definition() }))
        .inspect_result();
    assert_eq!(refused.unwrap_err().code(), "invalid_price");
}

#[test]
fn u2_a_price_that_makes_no_sense_is_refused() {
    let tier = |up_to: Option<&str>, unit_price: &str| Tier {
        up_to: up_to.map(text),
        unit_price: text(unit_price),
        flat_price: text("0"),
    };
    let open = || tier(None, "1");
    let graduated = |tiers| Price::Graduated { tiers };
    let package =
        |size: &str, price: &str| Price::Package { size: text(size), package_price: text(price) };
    for (what, price) in [
        ("below zero", Price::Flat { unit_price: text("-1") }),
        ("13 decimals", Price::Flat { unit_price: text("0.0000000000001") }),
        ("beyond the limit", Price::Flat { unit_price: text("1000000000001") }),
        ("no tiers", graduated(vec![])),
        ("no open tier", graduated(vec![tier(Some("1"), "1")])),
        ("two open tiers", graduated(vec![open(), open()])),
        ("level bounds", graduated(vec![tier(Some("1"), "1"), tier(Some("1"), "1"), open()])),
        ("a bound of zero", graduated(vec![tier(Some("0"), "1"), open()])),
        ("a tier below zero", graduated(vec![tier(Some("1"), "-1"), open()])),
        ("too many tiers", graduated(vec![open(); 101])),
        ("an empty package", package("0", "1")),
        ("a package below zero", package("1", "-1")),
    ] {
        let refusal = set_price(Aggregation::Sum, price).unwrap_err();
        assert_eq!(refusal.code(), "invalid_price", "{what}");
    }
    let tokens = Price::Tokens { price_table: text("models") };
    assert_eq!(set_price(Aggregation::Max, tokens).unwrap_err().code(), "invalid_price");
    set_price(Aggregation::Sum, graduated(vec![tier(Some("0.5"), "0"), open()])).unwrap();
}

fn prices(seconds: i64, input: &str, markup: &str) -> PricesPublished {
    let price = TokenPrice { input: text(input), cached_input: None, output: text("1") };
    PricesPublished {
        table: text("models"),
        effective_at: after(seconds),
        models: [(text("large"), price)].into(),
        markup_percent: text(markup),
        source: None,
    }
}

#[test]
fn u2_no_new_price_table_has_a_name_that_stands_for_something_else() {
    for taken in ["-", ".", ".."] {
        let publication = PricesPublished { table: text(taken), ..prices(0, "1", "0") };
        let publish = PriceTableCommand::Publish(publication.clone());
        let mut table = PriceTable::default();
        assert_eq!(table.decide(&publish).unwrap_err().code(), "invalid_price");
        table.apply(&PriceTableEvent::PricesPublished(publication)).unwrap();
        assert!(table.decide(&publish).is_ok(), "an older book has it");
    }
}

#[test]
fn u2_a_price_table_keeps_every_version_by_its_date() {
    let mut table = PriceTable::default();
    for (seconds, input) in [(0, "2"), (-60, "1"), (0, "3")] {
        table.apply(&PriceTableEvent::PricesPublished(prices(seconds, input, "0"))).unwrap();
    }
    let at = |seconds| {
        let found = table.prices_at(after(seconds))?;
        found.models.values().next().map(|price| price.input.to_string())
    };
    assert_eq!(at(-61), None);
    assert_eq!(at(-60), Some("1".into()));
    assert_eq!(at(0), Some("3".into()), "the later publication of the same moment replaces");
}

#[test]
fn u2_prices_that_make_no_sense_are_not_published() {
    let publish = |prices| {
        TestFramework::<PriceTable>::with(())
            .given_no_previous_events()
            .when(PriceTableCommand::Publish(prices))
            .inspect_result()
    };
    publish(prices(0, "2.5", "-99.9999")).unwrap();
    let none = PricesPublished { models: [].into(), ..prices(0, "1", "0") };
    for wrong in [
        none,
        prices(0, "-1", "0"),
        prices(0, "1", "-100"),
        prices(0, "1", "0.00001"),
        prices(0, "1", "1000.1"),
    ] {
        assert_eq!(publish(wrong).unwrap_err().code(), "invalid_price");
    }
}

#[test]
fn a_wallet_runs_as_a_cqrs_es_aggregate() {
    let moment = Book::new().moment();
    let services = WalletServices {
        moment,
        tenant_id: tenant_id(),
        tenant: active_tenant(),
        meter: None,
        price_table: None,
        agent: None,
        original: None,
    };
    let event = OverdraftLimitSet { limit: credits("5"), reason: None };
    TestFramework::<Wallet>::with(services)
        .given_no_previous_events()
        .when(limit("5"))
        .then_expect_events(vec![WalletEvent::OverdraftLimitSet(event)]);
}

#[test]
fn p4_an_erasure_names_the_keys_and_needs_one() {
    use quipu_domain::KeyId;
    use quipu_domain::subject::{SubjectCommand, SubjectErased, SubjectEvent, SubjectRegister};
    let erase = |keys: &[KeyId]| SubjectCommand::Erase {
        subject: tenant_id(),
        keys: keys.to_vec(),
        reason: text("request 4711"),
    };
    let erased = |keys: &[KeyId]| {
        SubjectEvent::SubjectErased(SubjectErased {
            subject: tenant_id(),
            keys: keys.to_vec(),
            reason: text("request 4711"),
        })
    };
    let (one, other) = (KeyId(1), KeyId(2));
    let register = || TestFramework::<SubjectRegister>::with(());
    register()
        .given_no_previous_events()
        .when(erase(&[one]))
        .then_expect_events(vec![erased(&[one])]);
    // Who is given a name again can be erased again.
    register()
        .given(vec![erased(&[one])])
        .when(erase(&[other]))
        .then_expect_events(vec![erased(&[other])]);
    register()
        .given(vec![erased(&[one])])
        .when(erase(&[]))
        .then_expect_error(Refusal::NothingToErase { subject: tenant_id() });
    assert!(SubjectRegister::default().apply(&erased(&[])).is_err(), "J5");
}

#[test]
fn p5_an_event_of_schema_1_is_read_in_clear() {
    use quipu_domain::Event;
    let data = r#"{"tenant":"t_acme","name":"Acme","time_zone":"Europe/Stockholm"}"#.to_owned();
    let data = serde_json::value::RawValue::from_string(data).unwrap();
    let read = Event::decode("tenant", "TenantCreated", 1, None, &data).unwrap();
    assert_eq!(read, Event::Tenant(created()));
    assert_eq!(read.schema(), 2);
}
