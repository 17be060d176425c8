//! NumPy's own format, version 1.0: rows of 32-bit floats. How many there are stands at the beginning and is written at the
//! end.

use std::io::Write;
use std::path::{Path, PathBuf};

use super::Error;
use crate::durable::Stream;

pub struct Array {
    file: Stream,
    path: PathBuf,
    width: usize,
    rows: usize,
}

/// NumPy aligns what follows to 64 bytes; twice that holds every shape.
const HEAD: usize = 128;

impl Array {
    pub fn begin(path: &Path, width: usize) -> Result<Self, Error> {
        let mut array = Self { file: Stream::begin(path)?, path: path.to_owned(), width, rows: 0 };
        array.put(&head(0, width))?;
        Ok(array)
    }

    pub fn rows(&self) -> usize {
        self.rows
    }

    pub fn add(&mut self, row: &[f32]) -> Result<(), Error> {
        if row.len() != self.width {
            let reason = format!("a row has {} numbers, not {}", row.len(), self.width);
            return Err(Error::Write { path: self.path.clone(), reason });
        }
        let bytes: Vec<u8> = row.iter().flat_map(|number| number.to_le_bytes()).collect();
        self.put(&bytes)?;
        self.rows += 1;
        Ok(())
    }

    pub fn finish(mut self) -> Result<(), Error> {
        self.file.write_first(&head(self.rows, self.width))?;
        Ok(self.file.commit()?)
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let wrong =
            |error: std::io::Error| Error::Write { path: self.path.clone(), reason: error.to_string() };
        self.file.write_all(bytes).map_err(wrong)
    }
}

fn head(rows: usize, width: usize) -> Vec<u8> {
    let text = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({rows}, {width}), }}");
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    let rest = HEAD - bytes.len() - 2;
    bytes.extend((rest as u16).to_le_bytes());
    bytes.extend(format!("{text:<width$}\n", width = rest - 1).into_bytes());
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_head_has_one_length_and_holds_any_shape() {
        for (rows, width) in [(0, 1), (100_000, 1280), (usize::MAX, 20_000)] {
            let head = head(rows, width);
            assert_eq!((head.len(), head.last()), (HEAD, Some(&b'\n')), "{rows} {width}");
            assert!(String::from_utf8_lossy(&head).contains(&format!("({rows}, {width})")));
        }
    }

    #[test]
    fn the_rows_are_counted_at_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.npy");
        let mut array = Array::begin(&path, 2).unwrap();
        array.add(&[1.0, 2.0]).unwrap();
        array.add(&[3.0, 4.0]).unwrap();
        assert!(array.add(&[5.0]).is_err());
        array.finish().unwrap();
        let bytes = std::fs::read(&path).unwrap();
        assert_eq!(bytes[..HEAD], head(2, 2));
        assert_eq!(bytes[HEAD..], [1.0_f32, 2.0, 3.0, 4.0].map(f32::to_le_bytes).concat());
    }
}
