//! Whole numbers in as few bytes as they need: seven bits to a byte, low ones first, the eighth
//! set where more follow.

const MORE: u8 = 0x80;

/// Writes a number.
pub(crate) fn put(bytes: &mut Vec<u8>, mut number: u64) {
    loop {
        let low = u8::try_from(number & 0x7f).expect("seven bits fit into a byte");
        number >>= 7;
        if number == 0 {
            bytes.push(low);
            return;
        }
        bytes.push(low | MORE);
    }
}

/// Writes a number of either sign: 0, -1, 1, -2 ... count up.
pub(crate) fn put_signed(bytes: &mut Vec<u8>, number: i64) {
    put(bytes, ((number << 1) ^ (number >> 63)).cast_unsigned());
}

/// Reads numbers in the order in which they were written.
pub struct Numbers<'a>(&'a [u8]);

impl<'a> Numbers<'a> {
    pub(crate) const fn of(bytes: &'a [u8]) -> Numbers<'a> {
        Numbers(bytes)
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What has not been read yet.
    pub(crate) const fn rest(&self) -> &'a [u8] {
        self.0
    }

    /// Goes on after so many bytes.
    pub(crate) fn skip_bytes(&mut self, count: usize) {
        self.0 = &self.0[count..];
    }

    pub(crate) fn next_signed(&mut self) -> Option<i64> {
        let number = self.next()?;
        Some((number >> 1).cast_signed() ^ -(number & 1).cast_signed())
    }
}

impl Iterator for Numbers<'_> {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        let mut number = 0_u64;
        for shift in (0..64).step_by(7) {
            let (byte, rest) = self.0.split_first()?;
            self.0 = rest;
            number |= u64::from(byte & !MORE) << shift;
            if byte & MORE == 0 {
                break;
            }
        }
        Some(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_any_size_come_back() {
        let numbers = [0, 1, 127, 128, 16_383, 16_384, u64::from(u32::MAX), u64::MAX];
        let mut bytes = Vec::new();
        numbers.into_iter().for_each(|number| put(&mut bytes, number));
        assert_eq!(Numbers::of(&bytes).collect::<Vec<u64>>(), numbers);
    }

    #[test]
    fn numbers_of_either_sign_come_back() {
        let numbers = [0, -1, 1, 63, -64, 64, i64::MAX, i64::MIN];
        let mut bytes = Vec::new();
        numbers.into_iter().for_each(|number| put_signed(&mut bytes, number));
        let mut read = Numbers::of(&bytes);
        assert_eq!(numbers.map(|_| read.next_signed().unwrap()), numbers);
        assert!(read.is_empty());
    }
}
