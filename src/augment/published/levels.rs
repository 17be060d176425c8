//! How strongly each operation acts in each policy, bin by bin. Computed in single precision as torchvision's
//! tables are, and held to them by a test.

use super::operation::Operation;
use crate::augment::Shape;

/// The operations of a policy, and how their strengths are spread over bins.
pub struct Space {
    pub operations: &'static [Operation],
    pub bins: usize,
    ranges: Ranges,
}

/// The strongest of each; the weakest is 0, but for posterising and solarising.
struct Ranges {
    shear: f32,
    translate: Reach,
    rotate: f32,
    enhance: f32,
    /// Bits kept at the weakest, and how many fewer at the strongest.
    posterise: [f64; 2],
}

/// The longest shift.
enum Reach {
    Share(f64),
    Pixels(f32),
}

/// The spaces of the four policies.
pub mod spaces {
    use super::{Operation, Ranges, Reach, Space};

    const USUAL: Ranges = Ranges {
        shear: 0.3,
        translate: Reach::Share(150.0 / 331.0),
        rotate: 30.0,
        enhance: 0.9,
        posterise: [8.0, 4.0],
    };

    pub const AUTO_AUGMENT: Space = Space {
        // Which ones is in the table of sub-policies.
        operations: &[],
        bins: 10,
        ranges: USUAL,
    };

    pub const RAND_AUGMENT: Space = Space { operations: &FOURTEEN, bins: 31, ranges: USUAL };

    pub const TRIVIAL_AUGMENT_WIDE: Space = Space {
        operations: &FOURTEEN,
        bins: 31,
        ranges: Ranges {
            shear: 0.99,
            translate: Reach::Pixels(32.0),
            rotate: 135.0,
            enhance: 0.99,
            posterise: [8.0, 6.0],
        },
    };

    pub const AUG_MIX: Space = Space {
        operations: FOURTEEN.split_at(1).1,
        bins: 10,
        ranges: Ranges { translate: Reach::Share(1.0 / 3.0), posterise: [4.0, 4.0], ..USUAL },
    };

    const FOURTEEN: [Operation; 14] = [
        Operation::Identity,
        Operation::ShearX,
        Operation::ShearY,
        Operation::TranslateX,
        Operation::TranslateY,
        Operation::Rotate,
        Operation::Brightness,
        Operation::Saturation,
        Operation::Contrast,
        Operation::Sharpness,
        Operation::Posterise,
        Operation::Solarise,
        Operation::AutoContrast,
        Operation::Equalise,
    ];
}

impl Space {
    /// The strength of an operation at a bin; 0 for one that has none.
    pub fn magnitude(&self, operation: Operation, bin: usize, shape: Shape) -> f64 {
        let ranges = &self.ranges;
        let rising = |end: f32| f64::from(spread(0.0, end, self.bins, bin));
        match operation {
            Operation::ShearX | Operation::ShearY => rising(ranges.shear),
            Operation::TranslateX => rising(ranges.translate.of(shape.width)),
            Operation::TranslateY => rising(ranges.translate.of(shape.height)),
            Operation::Rotate => rising(ranges.rotate),
            Operation::Brightness | Operation::Saturation | Operation::Contrast | Operation::Sharpness => {
                rising(ranges.enhance)
            }
            Operation::Posterise => {
                let [most, fewer] = ranges.posterise;
                most - (bin as f64 / ((self.bins - 1) as f64 / fewer)).round_ties_even()
            }
            Operation::Solarise => f64::from(spread(255.0, 0.0, self.bins, bin)),
            Operation::Identity | Operation::AutoContrast | Operation::Equalise | Operation::Invert => 0.0,
        }
    }
}

impl Reach {
    fn of(&self, edge: usize) -> f32 {
        match self {
            Self::Share(share) => (share * edge as f64) as f32,
            Self::Pixels(pixels) => *pixels,
        }
    }
}

/// One of `bins` numbers at even distances, as torch.linspace rounds them: from the nearer end, once.
fn spread(start: f32, end: f32, bins: usize, bin: usize) -> f32 {
    let step = (end - start) / (bins - 1) as f32;
    if bin < bins / 2 {
        step.mul_add(bin as f32, start)
    } else {
        (-step).mul_add((bins - 1 - bin) as f32, end)
    }
}
