//! Where events stand, and when they count: of a node, and of its children, as it knows them.

use quipu_domain::Position;

use super::{Address, Until};
use crate::bytes::{self, Numbers};

/// Where some events stand, and when they count, in micros; all bounds inclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The first of them in the journal.
    pub first_position: Position,
    /// The last of them.
    pub last_position: Position,
    /// The first moment at which one of them counts.
    pub earliest_effective_at: i64,
    /// The last such moment.
    pub latest_effective_at: i64,
}

/// A child, as its parent knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Child {
    /// Where it is.
    pub(super) address: Address,
    /// What may be in it.
    pub(super) span: Span,
    /// Whether it says what its siblings before it add up to.
    pub(super) says_before: bool,
}

/// What a question makes of a child that it reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// It is added.
    Itself,
    /// It is added, and so are its siblings before it, by what it says of them.
    WithBefore,
    /// What it says of its siblings before it is taken off: a later one adds all before that one.
    LessBefore,
}

impl Span {
    /// Whatever there is.
    pub(super) const EVERYTHING: Span = Span {
        first_position: Position::ZERO,
        last_position: Position(u64::MAX),
        earliest_effective_at: i64::MIN,
        latest_effective_at: i64::MAX,
    };

    pub(super) const NOTHING: Span = Span {
        first_position: Position(i64::MAX.unsigned_abs()),
        last_position: Position::ZERO,
        earliest_effective_at: i64::MAX,
        latest_effective_at: i64::MIN,
    };

    pub(super) const fn of_event(position: Position, effective_at: i64) -> Span {
        Span {
            first_position: position,
            last_position: position,
            earliest_effective_at: effective_at,
            latest_effective_at: effective_at,
        }
    }

    /// Whether all of it is within a question's bounds.
    #[must_use]
    pub const fn is_within(&self, until: &Until) -> bool {
        self.last_position.0 <= until.position.0 && self.latest_effective_at <= until.effective_at
    }

    /// Whether anything in it may be within a question's bounds.
    #[must_use]
    pub const fn overlaps(&self, until: &Until) -> bool {
        self.first_position.0 <= until.position.0
            && self.earliest_effective_at <= until.effective_at
    }

    pub(super) fn with(&self, other: &Span) -> Span {
        Span {
            first_position: self.first_position.min(other.first_position),
            last_position: self.last_position.max(other.last_position),
            earliest_effective_at: self.earliest_effective_at.min(other.earliest_effective_at),
            latest_effective_at: self.latest_effective_at.max(other.latest_effective_at),
        }
    }
}

/// What a question reads of these children. Of those next to each other that are within the bounds,
/// it leaves out whose sum others know.
pub(super) fn parts(children: &[Child], until: &Until) -> Vec<(Address, Part)> {
    let part = |at: usize, part: Part| (children[at].address, part);
    let says_before = |at: &usize| children.get(*at).is_some_and(|child| child.says_before);
    let mut parts = Vec::new();
    let mut at = 0;
    while at < children.len() {
        let whole = children[at..].iter().take_while(|child| child.span.is_within(until));
        let end = at + whole.count();
        let from = (at..end).find(|at| *at == 0 || says_before(at));
        let to = (at..=end).rfind(says_before);
        if let (Some(from), Some(to)) = (from, to)
            && to > from + usize::from(from > 0)
        {
            parts.extend((at..from).map(|at| part(at, Part::Itself)));
            // Before the first there is nothing.
            parts.extend((from > 0).then(|| part(from, Part::LessBefore)));
            parts.push(part(to, Part::WithBefore));
            parts.extend((to + 1..end).map(|at| part(at, Part::Itself)));
            at = end.max(to + 1);
        } else {
            let next = children.get(end).filter(|child| child.span.overlaps(until));
            let read = if next.is_some() { at..end + 1 } else { at..end };
            parts.extend(read.map(|at| part(at, Part::Itself)));
            at = end + 1;
        }
    }
    parts
}

/// Writes children: how far the first event and the first moment of each are from those of the one
/// before, and how wide it is.
pub(super) fn write(children: &[Child]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let (mut position, mut moment) = (0, 0);
    for Child { span, says_before, .. } in children {
        let first = span.first_position.0.cast_signed();
        bytes::put_signed(&mut bytes, first - position);
        let width = span.last_position.0 - span.first_position.0;
        bytes::put(&mut bytes, width << 1 | u64::from(*says_before));
        bytes::put_signed(&mut bytes, span.earliest_effective_at - moment);
        bytes::put_signed(&mut bytes, span.latest_effective_at - span.earliest_effective_at);
        (position, moment) = (first, span.earliest_effective_at);
    }
    bytes
}

/// Reads what [`write`] wrote, of children from an address on; `None` where it is no such thing.
pub(super) fn read(written: &[u8], first: Address) -> Option<Vec<Child>> {
    let mut numbers = Numbers::of(written);
    let (mut position, mut moment) = (0_i64, 0_i64);
    let mut children = Vec::new();
    for number in first.number.. {
        if numbers.is_empty() {
            break;
        }
        position = position.checked_add(numbers.next_signed()?)?;
        let first_position = Position(position.try_into().ok()?);
        let width = numbers.next()?;
        moment = moment.checked_add(numbers.next_signed()?)?;
        let span = Span {
            first_position,
            last_position: Position(first_position.0.checked_add(width >> 1)?),
            earliest_effective_at: moment,
            latest_effective_at: moment.checked_add(numbers.next_signed()?)?,
        };
        let address = Address { number, ..first };
        children.push(Child { address, span, says_before: width & 1 == 1 });
    }
    Some(children)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::Tree;

    fn at(number: i64) -> Address {
        Address { tree: Tree::IN_ORDER, level: 1, number }
    }

    fn child(number: i64, positions: (u64, u64), moments: (i64, i64), says_before: bool) -> Child {
        let span = Span {
            first_position: Position(positions.0),
            last_position: Position(positions.1),
            earliest_effective_at: moments.0,
            latest_effective_at: moments.1,
        };
        Child { address: at(number), span, says_before }
    }

    /// Two events each, a moment each; every other says what is before it.
    fn children() -> Vec<Child> {
        let place = |at: i64| child(64 + at, place_of(at), (10 * at, 10 * at + 5), at % 2 == 0);
        (0..6).map(place).collect()
    }

    fn place_of(at: i64) -> (u64, u64) {
        let first = u64::try_from(100 + 2 * at).unwrap();
        (first, first + 1)
    }

    #[test]
    fn children_come_back_as_they_were_written() {
        let mut all = children();
        all.push(child(70, (3, 9_000_000), (-5, 1_700_000_000_000_000), false));
        all.push(child(71, (2, 2), (i64::from(i32::MIN), i64::from(i32::MIN)), true));
        let written = write(&all);
        assert_eq!(read(&written, at(64)), Some(all));
        assert_eq!(read(&written[..written.len() - 1], at(64)), None);
    }

    /// By number: `+` with all before it, `-` less those.
    fn read_of(children: &[Child], until: (u64, i64)) -> String {
        let until = Until { position: Position(until.0), effective_at: until.1 };
        let parts = parts(children, &until).into_iter().map(|(address, part)| {
            let sign = match part {
                Part::Itself => "",
                Part::WithBefore => "+",
                Part::LessBefore => "-",
            };
            format!("{sign}{}", address.number)
        });
        parts.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_question_reads_from_the_last_child_that_says_what_is_before_it() {
        let table = [
            // Nothing is within the bounds, or only a part of the first.
            ((99, i64::MAX), ""),
            ((100, i64::MAX), "64"),
            // Up to within 66, which says what is before it, or up to its begin.
            ((104, i64::MAX), "+66"),
            ((103, i64::MAX), "+66"),
            // Up to within 67: 66 says what is before it, and is whole.
            ((106, i64::MAX), "+66 67"),
            // By moment, and by whichever ends first.
            ((1_000, 34), "+66 67"),
            ((103, 34), "+66"),
            // All are whole.
            ((1_000, 1_000), "+68 69"),
        ];
        for (until, read) in table {
            assert_eq!(read_of(&children(), until), read, "{until:?}");
        }
    }

    #[test]
    fn children_out_of_order_are_read_beyond_the_first_that_is_not_whole() {
        let mut all = children();
        all.swap(1, 4);
        let numbers: Vec<i64> = all.iter().map(|child| child.address.number).collect();
        assert_eq!(numbers, [64, 68, 66, 67, 65, 69]);
        // 68 is beyond the bounds and says what is before it; 66 and 65 are within them.
        assert_eq!(read_of(&all, (105, i64::MAX)), "+68 66 65");
    }

    #[test]
    fn a_child_that_counts_later_than_those_after_it_does_not_make_a_question_read_them_all() {
        let mut all = children();
        all[0].span.latest_effective_at = 1_000;
        // Those from 66 to the one that is asked for, and before them one that says nothing.
        assert_eq!(read_of(&all, (1_000, 44)), "64 65 -66 +68");
        assert_eq!(read_of(&all, (1_000, 54)), "64 65 -66 +68 69");
        // Of a single one nothing is saved.
        assert_eq!(read_of(&all, (1_000, 25)), "64 65 66");
    }

    #[test]
    fn where_no_child_says_what_is_before_it_none_is_left_out() {
        let unknown =
            |number| Child { address: at(number), span: Span::EVERYTHING, says_before: false };
        let all: Vec<Child> = (0..3).map(unknown).collect();
        assert_eq!(read_of(&all, (1, 0)), "0 1 2");
    }
}
