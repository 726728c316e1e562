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

/// The same for a sum, for which 64 bits need not be enough: where they are, the bytes are the same.
pub(crate) fn put_wide(bytes: &mut Vec<u8>, number: i128) {
    let mut number = ((number << 1) ^ (number >> 127)).cast_unsigned();
    while number >= u128::from(MORE) {
        bytes.push(number.to_le_bytes()[0] | MORE);
        number >>= 7;
    }
    bytes.push(number.to_le_bytes()[0]);
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

    /// A sum; `None` where it has more than 17 bytes, which no sum of amounts comes to.
    pub(crate) fn next_wide(&mut self) -> Option<i128> {
        let mut number = 0_u128;
        for shift in (0..17 * 7).step_by(7) {
            let (byte, rest) = self.0.split_first()?;
            self.0 = rest;
            number |= u128::from(byte & !MORE) << shift;
            if byte & MORE == 0 {
                return Some((number >> 1).cast_signed() ^ -(number & 1).cast_signed());
            }
        }
        None
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
    fn sums_come_back_and_short_ones_are_written_as_numbers_are() {
        let short = [0, -1, 1, 63, -64, 64, i64::MAX, i64::MIN];
        let (mut bytes, mut wide) = (Vec::new(), Vec::new());
        short.into_iter().for_each(|number| put_signed(&mut bytes, number));
        short.into_iter().for_each(|number| put_wide(&mut wide, number.into()));
        assert_eq!(wide, bytes);
        let most = (1_i128 << 118) - 1;
        let sums = [i128::from(i64::MAX) + 1, i128::from(i64::MIN) - 1, most, -most - 1];
        sums.into_iter().for_each(|sum| put_wide(&mut wide, sum));
        let mut read = Numbers::of(&wide);
        assert_eq!(short.map(|_| read.next_wide().unwrap()), short.map(i128::from));
        assert_eq!(sums.map(|_| read.next_wide().unwrap()), sums);
        assert!(read.is_empty());
        let mut beyond = Vec::new();
        put_wide(&mut beyond, most + 1);
        assert_eq!(Numbers::of(&beyond).next_wide(), None);
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
