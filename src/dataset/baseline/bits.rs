//! The compressed data of a JPEG as a stream of bits. Reads past the end give zeros; whoever reads asks afterwards
//! whether that happened.

/// Bytes that have to follow the data, so that eight can be read at once.
pub const PADDING: usize = 8;

/// A reader of one stretch between restart markers, stuffing already taken out.
pub struct Bits<'a> {
    /// The stretch and its padding.
    data: &'a [u8],
    /// The next byte to take in.
    at: usize,
    /// The next bits, the first of them on top. Below the `count` that are promised lie bits of the next byte.
    held: u64,
    count: u32,
}

impl<'a> Bits<'a> {
    /// Reads from the start of `data`, whose last bytes are padding.
    pub fn new(data: &'a [u8]) -> Self {
        Self { data, at: 0, held: 0, count: 0 }
    }

    /// These 64 and no more.
    pub fn of(held: u64) -> Self {
        Self { data: &[], at: 0, held, count: 64 }
    }

    /// Afterwards at least 56 bits can be peeked at and dropped.
    #[inline(always)]
    pub fn fill(&mut self) {
        let next = self.data.get(self.at..).and_then(|rest| rest.first_chunk());
        self.held |= next.map_or(0, |bytes| u64::from_be_bytes(*bytes)) >> (self.count & 63);
        self.at += ((63 - self.count) >> 3) as usize;
        self.count |= 56;
    }

    /// The next bits as a number, 1 to 63 of them.
    #[inline(always)]
    pub fn peek(&self, bits: u32) -> usize {
        (self.held >> (64 - bits)) as usize
    }

    /// The number of this size behind so many bits: the lower half of the patterns are the negative ones.
    #[inline(always)]
    pub fn signed(&self, behind: u32, size: u32) -> i16 {
        let ahead = self.held << (behind & 63);
        let pattern = ((ahead >> 1) >> (63 - (size & 63))) as i32;
        // All ones for the negative numbers, whose first bit is 0.
        let negative = !((ahead as i64) >> 63) as i32;
        (pattern + (negative & (1 - (1 << (size & 31))))) as i16
    }

    #[inline(always)]
    pub fn drop(&mut self, bits: u32) {
        self.held <<= bits & 63;
        self.count = self.count.wrapping_sub(bits);
    }

    /// Whether more was read than there is.
    pub fn overrun(&self) -> bool {
        let end = self.data.len().saturating_sub(PADDING) * 8;
        self.at * 8 > end + self.count as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_come_in_order_and_zeros_after_them() {
        let mut data = vec![0b1010_0101, 0xff, 0x00, 0x12, 0x34, 0x56, 0x78, 0x9a, 0xbc, 0xde];
        data.extend([0; PADDING]);
        let mut bits = Bits::new(&data);
        let mut found = Vec::new();
        for length in [3, 5, 12, 20, 28, 12] {
            bits.fill();
            found.push(bits.peek(length));
            bits.drop(length);
            assert!(!bits.overrun());
        }
        assert_eq!(found, [0b101, 0b00101, 0xff0, 0x01234, 0x56789ab, 0xcde]);
        bits.fill();
        assert_eq!(bits.peek(16), 0);
        bits.drop(1);
        assert!(bits.overrun());
    }

    #[test]
    fn reading_on_after_the_end_is_harmless() {
        let mut bits = Bits::new(&[]);
        for _ in 0..1000 {
            bits.fill();
            assert_eq!(bits.peek(31), 0);
            bits.drop(31);
        }
        assert!(bits.overrun());
    }
}
