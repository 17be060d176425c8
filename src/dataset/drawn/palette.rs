//! Colours: the tints that petals, leaves and grounds are drawn in. All kinds of flowers take theirs
//! from the same lists, so that colour never tells a kind.

use tiny_skia::Color;

use super::hand::Hand;

/// An opaque colour, red, green and blue from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tint(pub [f32; 3]);

impl Tint {
    /// From hue in degrees, saturation and value (Smith 1978).
    pub fn hsv(hue: f32, saturation: f32, value: f32) -> Self {
        let channel = |shift: f32| {
            let k = (shift + hue / 60.0).rem_euclid(6.0);
            value * (1.0 - saturation * k.min(4.0 - k).clamp(0.0, 1.0))
        };
        Self([channel(5.0), channel(3.0), channel(1.0)])
    }

    pub fn mix(self, other: Self, share: f32) -> Self {
        Self(std::array::from_fn(|i| self.0[i] + (other.0[i] - self.0[i]) * share))
    }

    pub fn lit(self, brightness: f32) -> Self {
        Self(self.0.map(|v| v * brightness))
    }

    pub fn color(self, alpha: f32) -> Color {
        let [r, g, b] = self.0.map(|v| v.clamp(0.0, 1.0));
        Color::from_rgba(r, g, b, alpha.clamp(0.0, 1.0)).unwrap_or(Color::BLACK)
    }

    fn distance(self, other: Self) -> f32 {
        self.0.iter().zip(other.0).map(|(a, b)| (a - b).abs()).sum()
    }
}

/// The colours of one flower.
#[derive(Debug, Clone, Copy)]
pub struct Coat {
    pub petal: Tint,
    /// The disc where a flower shows one; otherwise the petals' feet or the inner petals.
    pub heart: Tint,
    /// How far along a petal the heart's colour reaches.
    pub reach: f32,
}

impl Coat {
    pub const BLACK: Self = Self { petal: Tint([0.0; 3]), heart: Tint([0.0; 3]), reach: 0.0 };

    pub fn pick(hand: &mut Hand) -> Self {
        let petal = bloom(hand);
        let mut heart = bloom(hand);
        // A few tries suffice: two colours that can be told apart.
        for _ in 0..8 {
            if petal.distance(heart) > 0.5 {
                break;
            }
            heart = bloom(hand).lit(0.85);
        }
        Self { petal, heart, reach: hand.between(0.05, 0.6) }
    }

    /// The same flower's neighbour: a little different.
    pub fn vary(self, hand: &mut Hand) -> Self {
        let shift = Tint(std::array::from_fn(|_| hand.between(0.0, 1.0)));
        Self { petal: self.petal.mix(shift, 0.08), heart: self.heart.mix(shift, 0.08), ..self }
    }
}

/// Hue, saturation and value ranges of petals.
const BLOOMS: [[(f32, f32); 3]; 8] = [
    [(40.0, 70.0), (0.02, 0.14), (0.90, 1.00)],   // white
    [(46.0, 56.0), (0.65, 0.95), (0.90, 1.00)],   // yellow
    [(26.0, 40.0), (0.70, 0.95), (0.88, 1.00)],   // orange
    [(-8.0, 8.0), (0.72, 0.95), (0.65, 0.90)],    // red
    [(330.0, 350.0), (0.25, 0.55), (0.85, 1.00)], // pink
    [(305.0, 330.0), (0.50, 0.85), (0.60, 0.90)], // magenta
    [(255.0, 290.0), (0.30, 0.65), (0.60, 0.90)], // violet
    [(8.0, 28.0), (0.35, 0.60), (0.90, 1.00)],    // apricot
];

fn bloom(hand: &mut Hand) -> Tint {
    let ranges = hand.pick(&BLOOMS);
    within(hand, ranges)
}

pub fn leaf(hand: &mut Hand) -> Tint {
    within(hand, [(75.0, 140.0), (0.30, 0.70), (0.25, 0.60)])
}

/// Hue, saturation and value ranges of what lies behind flowers.
const GROUNDS: [[(f32, f32); 3]; 6] = [
    [(70.0, 140.0), (0.25, 0.65), (0.20, 0.60)],  // leaves and lawn
    [(80.0, 150.0), (0.30, 0.70), (0.08, 0.25)],  // deep shade
    [(20.0, 42.0), (0.25, 0.55), (0.25, 0.60)],   // soil and straw
    [(195.0, 220.0), (0.15, 0.55), (0.60, 0.95)], // sky
    [(20.0, 60.0), (0.02, 0.15), (0.35, 0.85)],   // stone and wall
    [(300.0, 420.0), (0.15, 0.45), (0.30, 0.70)], // other flowers, far off
];

pub fn ground(hand: &mut Hand) -> Tint {
    // Green is the commonest background of flowers.
    let ranges = if hand.chance(0.35) { GROUNDS[0] } else { hand.pick(&GROUNDS) };
    within(hand, ranges)
}

fn within(hand: &mut Hand, ranges: [(f32, f32); 3]) -> Tint {
    let [h, s, v] = ranges.map(|(low, high)| hand.between(low, high));
    Tint::hsv(h, s, v)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hsv_gives_the_named_colours() {
        let check = |hsv: [f32; 3], expected: [f32; 3]| {
            let Tint(found) = Tint::hsv(hsv[0], hsv[1], hsv[2]);
            for (a, b) in found.iter().zip(expected) {
                assert!((a - b).abs() < 1e-5, "{hsv:?}: {found:?}");
            }
        };
        // CSS Color Module Level 3: red, yellow, blue, orchid-like half tones, wrap-around.
        check([0.0, 1.0, 1.0], [1.0, 0.0, 0.0]);
        check([60.0, 1.0, 1.0], [1.0, 1.0, 0.0]);
        check([240.0, 1.0, 1.0], [0.0, 0.0, 1.0]);
        check([-60.0, 0.5, 0.8], [0.8, 0.4, 0.8]);
        check([420.0, 0.0, 0.3], [0.3, 0.3, 0.3]);
    }
}
