//! One axis of a picture on the way to the network: its new length, what the crop keeps of it, by how much it may be
//! reduced before. Stands in the crates that `kiln export` writes, too.

/// Where a centre crop lies.
pub const MIDDLE: f64 = 0.5;

/// `kept` pixels, made of `start..start + length` of the source, after `border` black ones.
pub struct Stretch {
    pub start: f64,
    pub length: f64,
    pub kept: usize,
    pub border: usize,
}

impl Stretch {
    /// `size` pixels of an edge that was `source` and is resized to `resized` pixels. Place 0 keeps its start, 1 its end.
    pub fn at(place: f64, source: u32, resized: usize, size: usize) -> Self {
        let kept = resized.min(size);
        // Python's round, which torchvision uses here, takes halves to the even neighbour.
        let offset = ((resized - kept) as f64 * place).round_ties_even();
        let scale = f64::from(source) / resized as f64;
        Self { start: offset * scale, length: kept as f64 * scale, kept, border: (size - kept) / 2 }
    }

    /// Start and length with the border, which makes it `size` pixels.
    pub fn whole(&self, size: usize) -> (f64, f64) {
        let scale = self.length / self.kept as f64;
        (self.start - self.border as f64 * scale, size as f64 * scale)
    }

    /// How many times finer the source is.
    fn finer(&self) -> f64 {
        self.length / self.kept as f64
    }
}

/// The longer edge where the shorter one gets this length: rounded down, as in torchvision.
pub fn longer(edge: usize, long: u32, short: u32) -> usize {
    // Below 2^14 * 2^32, so exact in a double before the one division.
    ((edge as u64 * u64::from(long)) as f64 / f64::from(short)) as usize
}

/// By how much a picture may be reduced of which these stretches are kept.
pub fn reduction(x: &Stretch, y: &Stretch) -> u32 {
    // Twice as fine as needed is as good as Pillow's `thumbnail` finds good enough.
    const SPARE: f64 = 2.0;
    factor(x.finer().min(y.finer()) / SPARE)
}

/// The same of one that is so many times finer than needed.
pub fn factor(finer: f64) -> u32 {
    match finer {
        8.0.. => 8,
        4.0.. => 4,
        2.0.. => 2,
        _ => 1,
    }
}
