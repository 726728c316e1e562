//! What does not add up is said: whatever else is tested of explanations rests on that.

use quipu_domain::postings::Account;
use quipu_domain::rating::{Sum, Working};
use quipu_domain::wallet::WalletEvent;
use quipu_domain::wallet::event::{Draws, Returns, UsageRated};
use quipu_domain::{EntryId, Position, Recorded};
use quipu_projections::Quantity;
use quipu_projections::explain::{
    Cost, EventAmount, Evidence, Explainer, Explanation, Figures, Gap, Library, Line, Part, Rest,
    Subject,
};

use crate::support::{Story, credits, from_lots, from_overdraft, text};

fn amount(amount: &str) -> Figures {
    named("amount", amount)
}

fn named(name: &'static str, amount: &str) -> Figures {
    Figures::from([(name, Quantity::from_micros(credits(amount).micros()))])
}

fn evidence(event: &Recorded) -> Evidence {
    let mut library = Library::default();
    library.add(event.clone(), "00".repeat(32));
    library.evidence(event.position, 0).unwrap().unwrap()
}

fn gap(figure: &str, number: &str, sum: &str) -> Gap {
    Gap { figure: figure.to_owned(), number: number.to_owned(), sum: sum.to_owned() }
}

/// 5.5 of -1, 2.5 and 4.
fn explanation() -> Explanation {
    let mut story = Story::new();
    story.grant("2.5");
    let event = evidence(story.events.last().unwrap());
    Explanation {
        what: "what t_acme has available".to_owned(),
        figures: amount("5.5"),
        parts: vec![Part { what: "a lot".to_owned(), figures: amount("-1") }],
        lines: vec![Line { figures: amount("2.5"), event }],
        rest: Some(Rest { events: Some(3), figures: amount("4") }),
    }
}

#[test]
fn a_number_is_what_its_parts_lines_and_rest_come_to_or_there_is_a_gap() {
    assert_eq!(explanation().gaps(), []);
    let less = |less: fn(&mut Explanation)| {
        let mut explanation = explanation();
        less(&mut explanation);
        explanation.gaps()
    };
    assert_eq!(less(|told| told.rest = None), [gap("amount", "5.5", "1.5")]);
    assert_eq!(less(|told| told.parts.clear()), [gap("amount", "5.5", "6.5")]);
    assert_eq!(less(|told| told.lines.clear()), [gap("amount", "5.5", "3")]);
    let surplus = less(|told| told.lines[0].figures.extend(named("cost", "1")));
    assert_eq!(surplus, [gap("cost", "0", "1")], "a sum without a number");
    let unexplained = less(|told| told.figures.extend(named("held", "2")));
    assert_eq!(unexplained, [gap("held", "2", "0")], "a number without a sum");
}

#[test]
fn m4_an_event_whose_postings_do_not_sum_to_zero_is_a_gap() {
    let mut story = Story::new();
    story.debit("1", from_overdraft("2"));
    let event = evidence(story.events.last().unwrap());
    let mut explanation = explanation();
    explanation.lines[0].event = event;
    let told = [gap("the postings of event 2", "0", "-1000000 millionths")];
    assert_eq!(explanation.gaps(), told);
}

#[test]
fn u2_a_cost_that_its_working_does_not_come_to_is_a_gap() {
    let sum = |cost: &str| Sum {
        terms: Vec::new(),
        markup_percent: Default::default(),
        exact: cost.to_owned(),
        rounded: credits(cost),
    };
    let gaps = |working: Working, amount: &str, carried: &str| {
        let mut explanation = explanation();
        let event = &mut explanation.lines[0].event;
        let (amount, carried) = (credits(amount), credits(carried));
        event.cost = Some(Cost { amount, price: text("price 1"), carried });
        event.working = Some(working);
        explanation.gaps()
    };
    let total = || Working::RunningTotal { before: sum("2"), after: sum("5") };
    let told = |number: &str, micros: &str| {
        vec![gap("the cost of event 2", number, &format!("{micros} millionths"))]
    };
    assert_eq!(gaps(Working::Alone { cost: sum("3") }, "3", "0"), []);
    assert_eq!(gaps(Working::Alone { cost: sum("3") }, "2", "0"), told("2", "3000000"));
    assert_eq!(gaps(total(), "3", "0"), []);
    assert_eq!(gaps(total(), "5", "0"), told("5", "3000000"));
    assert_eq!(gaps(total(), "1", "-2"), []);
    assert_eq!(gaps(total(), "0", "-4"), [], "what is left over is carried on");
    assert_eq!(gaps(total(), "4", "1"), told("4", "3000000"), "a carry makes nothing dearer");
    assert_eq!(gaps(total(), "3", "1"), [], "it is carried on, too");
}

fn explained(story: &Story, subject: Subject, most_lines: usize) -> (Vec<u64>, Option<Rest>) {
    let mut explainer = Explainer::of(subject, most_lines, None);
    story.events.iter().for_each(|event| explainer.event(event).unwrap());
    let (lines, rest) = explainer.finish();
    (lines.into_iter().map(|(Position(position), _)| position).collect(), rest)
}

#[test]
fn the_last_events_are_told_and_those_before_are_summed_up() {
    let mut story = Story::new();
    let lot = story.grant("10");
    for spent in ["1", "2", "3"] {
        story.debit(spent, from_lots(&[(lot, spent)]));
    }
    let available = || Subject::Account { account: Account::Available, as_of: None };
    assert_eq!(explained(&story, available(), 4), (vec![2, 3, 4, 5], None));
    let rest = Some(Rest { events: Some(2), figures: amount("9") });
    assert_eq!(explained(&story, available(), 2), (vec![4, 5], rest));
}

#[test]
fn m5_what_counts_at_the_very_moment_belongs_to_a_balance_as_of_it() {
    let mut story = Story::new();
    story.grant("10");
    let at = story.events[1].recorded_at;
    let as_of = |as_of| Subject::Account { account: Account::Available, as_of: Some(as_of) };
    assert_eq!(explained(&story, as_of(at), 9).0, [2]);
    assert_eq!(explained(&story, as_of(at.plus_seconds(-1)), 9).0, [0_u64; 0]);
}

/// The gaps of a rating from 4 that draws so much.
fn rated(amount: &str, charged: &str) -> Vec<Gap> {
    let mut story = Story::new();
    let lot = story.grant("10");
    let entry = EntryId(story.next());
    let draws = match charged {
        "0" => Draws::default(),
        charged => from_lots(&[(lot, charged)]),
    };
    story.wallet(WalletEvent::UsageRated(UsageRated {
        entry,
        of: entry,
        meter: text("calls"),
        previous: credits("4"),
        amount: credits(amount),
        price: text("meter calls"),
        draws,
        returns: Returns::default(),
        tally: None,
        carried_on: None,
        reason: text("dearer"),
    }));
    let EventAmount { what, figures, parts, .. } =
        EventAmount::of(story.events.last().unwrap()).unwrap();
    Explanation { what, figures, parts, lines: Vec::new(), rest: None }.gaps()
}

#[test]
fn u4_a_rise_is_charged_or_set_against_what_refunds_had_returned() {
    for charged in ["0", "3", "4"] {
        assert_eq!(rated("8", charged), [], "{charged}");
    }
    assert_eq!(rated("8", "5"), [gap("amount", "8", "9")], "more than the rise");
    assert_eq!(rated("2", "0"), [], "refunds had returned it");
    assert_eq!(rated("2", "1"), [gap("amount", "2", "5")], "a fall charges nothing");
}
