//! Reads the journal's next pages while the ones before are folded.

use std::sync::mpsc::sync_channel;
use std::sync::{Mutex, PoisonError};

use quipu_domain::{Position, Recorded};

use crate::feed::Events;
use crate::{Feed, FeedError, FeedPage, ViewsError};

/// Hands the events after one position, up to another, to `work`, page by page.
///
/// Reading and parsing an event costs about as much as folding it, so that a second thread
/// nearly halves the time. A single page is read on the caller's thread.
pub(crate) fn each_page(
    feed: &dyn Feed,
    after: Position,
    until: Position,
    page_events: usize,
    mut work: impl FnMut(&[&Recorded]) -> Result<(), ViewsError>,
) -> Result<(), ViewsError> {
    let pages = Pages { feed, after, until, page_events };
    let is_single = pages.left() <= page_events;
    let mut parsed = pages.map(|page| page?.parse().map_err(ViewsError::from));
    let mut work = |page: Events| work(&page.iter().collect::<Vec<_>>());
    if is_single {
        return parsed.try_for_each(|page| work(page?));
    }
    std::thread::scope(|scope| {
        let (sender, receiver) = sync_channel(1);
        // Once the receiver is gone, somebody has failed, and the next page ends the reader.
        scope.spawn(move || parsed.try_for_each(|page| sender.send(page)));
        receiver.iter().try_for_each(|page| work(page?))
    })
}

/// Pages that are read before somebody parses them: to read is a fifth of the work, so more would
/// only lie about.
const PAGES_AHEAD: usize = 4;

/// How whoever has the machine to himself reads.
pub(crate) struct Batches {
    pub(crate) page_events: usize,
    /// Pages that are handed over at once.
    pub(crate) pages: usize,
    /// How many parse them.
    pub(crate) threads: usize,
}

/// As [`each_page`], many pages at once. One thread reads them meanwhile, which is little work;
/// all parse them, and then all fold: so no core waits, and no more is in memory than is at hand.
pub(crate) fn each_batch(
    feed: &dyn Feed,
    after: Position,
    until: Position,
    batches: &Batches,
    mut work: impl FnMut(&[&Recorded]) -> Result<(), ViewsError>,
) -> Result<(), ViewsError> {
    let mut pages = Pages { feed, after, until, page_events: batches.page_events };
    std::thread::scope(|scope| {
        let (sender, receiver) = sync_channel(PAGES_AHEAD);
        scope.spawn(move || pages.try_for_each(|page| sender.send(page)));
        loop {
            let batch: Result<Vec<FeedPage>, ViewsError> =
                receiver.iter().take(batches.pages).collect();
            let pages = parse(batch?, batches.threads)?;
            if pages.is_empty() {
                return Ok(());
            }
            work(&pages.iter().flat_map(Events::iter).collect::<Vec<_>>())?;
        }
    })
}

/// Parses pages side by side.
fn parse(pages: Vec<FeedPage>, threads: usize) -> Result<Vec<Events>, FeedError> {
    let mut parsed: Vec<Option<Events>> = pages.iter().map(|_| None).collect();
    let next = Mutex::new(std::iter::zip(pages, &mut parsed));
    let take = || next.lock().unwrap_or_else(PoisonError::into_inner).next();
    let parse = || {
        std::iter::from_fn(take).try_for_each(|(page, place)| {
            *place = Some(page.parse()?);
            Ok(())
        })
    };
    std::thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(parse)).collect();
        let own = parse();
        let joined = others
            .into_iter()
            .map(|other| other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        joined.fold(own, Result::and)
    })?;
    Ok(parsed.into_iter().flatten().collect())
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
    type Item = Result<FeedPage, ViewsError>;

    /// The next page; none at the end, nor after a failure.
    fn next(&mut self) -> Option<Self::Item> {
        if self.after >= self.until {
            return None;
        }
        let read = self.feed.follow(self.after, self.left().min(self.page_events));
        match &read {
            Ok(page) => self.after = page.last().filter(|last| *last > self.after)?,
            Err(_) => self.until = self.after,
        }
        Some(read.map_err(ViewsError::from))
    }
}
