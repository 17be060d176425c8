//! Green things: leaves, blades of grass and stems, in the picture's plane.

use tiny_skia::{Paint, Path, PathBuilder, Pixmap, Point, Shader, Stroke, Transform};

use super::hand::Hand;
use super::palette::Tint;
use super::petal::{fill, gradient};

/// A leaf from its foot: direction (0 is up, clockwise), how far it turns on its way, half its width.
#[derive(Debug, Clone, Copy)]
pub struct Leaf {
    pub foot: Point,
    pub angle: f32,
    pub bend: f32,
    pub length: f32,
    pub width: f32,
}

const STEPS: usize = 10;

impl Leaf {
    pub fn paint(&self, canvas: &mut Pixmap, tint: Tint) {
        let spine: Vec<(Point, Point)> = (0..=STEPS).map(|step| self.spine(step)).collect();
        let ends = [spine[0].0, spine[STEPS].0];
        for (low, high, light) in [(-1.0, 1.0, 0.82), (0.0, 1.0, 1.08)] {
            let Some(path) = self.portion(&spine, low, high) else { continue };
            let stops = [(0.0, tint.lit(0.72 * light)), (1.0, tint.lit(1.18 * light))];
            fill(canvas, &path, gradient(ends, &stops));
        }
        if self.width > 4.0 {
            line(canvas, spine.iter().map(|(p, _)| *p), tint.lit(1.3), 1.2, 0.7);
        }
    }

    /// The point and the sideways direction after `step`.
    fn spine(&self, step: usize) -> (Point, Point) {
        let t = step as f32 / STEPS as f32;
        let chord = self.angle + 0.5 * self.bend * t;
        let reach = self.length * t * (1.0 - 0.06 * (self.bend * t).powi(2)).max(0.2);
        let at = Point::from_xy(self.foot.x + reach * chord.sin(), self.foot.y - reach * chord.cos());
        let (s, c) = (self.angle + self.bend * t).sin_cos();
        let width = self.width * 1.75 * t.powf(0.5) * (1.0 - t).powf(0.8);
        (at, Point::from_xy(c * width, s * width))
    }

    fn portion(&self, spine: &[(Point, Point)], low: f32, high: f32) -> Option<Path> {
        let mut path = PathBuilder::new();
        path.move_to(self.foot.x, self.foot.y);
        let there = spine.iter().map(|(p, side)| (p, side, low));
        let back = spine.iter().rev().map(|(p, side)| (p, side, high));
        for (p, side, v) in there.chain(back) {
            path.line_to(p.x + v * side.x, p.y + v * side.y);
        }
        path.close();
        path.finish()
    }
}

/// A stem from the neck of a head down to `foot`, with a leaf or two.
pub fn stem(canvas: &mut Pixmap, hand: &mut Hand, neck: Point, foot: Point, width: f32, tint: Tint) {
    let sway = hand.around(0.15) * (foot.y - neck.y);
    let middle = Point::from_xy(0.5 * (neck.x + foot.x) + sway, 0.5 * (neck.y + foot.y));
    let on = |t: f32| {
        let bezier = |a: f32, b: f32, c: f32| (1.0 - t) * (1.0 - t) * a + 2.0 * t * (1.0 - t) * b + t * t * c;
        Point::from_xy(bezier(neck.x, middle.x, foot.x), bezier(neck.y, middle.y, foot.y))
    };
    let points = || (0..=12).map(|i| on(i as f32 / 12.0));
    line(canvas, points(), tint.lit(0.65), width, 1.0);
    let lit = points().map(|p| Point::from_xy(p.x - 0.15 * width, p.y));
    line(canvas, lit, tint.lit(1.1), 0.45 * width, 0.9);
    for _ in 0..hand.count(0, 3) {
        let foot = on(hand.between(0.45, 1.0));
        let side = if hand.chance(0.5) { 1.0 } else { -1.0 };
        let length = width * hand.between(10.0, 22.0);
        let leaf = Leaf {
            foot,
            angle: side * hand.between(0.3, 1.2),
            bend: side * hand.between(-0.3, 1.0),
            length,
            width: length * hand.between(0.06, 0.17),
        };
        leaf.paint(canvas, tint.lit(hand.between(0.8, 1.2)));
    }
}

/// Blades of grass that rise from below the picture's lower edge.
pub fn grass(canvas: &mut Pixmap, hand: &mut Hand, count: usize, height: (f32, f32), tint: Tint) {
    let (w, h) = (canvas.width() as f32, canvas.height() as f32);
    for _ in 0..count {
        let length = h * hand.between(height.0, height.1);
        let blade = Leaf {
            foot: Point::from_xy(hand.between(-0.1, 1.1) * w, 1.04 * h),
            angle: hand.around(0.5),
            bend: hand.around(0.9),
            length,
            width: h * hand.between(0.008, 0.02),
        };
        blade.paint(canvas, tint.lit(hand.between(0.55, 1.35)));
    }
}

fn line(canvas: &mut Pixmap, points: impl Iterator<Item = Point>, tint: Tint, width: f32, alpha: f32) {
    let mut path = PathBuilder::new();
    for p in points {
        if path.is_empty() { path.move_to(p.x, p.y) } else { path.line_to(p.x, p.y) }
    }
    let Some(path) = path.finish() else { return };
    let paint = Paint { shader: Shader::SolidColor(tint.color(alpha)), ..Paint::default() };
    canvas.stroke_path(&path, &paint, &Stroke { width, ..Stroke::default() }, Transform::identity(), None);
}
