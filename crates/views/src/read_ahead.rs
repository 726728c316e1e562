//! Reads the journal's next page while the one before is folded.

use std::sync::Arc;
use std::sync::mpsc::sync_channel;

use quipu_domain::{Position, Recorded};

use crate::{Feed, ViewsError};

/// Hands the events after one position, up to another, to `work`, page by page, and as many pages
/// at once as there are by then, up to `most_pages`.
///
/// Reading and parsing an event costs about as much as folding it, so that a second thread
/// nearly halves the time of a replay. A single page is read on the caller's thread.
pub(crate) fn each_page(
    feed: &dyn Feed,
    after: Position,
    until: Position,
    page_events: usize,
    most_pages: usize,
    mut work: impl FnMut(&[Arc<Recorded>]) -> Result<(), ViewsError>,
) -> Result<(), ViewsError> {
    let mut pages = Pages { feed, after, until, page_events };
    if pages.left() <= page_events {
        return pages.try_for_each(|page| work(&page?));
    }
    std::thread::scope(|scope| {
        let (sender, receiver) = sync_channel(most_pages);
        // Once the receiver is gone, somebody has failed, and the next page ends the reader.
        scope.spawn(move || pages.try_for_each(|page| sender.send(page)));
        while let Ok(page) = receiver.recv() {
            let mut events = page?;
            for page in receiver.try_iter().take(most_pages - 1) {
                events.append(&mut page?);
            }
            work(&events)?;
        }
        Ok(())
    })
}

struct Pages<'a> {
    feed: &'a dyn Feed,
    after: Position,
    until: Position,
    page_events: usize,
}

impl Pages<'_> {
    fn left(&self) -> usize {
        usize::try_from(self.until.0.saturating_sub(self.after.0)).unwrap_or(usize::MAX)
    }
}

impl Iterator for Pages<'_> {
    type Item = Result<Vec<Arc<Recorded>>, ViewsError>;

    /// The next page; none at the end, nor after a failure.
    fn next(&mut self) -> Option<Self::Item> {
        if self.after >= self.until {
            return None;
        }
        let read = self.feed.follow(self.after, self.left().min(self.page_events));
        match &read {
            Ok(page) => self.after = page.last()?.position,
            Err(_) => self.until = self.after,
        }
        Some(read.map_err(ViewsError::from))
    }
}
