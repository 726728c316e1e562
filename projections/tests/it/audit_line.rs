//! Who did what, when and why?

use quipu_domain::event::ApplicationEvent;
use quipu_domain::wallet::WalletEvent;
use quipu_domain::wallet::event::WalletFrozen;
use quipu_domain::{Event, Stream};
use quipu_projections::AuditLine;

use crate::support::{Story, text};

#[test]
fn every_event_is_a_line_with_its_reason() {
    let mut story = Story::new();
    story.grant("500");
    story.wallet(WalletEvent::WalletFrozen(WalletFrozen { reason: text("odd") }));
    let rows: Vec<AuditLine> = story.events.iter().map(AuditLine::of).collect();
    let told: Vec<&str> = rows.iter().map(|line| &*line.summary).collect();
    assert_eq!(told, ["created tenant t_acme", "granted 500 as grant_2", "froze the wallet"]);
    assert_eq!(rows[0].name, Some(text("Acme")));
    assert_eq!(rows[2].reason, Some(text("odd")));
    assert_eq!((&rows[2].actor, rows[2].version.0), (&text("ann"), 2));
}

#[test]
fn an_applications_event_reaches_its_tenants_activity_and_nothing_else() {
    let mut story = Story::default();
    let stream = Stream::application("order", "7").unwrap();
    let data = serde_json::value::RawValue::from_string(r#"{"a":1}"#.into()).unwrap();
    let event =
        ApplicationEvent { type_name: "OrderPlaced".into(), schema: 3, metadata: None, data };
    story.record(stream, Some(text("t_acme")), Event::Application(event));
    for projection in quipu_projections::all() {
        let fold = story.fold(*projection);
        let rows: usize = fold.sorted().iter().map(|(_, rows)| rows.len()).sum();
        assert_eq!(rows, usize::from(projection.name() == "activity"), "{}", projection.name());
    }
    assert_eq!(&*AuditLine::of(&story.events[0]).event_type, "OrderPlaced");
}
