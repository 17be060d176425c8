//! Grad-CAM (Selvaraju et al. 2017): which places of a picture speak for a class. Arithmetic on what the places of a
//! network's last map add to the logits; knows no pictures and no colours.

use super::best;

/// What a network said of a picture, place by place.
#[derive(Debug, Clone, PartialEq)]
pub struct Evidence {
    pub logits: Vec<f32>,
    /// For each class, what each place adds to its logit, row by row.
    places: Vec<f32>,
    columns: usize,
}

/// How much each place speaks for a class, in shares of the place that does most.
#[derive(Debug, Clone, PartialEq)]
pub struct HeatMap {
    pub columns: usize,
    pub rows: usize,
    /// Row by row, from 0 to 1. All are 0 where nothing speaks for the class.
    pub values: Vec<f32>,
}

impl Evidence {
    pub fn new(logits: Vec<f32>, places: Vec<f32>, columns: usize) -> Self {
        Self { logits, places, columns }
    }

    /// The class that the network names.
    pub fn predicted(&self) -> usize {
        best(&self.logits)
    }

    pub fn heat(&self, class: usize) -> HeatMap {
        let count = self.places.len() / self.logits.len().max(1);
        HeatMap::new(self.places.chunks(count.max(1)).nth(class).unwrap_or_default(), self.columns)
    }
}

impl HeatMap {
    /// Of what each place adds to a class's logit, row by row. What speaks against the class counts as nothing.
    pub fn new(places: &[f32], columns: usize) -> Self {
        let most = places.iter().copied().fold(0.0, f32::max);
        let share = |&value: &f32| if most > 0.0 && most.is_finite() { value.max(0.0) / most } else { 0.0 };
        let rows = places.len() / columns.max(1);
        Self { columns, rows, values: places.iter().map(share).collect() }
    }

    /// The values at every pair of these places, row by row, with smooth passages between them. 0 is the left or upper
    /// edge of the map, 1 the other one.
    pub fn stretched(&self, across: &[f64], down: &[f64]) -> Vec<f32> {
        let lines = self.values.chunks_exact(self.columns.max(1));
        let wide: Vec<Vec<f32>> = lines
            .map(|line| across.iter().map(|&place| smooth(place, self.columns, |n| line[n])).collect())
            .collect();
        let value = |row: f64, column: usize| smooth(row, wide.len(), |n| wide[n][column]);
        down.iter()
            .flat_map(|&row| (0..across.len()).map(move |column| (row, column)))
            .map(|(r, c)| value(r, c))
            .collect()
    }
}

/// A cubic through `count` values at the middles of equal stretches of 0 to 1 (Catmull and Rom 1974); the outermost
/// values go on beyond the edges.
fn smooth(place: f64, count: usize, value: impl Fn(usize) -> f32) -> f32 {
    if count == 0 || place.is_nan() {
        return 0.0;
    }
    let at = place.clamp(0.0, 1.0) * count as f64 - 0.5;
    let (first, t) = (at.floor(), (at - at.floor()) as f32);
    let near = |step: f64| value((first + step).clamp(0.0, count as f64 - 1.0) as usize);
    let [a, b, c, d] = [near(-1.0), near(0.0), near(1.0), near(2.0)];
    let cubic = b + 0.5 * t * (c - a + t * (2.0 * a - 5.0 * b + 4.0 * c - d + t * (3.0 * (b - c) + d - a)));
    // It swings over where values change suddenly.
    cubic.clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heat_is_a_share_of_the_hottest_place() {
        let check = |places: &[f32], expected: &[f32]| {
            let heat = HeatMap::new(places, 2);
            assert_eq!((heat.columns, heat.rows, &heat.values[..]), (2, places.len() / 2, expected));
        };
        check(&[1.0, -3.0, 4.0, 0.0], &[0.25, 0.0, 1.0, 0.0]);
        check(&[-1.0, -2.0], &[0.0, 0.0]);
        check(&[f32::NAN, 2.0], &[0.0, 1.0]);
        check(&[f32::INFINITY, 2.0], &[0.0, 0.0]);
        check(&[], &[]);
    }

    #[test]
    fn every_class_has_its_own_places() {
        let evidence = Evidence::new(vec![0.1, 0.7], vec![1.0, 0.0, 0.0, 0.0, 0.0, 2.0, 1.0, 0.0], 2);
        assert_eq!(evidence.predicted(), 1);
        assert_eq!(evidence.heat(0).values, [1.0, 0.0, 0.0, 0.0]);
        assert_eq!(evidence.heat(1).values, [0.0, 1.0, 0.5, 0.0]);
        assert_eq!(evidence.heat(9).values, [0.0; 0]);
    }

    #[test]
    fn a_stretched_map_goes_smoothly_through_its_values() {
        let heat = HeatMap::new(&[0.0, 1.0, 2.0, 3.0, 4.0, 4.0], 3);
        let [across, down] =
            [3, 2].map(|count| (0..count).map(|n| (n as f64 + 0.5) / f64::from(count)).collect::<Vec<_>>());
        assert_eq!(heat.stretched(&across, &down), heat.values);
        // Halfway between four values on a line; SciPy's CubicHermiteSpline with the slopes of Catmull and Rom says so too.
        let line = HeatMap::new(&[0.0, 1.0, 0.0, 0.0], 4);
        assert_eq!(line.stretched(&[0.5], &[0.5]), [0.5625]);
        let beyond = line.stretched(&[-9.0, 9.0, f64::NAN], &[0.5]);
        assert!(beyond.iter().all(|value| (0.0..=1.0).contains(value)), "{beyond:?}");
    }
}
