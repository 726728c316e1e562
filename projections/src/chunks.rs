//! A list that grows without moving what is in it.

use std::ops::{Index, IndexMut};

/// Elements by their place, in pieces of one size: a vector that doubles copies all it has, and
/// needs half as much again meanwhile.
pub(crate) struct Chunks<T>(Vec<Vec<T>>);

/// Elements in a piece.
const CHUNK: usize = 1024;

impl<T> Chunks<T> {
    pub(crate) const fn new() -> Chunks<T> {
        Chunks(Vec::new())
    }

    pub(crate) fn len(&self) -> usize {
        self.0.last().map_or(0, |last| (self.0.len() - 1) * CHUNK + last.len())
    }

    /// Adds one and says its place.
    pub(crate) fn push(&mut self, element: T) -> usize {
        let place = self.len();
        match self.0.last_mut() {
            Some(last) if last.len() < CHUNK => last.push(element),
            // A small table does not need a whole piece.
            None => self.0.push(vec![element]),
            Some(_) => {
                let mut next = Vec::with_capacity(CHUNK);
                next.push(element);
                self.0.push(next);
            }
        }
        place
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.0.iter().flatten()
    }
}

impl<T> IntoIterator for Chunks<T> {
    type Item = T;
    type IntoIter = std::iter::Flatten<std::vec::IntoIter<Vec<T>>>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter().flatten()
    }
}

impl<T> Index<usize> for Chunks<T> {
    type Output = T;

    fn index(&self, place: usize) -> &T {
        &self.0[place / CHUNK][place % CHUNK]
    }
}

impl<T> IndexMut<usize> for Chunks<T> {
    fn index_mut(&mut self, place: usize) -> &mut T {
        &mut self.0[place / CHUNK][place % CHUNK]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_stay_where_they_were_put() {
        let mut chunks = Chunks::new();
        for number in 0..3 * CHUNK {
            assert_eq!((chunks.len(), chunks.push(number)), (number, number));
        }
        chunks[CHUNK] = 7;
        assert_eq!((chunks[0], chunks[CHUNK - 1], chunks[CHUNK]), (0, CHUNK - 1, 7));
        assert_eq!(chunks.iter().count(), chunks.len());
        assert_eq!(chunks.into_iter().nth(CHUNK + 1), Some(CHUNK + 1));
    }
}
