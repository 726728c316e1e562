//! Where events stand, and when they count: of a node, and of its children, as it knows them.

use quipu_domain::Position;

use super::Until;
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
pub struct Child {
    /// Its number on its level.
    pub number: i64,
    /// What may be in it.
    pub span: Span,
    /// Whether it says what its siblings before it add up to.
    pub says_before: bool,
}

/// What a question reads of a node's children.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Descent {
    /// The one that says what is in all before it; where there is none, none is left out.
    pub from: Option<i64>,
    /// The numbers of those that have to be read, in order.
    pub numbers: Vec<i64>,
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

impl Descent {
    /// Into these children. Those before the first that is not within the bounds as a whole are
    /// left out, as far as one says what they add up to.
    pub(super) fn into(children: &[Child], until: &Until) -> Descent {
        let whole = children.iter().take_while(|child| child.span.is_within(until)).count();
        let may_begin = &children[..children.len().min(whole + 1)];
        let begin = may_begin.iter().rposition(|child| child.says_before);
        let from = begin.map(|begin| children[begin].number);
        let read = children[begin.unwrap_or(0)..].iter();
        let read = read.filter(|child| from == Some(child.number) || child.span.overlaps(until));
        Descent { from, numbers: read.map(|child| child.number).collect() }
    }
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

/// Reads what [`write`] wrote, of children from a number on; `None` where it is no such thing.
pub(super) fn read(written: &[u8], first_number: i64) -> Option<Vec<Child>> {
    let mut numbers = Numbers::of(written);
    let (mut position, mut moment) = (0_i64, 0_i64);
    let mut children = Vec::new();
    for number in first_number.. {
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
        children.push(Child { number, span, says_before: width & 1 == 1 });
    }
    Some(children)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn child(number: i64, positions: (u64, u64), moments: (i64, i64), says_before: bool) -> Child {
        let span = Span {
            first_position: Position(positions.0),
            last_position: Position(positions.1),
            earliest_effective_at: moments.0,
            latest_effective_at: moments.1,
        };
        Child { number, span, says_before }
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
        assert_eq!(read(&written, 64), Some(all));
        assert_eq!(read(&written[..written.len() - 1], 64), None);
    }

    #[test]
    fn a_question_reads_from_the_last_child_that_says_what_is_before_it() {
        let all = children();
        let until = |position, effective_at| Until { position: Position(position), effective_at };
        let table = [
            // Nothing is whole: the first is read even if it is not within the bounds.
            (until(99, i64::MAX), Some(64), vec![64]),
            (until(100, i64::MAX), Some(64), vec![64]),
            // Up to within 66, which says what is before it.
            (until(104, i64::MAX), Some(66), vec![66]),
            // Up to within 67: 66 says what is before it, and is read whole.
            (until(106, i64::MAX), Some(66), vec![66, 67]),
            // By moment, and by whichever ends first.
            (until(1_000, 34), Some(66), vec![66, 67]),
            (until(103, 34), Some(66), vec![66]),
            // All are whole.
            (until(1_000, 1_000), Some(68), vec![68, 69]),
        ];
        for (until, from, numbers) in table {
            assert_eq!(Descent::into(&all, &until), Descent { from, numbers }, "{until:?}");
        }
    }

    #[test]
    fn children_out_of_order_are_read_beyond_the_first_that_is_not_whole() {
        let mut all = children();
        all.swap(1, 4);
        let numbers: Vec<i64> = all.iter().map(|child| child.number).collect();
        assert_eq!(numbers, [64, 68, 66, 67, 65, 69]);
        let until = Until { position: Position(105), effective_at: i64::MAX };
        let read = Descent::into(&all, &until);
        // 68 is beyond the bounds and says what is before it; 66 and 65 are within them.
        assert_eq!(read, Descent { from: Some(68), numbers: vec![68, 66, 65] });
    }

    #[test]
    fn where_no_child_says_what_is_before_it_none_is_left_out() {
        let unknown = |number| Child { number, span: Span::EVERYTHING, says_before: false };
        let all: Vec<Child> = (0..3).map(unknown).collect();
        let until = Until { position: Position(1), effective_at: 0 };
        let read = Descent::into(&all, &until);
        assert_eq!(read, Descent { from: None, numbers: vec![0, 1, 2] });
    }
}
