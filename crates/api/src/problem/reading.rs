//! What journal and views could not answer, as a problem.

use quipu_domain::{Refusal, TenantId};
use quipu_journal::JournalError;
use quipu_views::ViewsError;

use super::engine::journal_newer;
use super::{Code, Problem};

impl From<JournalError> for Problem {
    fn from(error: JournalError) -> Problem {
        match &error {
            error if error.is_corrupt() => {
                tracing::error!(%error, "the book does not hold");
                Problem::new(
                    Code::BookDoesNotHold,
                    error.to_string(),
                    "have the operator run `quipu verify`, which names the first bad position",
                )
            }
            JournalError::Database(_) => {
                tracing::warn!(%error, "journal not read");
                Problem::new(
                    Code::JournalUnavailable,
                    "the journal cannot be read now",
                    "ask again after the time that Retry-After says",
                )
                .retry_after_seconds(2)
            }
            JournalError::Newer { .. } => journal_newer(error.to_string()),
            _ => Problem::internal(&error),
        }
    }
}

fn whose(partition: &Option<TenantId>) -> &str {
    partition.as_ref().map_or("the catalogue", TenantId::as_str)
}

impl From<ViewsError> for Problem {
    fn from(error: ViewsError) -> Problem {
        match error {
            ViewsError::UnknownTenant(tenant) => Refusal::UnknownTenant { tenant }.into(),
            ViewsError::UnknownMeter(meter) => Refusal::UnknownMeter { meter }.into(),
            ViewsError::UnknownPriceTable(table) => Refusal::UnknownPriceTable { table }.into(),
            ViewsError::FutureMoment => Problem::new(
                Code::FutureMoment,
                "as_of and known_at must not lie in the future",
                "name a moment that has passed, or leave them out to mean now",
            ),
            ViewsError::BeyondHead { wanted, head } => Problem::new(
                Code::FutureMoment,
                format!("the journal ends at position {head}, before {wanted}"),
                "name a position that the journal has, or leave known_at out to mean now",
            )
            .with("position", head)
            .with("wanted", wanted),
            ViewsError::NotYet { wanted, checkpoint } => Problem::new(
                Code::ViewBehind,
                format!("the view is at position {checkpoint} and has not reached {wanted}"),
                "ask again after the time that Retry-After says",
            )
            .with("position", checkpoint)
            .with("wanted", wanted)
            .retry_after_seconds(1),
            ViewsError::Parked { projection, partition, position, error } => {
                tracing::error!(projection, %position, error, "view parked");
                Problem::new(
                    Code::ViewParked,
                    format!(
                        "the view {projection} of {} stopped at position {position}",
                        whose(&partition)
                    ),
                    "have the operator run `quipu projections retry`",
                )
                .with("projection", projection)
                .with("position", position)
                .retry_after_seconds(60)
            }
            ViewsError::Skipped { projection, partition, position, reason } => Problem::new(
                Code::ViewParked,
                format!(
                    "the view {projection} of {} was made without event {position}, which was \
                     skipped: {reason}",
                    whose(&partition)
                ),
                "no period is closed from it, because a seal stays; a version of Quipu that can \
                 apply the event makes the view anew",
            )
            .with("projection", projection)
            .with("position", position)
            .retry_after_seconds(60),
            ViewsError::Database(error) => {
                tracing::warn!(%error, "views not read");
                Problem::new(
                    Code::ViewsUnavailable,
                    "the views cannot be read now",
                    "ask again after the time that Retry-After says",
                )
                .retry_after_seconds(2)
            }
            error => Problem::internal(&error),
        }
    }
}
