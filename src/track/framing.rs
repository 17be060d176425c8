//! Records in TensorFlow's files: length, checksum of the length, bytes, checksum of the bytes.

use std::io::Read;

/// The bytes of a record around these.
pub fn framed(bytes: &[u8]) -> Vec<u8> {
    let length = (bytes.len() as u64).to_le_bytes();
    let sums = [masked(&length), masked(bytes)].map(u32::to_le_bytes);
    [&length[..], &sums[0], bytes, &sums[1]].concat()
}

/// The records of a file of so many bytes, until it ends or is damaged.
pub struct Records<R> {
    file: R,
    left: u64,
}

const HEAD: usize = 12;
const FOOT: usize = 4;

impl<R: Read> Records<R> {
    pub fn new(file: R, bytes: u64) -> Self {
        Self { file, left: bytes }
    }

    fn read(&mut self, count: usize) -> Option<Vec<u8>> {
        // What the file does not have is not believed.
        self.left = self.left.checked_sub(count as u64)?;
        let mut bytes = vec![0; count];
        self.file.read_exact(&mut bytes).ok()?;
        Some(bytes)
    }

    fn checked(&mut self, count: usize) -> Option<Vec<u8>> {
        let mut bytes = self.read(count.checked_add(FOOT)?)?;
        let sum = bytes.split_off(count);
        (masked(&bytes).to_le_bytes()[..] == sum).then_some(bytes)
    }
}

impl<R: Read> Iterator for Records<R> {
    type Item = Vec<u8>;

    fn next(&mut self) -> Option<Vec<u8>> {
        let length = self.checked(HEAD - FOOT)?;
        let length = u64::from_le_bytes(length.try_into().ok()?);
        self.checked(usize::try_from(length).ok()?)
    }
}

/// How many bytes a record of so many takes.
pub fn length(bytes: usize) -> u64 {
    (HEAD + bytes + FOOT) as u64
}

/// A checksum that is stored beside what it is of is changed, so that it is not mistaken for data.
fn masked(bytes: &[u8]) -> u32 {
    crc32c(bytes).rotate_right(15).wrapping_add(0xa282_ead8)
}

/// Castagnoli's polynomial, reflected.
const POLYNOMIAL: u32 = 0x82f6_3b78;

const TABLE: [u32; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut sum = byte as u32;
        let mut bit = 0;
        while bit < 8 {
            sum = if sum & 1 == 1 { (sum >> 1) ^ POLYNOMIAL } else { sum >> 1 };
            bit += 1;
        }
        table[byte] = sum;
        byte += 1;
    }
    table
};

fn crc32c(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |sum, byte| TABLE[((sum ^ u32::from(*byte)) & 0xff) as usize] ^ (sum >> 8))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_are_those_of_rfc_3720() {
        // Appendix B.4, and the check value of the Rocksoft catalogue.
        let check = |bytes: &[u8], expected| assert_eq!(crc32c(bytes), expected, "{bytes:?}");
        check(&[0; 32], 0x8a91_36aa);
        check(&[0xff; 32], 0x62a8_ab43);
        check(&(0..32).collect::<Vec<u8>>(), 0x46dd_794e);
        check(b"123456789", 0xe306_9283);
        check(b"", 0);
    }

    #[test]
    fn records_are_read_until_one_is_damaged() {
        let whole = [framed(b"one"), framed(b""), framed(b"three")].concat();
        assert_eq!(whole.len() as u64, length(3) + length(0) + length(5));
        let read = |bytes: &[u8]| Records::new(bytes, bytes.len() as u64).collect::<Vec<_>>();
        assert_eq!(read(&whole), [&b"one"[..], b"", b"three"]);
        for end in 0..whole.len() {
            let expected = [length(3), length(3) + length(0)].iter().filter(|&&at| end as u64 >= at).count();
            assert_eq!(read(&whole[..end]).len(), expected, "{end}");
        }
        for at in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[at] ^= 0x40;
            assert!(read(&damaged).len() < 3, "{at}");
        }
    }
}
