//! Which part of a picture a random resized crop shows: torchvision's way of drawing it.

use std::ops::Range;

use crate::chance::{Draws, Key};
use crate::dataset::resize::Region;

/// The share of the area that is shown, and its width over its height; both drawn between two bounds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Crop {
    pub scale: [f64; 2],
    pub ratio: [f64; 2],
}

impl Crop {
    /// A box in whole pixels inside a picture of this size.
    pub fn region(&self, width: u32, height: u32, key: Key) -> Region {
        let mut draws = key.draws();
        (0..10)
            .find_map(|_| self.attempt(width, height, &mut draws))
            .unwrap_or_else(|| self.fallback(width, height))
    }

    /// The least width and height of its boxes in a picture of this size, but for rounding.
    pub fn least(&self, width: u32, height: u32) -> [f64; 2] {
        let area = f64::from(width) * f64::from(height) * self.scale[0];
        [(area * self.ratio[0]).sqrt(), (area / self.ratio[1]).sqrt()]
    }

    fn attempt(&self, width: u32, height: u32, draws: &mut Draws) -> Option<Region> {
        let area = f64::from(width) * f64::from(height) * draws.between(self.scale[0], self.scale[1]);
        let [columns, rows] = sides(area, self.ratio, draws);
        let [columns, rows] = [columns as u32, rows as u32];
        if columns == 0 || rows == 0 || columns > width || rows > height {
            return None;
        }
        let top = draws.below((height - rows) as usize + 1);
        let left = draws.below((width - columns) as usize + 1);
        Some(region(left as f64, top as f64, columns, rows))
    }

    /// The largest box in the middle whose shape is allowed.
    fn fallback(&self, width: u32, height: u32) -> Region {
        let shape = f64::from(width) / f64::from(height);
        let [narrow, wide] = self.ratio;
        let (mut columns, mut rows) = (width, height);
        if shape < narrow {
            rows = ((f64::from(width) / narrow).round_ties_even() as u32).clamp(1, height);
        } else if shape > wide {
            columns = ((f64::from(height) * wide).round_ties_even() as u32).clamp(1, width);
        }
        region(f64::from((width - columns) / 2), f64::from((height - rows) / 2), columns, rows)
    }
}

/// Where random erasing (Zhong et al. 2020) strikes: columns and rows, or nowhere if ten tries find no room.
pub fn erased(width: usize, height: usize, key: Key) -> Option<[Range<usize>; 2]> {
    const SCALE: [f64; 2] = [0.02, 0.33];
    const RATIO: [f64; 2] = [0.3, 3.3];
    let mut draws = key.draws();
    (0..10).find_map(|_| {
        let area = (width * height) as f64 * draws.between(SCALE[0], SCALE[1]);
        let [columns, rows] = sides(area, RATIO, &mut draws).map(|side| side as usize);
        if columns == 0 || rows == 0 || columns >= width || rows >= height {
            return None;
        }
        let top = draws.below(height - rows + 1);
        let left = draws.below(width - columns + 1);
        Some([left..left + columns, top..top + rows])
    })
}

/// Width and height of a box of this area, its shape drawn evenly between the logarithms of the bounds.
fn sides(area: f64, [narrow, wide]: [f64; 2], draws: &mut Draws) -> [f64; 2] {
    let ratio = draws.between(narrow.ln(), wide.ln()).exp();
    [(area * ratio).sqrt().round_ties_even(), (area / ratio).sqrt().round_ties_even()]
}

fn region(left: f64, top: f64, width: u32, height: u32) -> Region {
    Region { left, top, width: f64::from(width), height: f64::from(height) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const USUAL: Crop = Crop { scale: [0.08, 1.0], ratio: [3.0 / 4.0, 4.0 / 3.0] };

    #[test]
    fn boxes_lie_inside_with_the_area_and_shape_asked_for() {
        for (width, height) in [(320, 240), (97, 301), (224, 224)] {
            for sample in 0..300 {
                let region = USUAL.region(width, height, Key::new(1).with(sample));
                let (right, bottom) = (region.left + region.width, region.top + region.height);
                assert!(region.left >= 0.0 && region.top >= 0.0 && region.width >= 1.0);
                assert!(right <= f64::from(width) && bottom <= f64::from(height), "{region:?}");
                let shape = region.width / region.height;
                assert!((0.70..1.42).contains(&shape), "{region:?}");
                let area = region.width * region.height / f64::from(width * height);
                assert!((0.07..=1.0).contains(&area), "{region:?}");
            }
        }
    }

    #[test]
    fn areas_and_shapes_are_spread_evenly() {
        let crop = Crop { scale: [0.1, 0.5], ..USUAL };
        let regions: Vec<_> = (0..2000).map(|n| crop.region(1000, 1000, Key::new(2).with(n))).collect();
        let mean = |f: &dyn Fn(&Region) -> f64| regions.iter().map(f).sum::<f64>() / 2000.0;
        assert!((mean(&|r| r.width * r.height / 1e6) - 0.3).abs() < 0.01);
        assert!(mean(&|r| (r.width / r.height).ln()).abs() < 0.01);
        assert!((mean(&|r| r.left / (1000.0 - r.width)) - 0.5).abs() < 0.02);
    }

    #[test]
    fn a_shape_that_does_not_fit_falls_back_to_the_middle() {
        // torchvision's fallback, by its formula: the whole height, and width = round(height * 4 / 3).
        let whole = Crop { scale: [1.0, 1.0], ..USUAL };
        assert_eq!(whole.region(400, 100, Key::new(1)), region(133.0, 0.0, 133, 100));
        assert_eq!(whole.region(100, 400, Key::new(1)), region(0.0, 133.0, 100, 133));
        assert_eq!(whole.region(1, 1, Key::new(1)), region(0.0, 0.0, 1, 1));
        let square = Crop { scale: [1.0, 1.0], ratio: [1.0, 1.0] };
        assert_eq!(square.region(50, 50, Key::new(1)), region(0.0, 0.0, 50, 50));
    }

    #[test]
    fn what_is_erased_lies_inside() {
        for sample in 0..300 {
            let [columns, rows] = erased(60, 40, Key::new(3).with(sample)).unwrap();
            assert!(columns.end <= 60 && rows.end <= 40);
            let share = (columns.len() * rows.len()) as f64 / 2400.0;
            assert!((0.01..0.36).contains(&share), "{share}");
        }
        assert_eq!(erased(1, 1, Key::new(3)), None);
    }
}
