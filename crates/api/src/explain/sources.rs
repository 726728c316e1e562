//! The events that an explanation tells, and those they rest on.

use quipu_domain::{Position, Stream};
use quipu_journal::{Journal, codec, leaf_hash};
use quipu_projections::explain::{Explanation, Library, Line, PriceHistory};

use super::Draft;
use crate::problem::Problem;
use crate::reading::blocking;
use crate::state::State;

/// Tells a draft's events, each with its causes.
pub(super) async fn tell(state: &State, draft: Draft) -> Result<Explanation, Problem> {
    let Draft { what, figures, parts, lines, rest, levels, .. } = draft;
    let positions = lines.iter().map(|(position, _)| *position).collect();
    let mut library = fetch(state, Library::default(), positions).await?;
    // A correction's record brings a meter with it, and the meter its prices.
    for _ in 0..=levels {
        library = add_prices(state, library).await?;
        let missing = library.missing_events().map_err(|error| Problem::internal(&error))?;
        library = fetch(state, library, missing).await?;
    }
    let line = |(position, figures)| {
        let evidence = library.evidence(position, levels);
        let evidence = evidence.map_err(|error| Problem::internal(&error))?;
        let gone = || Problem::internal(&format_args!("event {position} is not in the journal"));
        Ok(Line { figures, event: evidence.ok_or_else(gone)? })
    };
    let lines: Result<Vec<Line>, Problem> = lines.into_iter().map(line).collect();
    Ok(Explanation { what, figures, parts, lines: lines?, rest })
}

/// Reads what is known of the meters whose prices are not in the library.
async fn add_prices(state: &State, mut library: Library) -> Result<Library, Problem> {
    for meter in library.missing_meters() {
        let events = state.engine.stream(Stream::meter(&meter)).await?;
        let mut tables = Vec::new();
        for table in PriceHistory::tables_of(&events) {
            tables.extend(state.engine.stream(Stream::price_table(&table)).await?);
        }
        tables.sort_by_key(|event| event.position);
        library.add_prices(meter, PriceHistory { meter: events, tables });
    }
    Ok(library)
}

/// Reads events with the hashes of their stored texts.
async fn fetch(
    state: &State,
    mut library: Library,
    positions: Vec<Position>,
) -> Result<Library, Problem> {
    let journal: Journal = state.engine.journal().clone();
    blocking(move || -> Result<Library, Problem> {
        for stored in journal.stored_at(&positions)? {
            let event = codec::decode(stored.position, &stored.text)?;
            library.add(event, leaf_hash(stored.text.as_bytes()).to_string());
        }
        Ok(library)
    })
    .await
}
