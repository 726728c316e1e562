//! How tiles are named (c2sp.org/tlog-tiles): `x001/x234/067` is tile 1,234,067, and `.p/12` behind
//! it asks for its first 12 entries.

use std::str::FromStr;

use crate::FormatError;
use crate::tiles::TILE_WIDTH;

/// Which tile of a level, and how much of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TilePath {
    /// Which, from 0.
    pub index: u64,
    /// How many of its entries, 1 to 256.
    pub width: usize,
}

impl FromStr for TilePath {
    type Err = FormatError;

    fn from_str(path: &str) -> Result<TilePath, FormatError> {
        let bad = || {
            FormatError(format!("{path:?} names no tile: write N or N.p/W, with N like x001/067"))
        };
        let (index, width) = match path.split_once(".p/") {
            None => (path, TILE_WIDTH),
            Some((index, width)) => {
                let width = crate::checkpoint::decimal(width).and_then(|w| usize::try_from(w).ok());
                (index, width.filter(|w| (1..TILE_WIDTH).contains(w)).ok_or_else(bad)?)
            }
        };
        let (groups, last) = match index.rsplit_once('/') {
            None => (None, index),
            Some((groups, last)) => (Some(groups), last),
        };
        let three = |group: &str| {
            let digits = group.len() == 3 && group.bytes().all(|b| b.is_ascii_digit());
            group.parse::<u64>().ok().filter(|_| digits).ok_or_else(bad)
        };
        let mut number = 0_u64;
        for group in groups.into_iter().flat_map(|groups| groups.split('/')) {
            let group = three(group.strip_prefix('x').ok_or_else(bad)?)?;
            // A leading group of zeros would be a second name of the same tile.
            if number == 0 && group == 0 {
                return Err(bad());
            }
            number =
                number.checked_mul(1_000).and_then(|n| n.checked_add(group)).ok_or_else(bad)?;
        }
        let index =
            number.checked_mul(1_000).ok_or_else(bad)?.checked_add(three(last)?).ok_or_else(bad)?;
        Ok(TilePath { index, width })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tile_has_one_name() {
        let tile = |path: &str| path.parse::<TilePath>().map(|tile| (tile.index, tile.width));
        assert_eq!(tile("000"), Ok((0, 256)));
        assert_eq!(tile("067.p/12"), Ok((67, 12)));
        assert_eq!(tile("x001/x234/067"), Ok((1_234_067, 256)));
        assert_eq!(tile("x010/000.p/255"), Ok((10_000, 255)));
        for bad in [
            "",
            "0",
            "0000",
            "x000/001",
            "001/001",
            "x001",
            "x001/",
            "001.p/0",
            "001.p/256",
            "001.p/01",
            "001.p/",
            "x1/001",
            "+12",
            "x999/x999/x999/x999/x999/x999/x999/999",
        ] {
            assert!(tile(bad).is_err(), "{bad:?}");
        }
    }
}
