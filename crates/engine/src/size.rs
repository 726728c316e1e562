//! An event that the journal would not take is refused before it is written.

use quipu_domain::wallet::WalletEvent;
use quipu_domain::wallet::event::{Attribution, Draws, Returns};
use quipu_journal::MOST_BYTES_IN_EVENT;

use crate::EngineError;
use crate::aggregates::State;

/// What surrounds an event's data: five labels of 500 characters of up to four bytes, and a
/// stream, a version, an id, times and names.
const MOST_BYTES_AROUND: usize = 12_000;

/// C2: what a period is closed with is cut into events of a size that the journal takes.
const _: () =
    assert!(quipu_domain::period::MOST_BYTES_IN_EVENT <= MOST_BYTES_IN_EVENT - MOST_BYTES_AROUND);

/// What an event's data has besides its lists has room beside so many bytes of them.
const QUIET_BYTES: usize = 20_000;

/// J4: refuses a command of whose events one is larger than the journal takes. Only those that
/// could be are measured.
pub(crate) fn refuse_too_large<'a, S: State>(
    events: impl Iterator<Item = &'a S::Event>,
) -> Result<(), EngineError>
where
    S::Event: 'a,
{
    let most_bytes = MOST_BYTES_IN_EVENT - MOST_BYTES_AROUND;
    for event in events.filter(|event| S::may_be_large(event)) {
        let data = serde_json::to_string(event).expect("events are plain data");
        if data.len() > most_bytes {
            return Err(EngineError::EventTooLarge { most_bytes });
        }
    }
    Ok(())
}

/// Whether a wallet's event could be larger than the journal takes, because of what it lists.
pub(crate) fn may_be_large(event: &WalletEvent) -> bool {
    let bytes = match event {
        WalletEvent::CreditsGranted(e) => names(e.terms.scope.len()),
        WalletEvent::CreditsDebited(e) => draws(&e.draws) + words(&e.attribution),
        WalletEvent::HoldPlaced(e) => draws(&e.draws) + words(&e.attribution),
        WalletEvent::HoldSettled(e) => {
            let parts = [&e.from_hold, &e.from_available, &e.returned];
            parts.map(draws).iter().sum::<usize>() + words(&e.attribution)
        }
        WalletEvent::HoldReleased(e) => draws(&e.returned),
        WalletEvent::HoldExpired(e) => draws(&e.returned),
        WalletEvent::OverdraftRepaid(e) => lots(e.lots.len()),
        WalletEvent::CreditsRefunded(e) => returns(&e.returns),
        WalletEvent::UsageRecorded(e) => draws(&e.draws) + words(&e.usage.attribution),
        WalletEvent::UsageVoided(e) => returns(&e.returns),
        WalletEvent::UsageRated(e) => draws(&e.draws) + returns(&e.returns),
        WalletEvent::GrantVoided(_)
        | WalletEvent::CreditsExpired(_)
        | WalletEvent::HoldExtended(_)
        | WalletEvent::OverdraftLimitSet(_)
        | WalletEvent::WalletFrozen(_)
        | WalletEvent::WalletUnfrozen(_) => 0,
    };
    bytes > QUIET_BYTES
}

/// At most: an id, an amount, and what names them.
const fn lots(count: usize) -> usize {
    80 * count
}

const fn draws(draws: &Draws) -> usize {
    lots(draws.lots.len())
}

/// A returned part has its lot's terms with it, and the lot's scope in them.
fn returns(returns: &Returns) -> usize {
    let lots = returns.lots.iter().chain(&returns.new_lot);
    lots.map(|lot| 300 + names(lot.terms.scope.len())).sum()
}

/// A name has 64 characters at most.
const fn names(count: usize) -> usize {
    67 * count
}

/// Quotes and backslashes are written with a second backslash.
fn words(attribution: &Attribution) -> usize {
    let dimensions = attribution.dimensions.iter();
    dimensions.map(|(name, value)| 2 * (name.as_str().len() + value.as_str().len()) + 6).sum()
}
