//! Ascending positions as the differences between them, seven bits to a byte.

use quipu_domain::Position;

use crate::JournalError;

/// Writes ascending positions of a segment.
pub(crate) fn write(first_position: Position, positions: &[Position]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(positions.len() + 2);
    let mut expected = first_position.0;
    for position in positions {
        let mut gap = position.0 - expected;
        while gap >= 0x80 {
            bytes.push(gap.to_le_bytes()[0] | 0x80);
            gap >>= 7;
        }
        bytes.push(gap.to_le_bytes()[0]);
        expected = position.0 + 1;
    }
    bytes
}

/// Reads what [`write`] wrote.
pub(crate) fn read(first_position: Position, bytes: &[u8]) -> Result<Vec<Position>, JournalError> {
    let corrupt =
        || JournalError::Corrupt { position: first_position, why: "its posting list".to_owned() };
    let mut positions = Vec::new();
    let (mut expected, mut gap, mut shift) = (first_position.0, 0_u64, 0);
    for byte in bytes {
        gap |= u64::from(byte & 0x7f).checked_shl(shift).ok_or_else(corrupt)?;
        if byte & 0x80 == 0 {
            let position = expected.checked_add(gap).ok_or_else(corrupt)?;
            positions.push(Position(position));
            expected = position.checked_add(1).ok_or_else(corrupt)?;
            (gap, shift) = (0, 0);
        } else {
            shift += 7;
        }
    }
    if shift == 0 { Ok(positions) } else { Err(corrupt()) }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_list_that_ends_early_or_overflows_is_corrupt() {
        assert!(read(Position(1), &[0x80]).is_err());
        assert!(read(Position(1), &[0xff; 12]).is_err());
        assert!(read(Position(u64::MAX), &[0x01]).is_err());
    }

    proptest! {
        #[test]
        fn reads_what_was_written(gaps in prop::collection::btree_set(0_u64..5_000_000, 0..200)) {
            let first = Position(65_537);
            let positions: BTreeSet<Position> = gaps.into_iter().map(|gap| first.plus(gap)).collect();
            let positions: Vec<Position> = positions.into_iter().collect();
            prop_assert_eq!(read(first, &write(first, &positions)).unwrap(), positions);
        }
    }
}
