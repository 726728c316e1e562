//! What a number is made of: entries, events, who sent them, what caused them.
//!
//! An [`Explainer`] is given the events that a number rests on, keeps the last of them, and adds up
//! all. [`Evidence`] tells one event with everything it rests on. An [`Explanation`] puts a number,
//! what it is made of and the rest together, and [`Explanation::gaps`] says where that does not
//! add up.

mod amounts;
mod contribution;
mod evidence;
mod prices;

use std::collections::{BTreeMap, VecDeque};

use quipu_domain::{Position, Recorded};

use crate::{ProjectionError, Quantity};

pub use amounts::EventAmount;
pub(crate) use contribution::sum;
pub use contribution::{Subject, UsageSelection};
pub use evidence::{Cause, Cost, Evidence, Library, PostedAmount};
pub use prices::PriceHistory;

/// Amounts, counts and quantities by what they are called.
pub type Figures = BTreeMap<&'static str, Quantity>;

/// A number, and what it is made of.
#[derive(Clone, Debug)]
pub struct Explanation {
    /// Which number, in words.
    pub what: String,
    /// The number, or several that belong together, as it is shown elsewhere.
    pub figures: Figures,
    /// What is not in the events that are told here, and belongs to the number.
    pub parts: Vec<Part>,
    /// The events, in the journal's order: the last of them, where there are many.
    pub lines: Vec<Line>,
    /// The events before these.
    pub rest: Option<Rest>,
}

/// Something that belongs to a number, and is no event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// What it is.
    pub what: String,
    /// What it adds.
    pub figures: Figures,
}

/// An event, and what it adds to the number.
#[derive(Clone, Debug)]
pub struct Line {
    /// What it adds.
    pub figures: Figures,
    /// The event.
    pub event: Evidence,
}

/// Events that are not told one by one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rest {
    /// How many; absent where only their sum is known.
    pub events: Option<u64>,
    /// What they add together.
    pub figures: Figures,
}

/// A number that its parts do not come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// Which.
    pub figure: String,
    /// The number.
    pub number: String,
    /// What its parts come to.
    pub sum: String,
}

impl Explanation {
    /// Where parts, lines and rest do not come to the number, and where an event's own arithmetic
    /// does not come to its amount. None where everything adds up.
    #[must_use]
    pub fn gaps(&self) -> Vec<Gap> {
        let mut sums = Figures::new();
        let parts = self.parts.iter().map(|part| &part.figures);
        let lines = self.lines.iter().map(|line| &line.figures);
        let all = parts.chain(lines).chain(self.rest.iter().map(|rest| &rest.figures));
        let overflow = all.map(|figures| add(&mut sums, figures)).any(|added| added.is_err());
        if overflow {
            let (number, sum) = (String::new(), "more than can be added up".to_owned());
            return vec![Gap { figure: "all".to_owned(), number, sum }];
        }
        // A sum that no number was given for must be zero.
        let names =
            self.figures.keys().chain(sums.keys().filter(|name| !self.figures.contains_key(*name)));
        let gap = |name: &&'static str| {
            let number = self.figures.get(*name).copied().unwrap_or_default();
            let sum = sums.get(*name).copied().unwrap_or_default();
            (number != sum).then(|| Gap {
                figure: (*name).to_owned(),
                number: number.to_string(),
                sum: sum.to_string(),
            })
        };
        let own = names.filter_map(gap);
        own.chain(self.lines.iter().flat_map(|line| line.event.gaps())).collect()
    }
}

/// Adds figures up, name by name.
pub(crate) fn add(sums: &mut Figures, figures: &Figures) -> Result<(), ProjectionError> {
    for (name, figure) in figures {
        let sum = sums.entry(name).or_default();
        *sum = sum.plus(*figure).ok_or(ProjectionError::Overflow { what: "an explanation" })?;
    }
    Ok(())
}

/// Adds up what events contribute to a number, and keeps the last of those that do.
pub struct Explainer {
    subject: Subject,
    most_lines: usize,
    lines: VecDeque<(Position, Figures)>,
    rest: Option<Rest>,
}

impl Explainer {
    /// An explainer that has seen no event. `rest` is what events before those it will be given
    /// add up to, where that is known.
    #[must_use]
    pub fn of(subject: Subject, most_lines: usize, rest: Option<Rest>) -> Explainer {
        Explainer { subject, most_lines, lines: VecDeque::new(), rest }
    }

    /// The tenant's next event.
    pub fn event(&mut self, event: &Recorded) -> Result<(), ProjectionError> {
        let Some(figures) = self.subject.contribution(event)? else { return Ok(()) };
        self.lines.push_back((event.position, figures));
        if self.lines.len() > self.most_lines
            && let Some((_, oldest)) = self.lines.pop_front()
        {
            let none = || Rest { events: Some(0), figures: Figures::new() };
            let rest = self.rest.get_or_insert_with(none);
            rest.events = rest.events.map(|events| events + 1);
            add(&mut rest.figures, &oldest)?;
        }
        Ok(())
    }

    /// Where the last events that contribute stand, with what each adds, and the rest.
    #[must_use]
    pub fn finish(self) -> (Vec<(Position, Figures)>, Option<Rest>) {
        (self.lines.into(), self.rest)
    }
}
