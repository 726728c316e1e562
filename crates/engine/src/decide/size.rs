//! An event that the journal would not take is refused before it is written.

use quipu_domain::Label;
use quipu_domain::wallet::WalletEvent;
use quipu_journal::MOST_BYTES_IN_EVENT;

use crate::EngineError;

/// What surrounds an event's data takes a few hundred bytes and four labels at most.
const ENVELOPE_BYTES_MOST: usize = 10_000;

/// Whether an event could be larger than the journal takes: one that draws very many lots, or
/// carries very many words.
fn may_be_large(event: &WalletEvent) -> bool {
    const LOTS: usize = 256;
    let attribution = match event {
        WalletEvent::CreditsDebited(e) => Some(&e.attribution),
        WalletEvent::HoldPlaced(e) => Some(&e.attribution),
        WalletEvent::HoldSettled(e) => Some(&e.attribution),
        WalletEvent::UsageRecorded(e) => Some(&e.usage.attribution),
        _ => None,
    };
    let words = |label: &Label| label.as_str().len();
    let long = attribution.is_some_and(|attribution| {
        attribution.dimensions.iter().map(|(k, v)| words(k) + words(v)).sum::<usize>() > 8_192
    });
    let many = match event {
        WalletEvent::HoldReleased(e) => e.returned.lots.len() > LOTS,
        WalletEvent::HoldPlaced(e) => e.draws.lots.len() > LOTS,
        WalletEvent::OverdraftRepaid(e) => e.lots.len() > LOTS,
        WalletEvent::CreditsGranted(e) => e.terms.scope.len() > LOTS,
        WalletEvent::CreditsRefunded(e) => e.returns.lots.len() > LOTS / 4,
        event => event.drawn_lots().len() > LOTS,
    };
    long || many
}

/// Refuses events whose data would be larger than an event may be. Only those that could be are
/// measured.
pub(super) fn refuse_too_large(events: &[WalletEvent]) -> Result<(), EngineError> {
    let most_bytes = MOST_BYTES_IN_EVENT - ENVELOPE_BYTES_MOST;
    for event in events.iter().filter(|event| may_be_large(event)) {
        let data = serde_json::to_string(event).expect("events are plain data");
        if data.len() > most_bytes {
            return Err(EngineError::EventTooLarge { most_bytes });
        }
    }
    Ok(())
}
