//! A whole journal, line by line, from its export.
//!
//! Apart from the events' own lines, every byte of an export follows from the events before it.
//! So those lines are not parsed and compared: what must stand there is written, and the bytes
//! must be the same.

mod lines;
mod order;
mod restore;
#[cfg(test)]
mod tests;

use std::io::{self, BufRead};

use crate::checkpoint::Checkpoint;
use crate::event::Event;
use crate::hash::{Hash, Tree};
use crate::report::{Finding, HeldTo, Report};
use lines::{Commit, Header, Kind, Lines};
use order::Order;
use restore::Restore;

pub use lines::MOST_BYTES_IN_LINE;

/// Recomputes a journal from its export and holds it to checkpoints, each with the name it is
/// reported under. `Err` only when the input cannot be read; whatever is wrong with it is in the
/// report. `progress` gets the position reached and the last one there is.
pub fn verify_export(
    input: &mut dyn BufRead,
    checkpoints: Vec<(String, Checkpoint)>,
    progress: &mut dyn FnMut(u64, u64),
) -> io::Result<Report> {
    let mut verifier = Verifier::new(checkpoints);
    let mut lines = Lines::new(input);
    let finding = match verifier.all(&mut lines, progress) {
        Ok(()) => None,
        Err(Stop::Found(finding)) => Some(finding),
        Err(Stop::Failed(error)) => return Err(error),
    };
    Ok(verifier.report(finding))
}

/// Why verification ends before the end.
enum Stop {
    Found(Finding),
    Failed(io::Error),
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Stop {
        Stop::Failed(error)
    }
}

impl From<Finding> for Stop {
    fn from(finding: Finding) -> Stop {
        Stop::Found(finding)
    }
}

/// Everything that is known of the journal up to some line.
#[cfg_attr(test, derive(Clone))]
struct Verifier {
    tree: Tree,
    order: Order,
    /// Where the commit begins that is being read.
    open: OpenCommit,
    /// Checkpoints that are still ahead, the nearest last.
    ahead: Vec<HeldTo>,
    held_to: Vec<HeldTo>,
    restores: Vec<Restore>,
    /// The end of the last commit of which everything holds.
    verified: Verified,
}

/// The events since the last commit.
#[derive(Default)]
#[cfg_attr(test, derive(Clone))]
struct OpenCommit {
    first_line: u64,
    /// A checkpoint that the tree did not lead to; told only if the commit itself holds, because
    /// otherwise there is a more exact finding.
    missed: Option<Finding>,
}

#[cfg_attr(test, derive(Clone))]
struct Verified {
    position: u64,
    root: Hash,
    recorded_at: Option<String>,
    commits: u64,
    streams: u64,
}

impl Verifier {
    fn new(checkpoints: Vec<(String, Checkpoint)>) -> Verifier {
        let mut ahead: Vec<HeldTo> =
            checkpoints.into_iter().map(|(name, checkpoint)| HeldTo { name, checkpoint }).collect();
        ahead.sort_by_key(|held| std::cmp::Reverse(held.checkpoint.size));
        let tree = Tree::default();
        let verified =
            Verified { position: 0, root: tree.root(), recorded_at: None, commits: 0, streams: 0 };
        Verifier {
            tree,
            order: Order::default(),
            open: OpenCommit::default(),
            ahead,
            held_to: Vec::new(),
            restores: Vec::new(),
            verified,
        }
    }

    fn all(
        &mut self,
        lines: &mut Lines<'_>,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<(), Stop> {
        let header = self.header(lines)?;
        self.checkpoints(1)?;
        self.close();
        self.after(&header, lines, progress)
    }

    /// Everything after the first line.
    fn after(
        &mut self,
        header: &Header,
        lines: &mut Lines<'_>,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<(), Stop> {
        loop {
            let Some(line) = lines.next(self.next_position())? else {
                let what = "the export ends before its last line: its end is missing";
                return Err(self.at(lines.number() + 1, what).into());
            };
            let number = lines.number();
            match Kind::of(&line) {
                Kind::Event => self.event(number, &line)?,
                Kind::Commit => {
                    self.commit(number, &line)?;
                    progress(self.verified.position, header.position);
                }
                Kind::End => {
                    self.end(number, &line, header)?;
                    return self.nothing_follows(lines);
                }
            }
        }
    }

    fn header(&self, lines: &mut Lines<'_>) -> Result<Header, Stop> {
        let Some(line) = lines.next(1)? else {
            return Err(self.at(1, "the file is empty").into());
        };
        Ok(Header::parse(&line).map_err(|what| self.at(1, what))?)
    }

    fn event(&mut self, line: u64, text: &str) -> Result<(), Finding> {
        let position = self.next_position();
        let event: Event<'_> = serde_json::from_str(text)
            .map_err(|error| self.at(line, format!("not an event: {error}")))?;
        if event.position != position {
            let what = format!("it says it is number {}, but {position} is next", event.position);
            return Err(self.at(line, what));
        }
        self.order.event(&event).map_err(|what| self.at(line, what))?;
        if self.verified.position + 1 == position {
            self.open.first_line = line;
        }
        self.restores.extend(Restore::of(position, &event.stream, text));
        self.tree.push(text.as_bytes());
        if let Err(finding) = self.checkpoints(line) {
            self.open.missed.get_or_insert(finding);
        }
        Ok(())
    }

    /// Compares the tree with the checkpoints of this size.
    fn checkpoints(&mut self, line: u64) -> Result<(), Finding> {
        let size = self.tree.size();
        while let Some(held) = self.ahead.pop_if(|held| held.checkpoint.size == size) {
            let root = self.tree.root();
            if held.checkpoint.root != root {
                let what = format!(
                    "the journal leads to root {root} at position {size}, but {} says {}: what \
                     was signed has been rewritten{}",
                    held.name,
                    held.checkpoint.root,
                    self.told_about(&held.checkpoint)
                );
                return Err(Finding { line, position: size, what });
            }
            self.held_to.push(held);
        }
        Ok(())
    }

    fn commit(&mut self, line: u64, text: &str) -> Result<(), Finding> {
        let size = self.tree.size();
        let recorded_at = self.order.recorded_at().filter(|_| size > self.verified.position);
        let Some(recorded_at) = recorded_at else {
            return Err(self.at(line, "a commit without events"));
        };
        let expected = Commit {
            first_position: self.verified.position + 1,
            last_position: size,
            recorded_at: recorded_at.to_owned(),
            prev_root: self.verified.root,
            root: self.tree.root(),
        };
        if let Some(what) = expected.differs_from(text) {
            let what = format!("the commit of lines {} to {line} {what}", self.open.first_line);
            return Err(Finding { line, position: expected.first_position, what });
        }
        if let Some(missed) = self.open.missed.take() {
            return Err(missed);
        }
        self.verified.commits += 1;
        self.close();
        Ok(())
    }

    /// Takes everything so far as verified.
    fn close(&mut self) {
        self.verified.position = self.tree.size();
        self.verified.root = self.tree.root();
        self.verified.recorded_at = self.order.recorded_at().map(str::to_owned);
        self.verified.streams = self.order.streams();
    }

    fn end(&self, line: u64, text: &str, header: &Header) -> Result<(), Finding> {
        let Verified { position, root, .. } = self.verified;
        if self.tree.size() != position {
            return Err(self.at(line, "the export ends in the middle of a commit"));
        }
        if (header.position, header.root) != (position, root) {
            let what = format!(
                "the export ends at position {position} with root {root}, but its first line \
                 promises {} with {}",
                header.position, header.root
            );
            return Err(self.at(line, what));
        }
        if text != header.end() {
            return Err(self.at(line, format!("the last line is not {}", header.end())));
        }
        match self.ahead.last() {
            None => Ok(()),
            Some(held) => {
                let what = format!(
                    "the journal ends at {position}, but {} was signed over {} events: the end \
                     is missing{}",
                    held.name,
                    held.checkpoint.size,
                    self.told_about(&held.checkpoint)
                );
                Err(self.at(line, what))
            }
        }
    }

    fn told_about(&self, checkpoint: &Checkpoint) -> String {
        self.restores.iter().find_map(|restore| restore.about(checkpoint)).unwrap_or_default()
    }

    fn nothing_follows(&self, lines: &mut Lines<'_>) -> Result<(), Stop> {
        if lines.is_at_end()? {
            return Ok(());
        }
        Err(self.at(lines.number() + 1, "something follows the last line").into())
    }

    fn next_position(&self) -> u64 {
        self.tree.size() + 1
    }

    fn at(&self, line: u64, what: impl Into<String>) -> Finding {
        Finding { line, position: self.next_position(), what: what.into() }
    }

    fn report(self, finding: Option<Finding>) -> Report {
        let mut held_to = self.held_to;
        held_to.retain(|held| held.checkpoint.size <= self.verified.position);
        Report {
            holds: finding.is_none(),
            finding,
            position: self.verified.position,
            root: self.verified.root,
            recorded_at: self.verified.recorded_at,
            commits: self.verified.commits,
            streams: self.verified.streams,
            held_to,
        }
    }
}
