//! The compressed data between its markers: stuffing taken out, cut at the restart markers, checked to run to the
//! end of the file.

use super::super::lanes::find;
use super::bits::{Bits, PADDING};

/// The stretches of a scan, in order.
pub struct Stretches {
    data: Vec<u8>,
    /// Where each begins in the data; it ends with its padding where the next one begins.
    starts: Vec<usize>,
}

const END: u8 = 0xd9;

impl Stretches {
    /// Everything up to the end marker. None where that is missing, where anything but restart markers comes
    /// before it, or where one of those is lost.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let mut read = Self { data: Vec::with_capacity(bytes.len() + PADDING), starts: vec![0] };
        let mut from = 0;
        loop {
            let at = from + find(0xff, &bytes[from..])?;
            read.data.extend_from_slice(&bytes[from..at]);
            let fill = bytes[at + 1..].iter().take_while(|byte| **byte == 0xff).count();
            let next = at + 1 + fill;
            match *bytes.get(next)? {
                0 if fill == 0 => read.data.push(0xff),
                marker @ 0xd0..=0xd7 if usize::from(marker & 7) == (read.starts.len() - 1) % 8 => {
                    read.data.extend([0; PADDING]);
                    read.starts.push(read.data.len());
                }
                END => {
                    read.data.extend([0; PADDING]);
                    return Some(read);
                }
                _ => return None,
            }
            from = next + 1;
        }
    }

    pub fn len(&self) -> usize {
        self.starts.len()
    }

    /// How many bytes of compressed data there are, or a few more.
    pub fn bytes(&self) -> usize {
        self.data.len()
    }

    /// The bits of one of them.
    pub fn bits(&self, number: usize) -> Option<Bits<'_>> {
        let start = *self.starts.get(number)?;
        let end = self.starts.get(number + 1).copied().unwrap_or(self.data.len());
        Some(Bits::new(&self.data[start..end]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(bytes: &[u8], expected: Option<&[usize]>) {
        let read = Stretches::read(bytes);
        let lengths = read.as_ref().map(|read| {
            let bounds = [&read.starts[..], &[read.data.len()]].concat();
            bounds.windows(2).map(|pair| pair[1] - pair[0] - PADDING).collect::<Vec<_>>()
        });
        assert_eq!(lengths.as_deref(), expected, "{bytes:?}");
    }

    #[test]
    fn markers_part_the_data_and_stuffing_goes() {
        check(&[1, 2, 0xff, 0, 3, 0xff, END], Some(&[4]));
        check(&[1, 0xff, 0xd0, 2, 3, 0xff, 0xd1, 0xff, END, 9], Some(&[1, 2, 0]));
        check(&[1, 0xff, 0xff, END], Some(&[1]));
    }

    #[test]
    fn what_is_cut_off_lost_or_more_than_a_scan_is_none() {
        check(&[], None);
        check(&[1, 2, 3], None);
        check(&[1, 2, 0xff], None);
        check(&[1, 0xff, 0xd1, 2, 0xff, END], None);
        check(&[1, 0xff, 0xda, 2, 0xff, END], None);
    }
}
