use quipu_domain::event::ApplicationEvent;
use quipu_domain::wallet::event::{WalletEvent, WalletFrozen};

use super::*;
use crate::Root;

fn label(text: &str) -> Label {
    text.parse().unwrap()
}

fn full() -> Recorded {
    let data = RawValue::from_string(r#"{"b": 1.50,"a":"é\u0001"}"#.to_owned()).unwrap();
    Recorded {
        position: Position(7),
        stream: Stream::application("case", "c/1").unwrap(),
        version: Version(3),
        id: Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0001),
        recorded_at: "2026-11-20T12:00:00.000001Z".parse().unwrap(),
        effective_at: Some("2026-11-19T00:00:00Z".parse().unwrap()),
        tenant: Some("t_acme".parse().unwrap()),
        metadata: Metadata {
            actor: label("local"),
            command: Some(label("key \"1\"")),
            fingerprint: Some(label("00ff")),
            correlation: Some(label("request-1")),
            causation: Some(Position(6)),
        },
        event: Event::Application(ApplicationEvent {
            type_name: "CaseOpened".to_owned(),
            schema: 2,
            metadata: Some(RawValue::from_string(r#"{"trace":"7"}"#.to_owned()).unwrap()),
            data,
        }),
    }
}

fn text_of(recorded: &Recorded) -> String {
    let mut text = Vec::new();
    encode(recorded, &mut text);
    String::from_utf8(text).unwrap()
}

/// The bytes are hashed, so they may never change: this is a test vector, not an example.
#[test]
fn an_event_with_every_field_has_these_bytes() {
    let expected = concat!(
        r#"{"position":7,"stream":"case/c/1","version":3,"#,
        r#""id":"01900000-0000-7000-8000-000000000001","type":"CaseOpened","schema":2,"#,
        r#""recorded_at":"2026-11-20T12:00:00.000001Z","effective_at":"2026-11-19T00:00:00Z","#,
        r#""tenant":"t_acme","actor":"local","command":"key \"1\"","fingerprint":"00ff","#,
        r#""correlation":"request-1","causation":6,"metadata":{"trace":"7"},"data":{"b": 1.50,"a":"é\u0001"}}"#,
    );
    assert_eq!(text_of(&full()), expected);
    assert_eq!(decode(Position(7), expected).unwrap(), full());
}

#[test]
fn absent_fields_are_left_out() {
    let tenant: TenantId = "t_acme".parse().unwrap();
    let recorded = Recorded {
        stream: Stream::wallet(&tenant),
        effective_at: None,
        tenant: None,
        metadata: Metadata::by(label("scheduler")),
        event: Event::Wallet(WalletEvent::WalletFrozen(WalletFrozen {
            reason: "audit".parse().unwrap(),
        })),
        ..full()
    };
    let expected = concat!(
        r#"{"position":7,"stream":"wallet/t_acme","version":3,"#,
        r#""id":"01900000-0000-7000-8000-000000000001","type":"WalletFrozen","schema":2,"#,
        r#""recorded_at":"2026-11-20T12:00:00.000001Z","actor":"scheduler","#,
        r#""data":{"reason":"audit"}}"#,
    );
    assert_eq!(text_of(&recorded), expected);
    assert_eq!(decode(Position(7), expected).unwrap(), recorded);
}

#[test]
fn a_header_keeps_the_exact_text() {
    let text = text_of(&full());
    let stored = decode_header(Position(7), &text).unwrap();
    assert_eq!(stored.text, text);
    assert_eq!((stored.stream, stored.type_name.as_str()), (full().stream, "CaseOpened"));
}

#[test]
fn what_is_not_an_event_is_corrupt_and_what_is_newer_says_so() {
    let text = text_of(&full());
    for (position, text) in [
        (8, text.clone()),
        (7, text.replace("\"version\":3,", "")),
        (7, text.replace("\"version\":3", "\"version\":3,\"more\":1")),
        (7, String::from("null")),
    ] {
        let error = decode(Position(position), &text).unwrap_err();
        assert!(matches!(error, JournalError::Corrupt { .. }), "{error}");
    }
    let newer = text.replace("case/c/1", "wallet/t_acme");
    let error = decode(Position(7), &newer).unwrap_err();
    assert!(matches!(error, JournalError::Newer { position: Position(7), .. }), "{error}");
    let malformed = newer.replace("CaseOpened", "WalletFrozen");
    let error = decode(Position(7), &malformed).unwrap_err();
    assert!(matches!(error, JournalError::Unreadable { position: Position(7), .. }), "{error}");
}

/// A row that says it holds these positions, with an event at 7 and one at 8.
fn row(first: u64, last: u64, between: &str) -> BatchRow {
    let second = Recorded { position: Position(8), version: Version(4), ..full() };
    let events = format!("[{}{between}{}]", text_of(&full()), text_of(&second));
    BatchRow {
        first_position: Position(first),
        last_position: Position(last),
        recorded_at: second.recorded_at,
        events,
        prev_root: Root::empty(),
        root: Root::empty(),
    }
}

fn positions_of(row: &BatchRow, wanted: &[u64]) -> Result<Vec<u64>, JournalError> {
    let is_wanted = |position: Position| wanted.contains(&position.0);
    let (mut events, mut stored) = (Vec::new(), Vec::new());
    let headers = decode_row::<StoredEvent>(row, is_wanted, &mut stored);
    decode_row::<Recorded>(row, is_wanted, &mut events)?;
    headers?;
    for (event, stored) in events.iter().zip(&stored) {
        assert_eq!(stored.text, text_of(event));
    }
    assert_eq!(events.len(), stored.len());
    Ok(events.iter().map(|event| event.position.0).collect())
}

#[test]
fn of_a_row_those_events_are_read_that_are_wanted() {
    let row = row(7, 8, ",");
    for wanted in [vec![], vec![7], vec![8], vec![7, 8]] {
        assert_eq!(positions_of(&row, &wanted).unwrap(), wanted);
    }
    assert_eq!(positions_of(&row, &[6, 8, 9]).unwrap(), [8]);
}

#[test]
fn a_row_that_is_not_what_it_says_is_corrupt_whatever_is_wanted() {
    // Its end is before or after its events', it begins elsewhere, or a byte belongs to none.
    for (row, wanted) in [
        (row(7, 7, ","), vec![]),
        (row(7, 7, ","), vec![7]),
        (row(7, 9, ","), vec![]),
        (row(7, 9, ","), vec![7, 8, 9]),
        (row(6, 7, ","), vec![6]),
        (row(7, 8, ", "), vec![]),
        (row(7, 8, " ,"), vec![7, 8]),
        (row(7, 8, ""), vec![7]),
    ] {
        let error = positions_of(&row, &wanted).unwrap_err();
        assert!(matches!(error, JournalError::Corrupt { .. }), "{error}");
    }
}
