//! Runs work in the one form that the compiler made of it. kiln has several forms, one for each kind of processor; what they
//! compute is the same.

/// Something to compute.
pub trait Work {
    type Output;

    fn run(self) -> Self::Output;
}

/// Runs it.
pub fn widest<W: Work>(work: W) -> W::Output {
    work.run()
}

/// Where this byte comes first.
pub fn find(byte: u8, bytes: &[u8]) -> Option<usize> {
    bytes.iter().position(|other| *other == byte)
}
