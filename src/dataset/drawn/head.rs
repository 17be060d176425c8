//! A flower head: its parts in three dimensions, painted from the farthest to the nearest. What parts
//! a kind has is said in that kind's own file.

use tiny_skia::{
    Color, FillRule, GradientStop, Paint, PathBuilder, Pixmap, Point, RadialGradient, Shader, SpreadMode,
    Stroke, Transform,
};

use super::palette::{Coat, Tint};
use super::petal::Petal;
use super::pose::{Pose, Vec3, add, cross, scaled, unit};

#[derive(Debug, Clone)]
pub enum Part {
    Petal(Petal),
    /// One of the many small knobs of a disc; `ripe` is the petal colour's share in it.
    Floret {
        at: Vec3,
        size: f32,
        tone: f32,
        ripe: f32,
    },
    /// A seed on its stalk with a parasol of hairs.
    Tuft {
        root: Vec3,
        tip: Vec3,
        hairs: usize,
        spread: f32,
    },
}

#[derive(Debug, Clone, Default)]
pub struct Head {
    pub parts: Vec<Part>,
    /// How far the head may lean from the viewer: least and most, in radians.
    pub tilt: (f32, f32),
    /// Where the stem meets the head, on its axis.
    pub neck: f32,
}

impl Head {
    pub fn paint(&self, canvas: &mut Pixmap, pose: &Pose, coat: &Coat) {
        let mut order: Vec<&Part> = self.parts.iter().collect();
        order.sort_by(|a, b| a.nearness(pose).total_cmp(&b.nearness(pose)));
        order.iter().for_each(|part| part.paint(canvas, pose, coat));
    }

    /// The picture area that the head covers at scale 1 in this pose.
    pub fn area(&self, pose: &Pose) -> f32 {
        const SIDE: u32 = 96;
        const SCALE: f32 = 24.0;
        let Some(mut canvas) = Pixmap::new(SIDE, SIDE) else { return 1.0 };
        let middle = SIDE as f32 / 2.0;
        let pose = pose.at(middle, middle, SCALE);
        self.parts.iter().for_each(|part| part.paint_silhouette(&mut canvas, &pose));
        let covered: u32 = canvas.pixels().iter().map(|p| u32::from(p.alpha())).sum();
        covered as f32 / 255.0 / (SCALE * SCALE)
    }
}

impl Part {
    fn nearness(&self, pose: &Pose) -> f32 {
        match self {
            Self::Petal(petal) => petal.nearness(pose),
            Self::Floret { at, .. } => pose.nearness(*at),
            Self::Tuft { root, tip, .. } => pose.nearness(add(scaled(*root, 0.3), scaled(*tip, 0.7))),
        }
    }

    fn paint(&self, canvas: &mut Pixmap, pose: &Pose, coat: &Coat) {
        match *self {
            Self::Petal(petal) => petal.paint(canvas, pose, coat),
            Self::Floret { at, size, tone, ripe } => {
                paint_floret(canvas, pose, at, size, coat.heart.mix(coat.petal, ripe).lit(tone));
            }
            Self::Tuft { root, tip, hairs, spread } => {
                paint_tuft(canvas, pose, coat, [root, tip], hairs, spread);
            }
        }
    }

    fn paint_silhouette(&self, canvas: &mut Pixmap, pose: &Pose) {
        match self {
            Self::Petal(petal) => petal.paint_silhouette(canvas, pose),
            Self::Floret { at, size, .. } => disc(canvas, pose.project(*at), size * pose.scale, Color::BLACK),
            Self::Tuft { .. } => self.paint(canvas, pose, &Coat::BLACK),
        }
    }
}

/// A dark knob with a bright cap on the side of the light.
fn paint_floret(canvas: &mut Pixmap, pose: &Pose, at: Vec3, size: f32, tint: Tint) {
    let (p, r, light) = (pose.project(at), size * pose.scale, pose.light());
    let lit = pose.brightness(unit(add(at, [0.0, 0.0, 1.0])));
    disc(canvas, p, r, tint.lit(0.55 * lit).color(1.0));
    let cap = Point::from_xy(p.x + 0.3 * r * light[0], p.y + 0.3 * r * light[1]);
    disc(canvas, cap, 0.62 * r, tint.lit(1.12 * lit).color(1.0));
}

fn disc(canvas: &mut Pixmap, at: Point, radius: f32, color: Color) {
    let Some(path) = PathBuilder::from_circle(at.x, at.y, radius.max(0.3)) else { return };
    let paint = Paint { shader: Shader::SolidColor(color), ..Paint::default() };
    canvas.fill_path(&path, &paint, FillRule::Winding, Transform::identity(), None);
}

fn paint_tuft(canvas: &mut Pixmap, pose: &Pose, coat: &Coat, ends: [Vec3; 2], hairs: usize, spread: f32) {
    let [root, tip] = ends;
    let axis = unit(add(tip, scaled(root, -1.0)));
    let side = unit(cross(axis, if axis[2].abs() < 0.9 { [0.0, 0.0, 1.0] } else { [1.0, 0.0, 0.0] }));
    let other = cross(axis, side);
    let light = pose.brightness(axis);
    let mut stalk = PathBuilder::new();
    push_line(&mut stalk, pose.project(root), pose.project(tip));
    stroke(canvas, stalk, coat.heart.mix(coat.petal, 0.5).lit(0.8 * light).color(0.55), 0.016 * pose.scale);
    let mut parasol = PathBuilder::new();
    for hair in 0..hairs {
        let (s, c) = (std::f32::consts::TAU * hair as f32 / hairs as f32).sin_cos();
        let out = add(scaled(side, c * spread), scaled(other, s * spread));
        let end = add(add(tip, out), scaled(axis, 0.45 * spread));
        push_line(&mut parasol, pose.project(tip), pose.project(end));
    }
    stroke(canvas, parasol, coat.petal.lit(1.15 * light).color(0.8), 0.016 * pose.scale);
}

fn push_line(path: &mut PathBuilder, from: Point, to: Point) {
    path.move_to(from.x, from.y);
    path.line_to(to.x, to.y);
}

fn stroke(canvas: &mut Pixmap, path: PathBuilder, color: Color, width: f32) {
    let Some(path) = path.finish() else { return };
    let paint = Paint { shader: Shader::SolidColor(color), ..Paint::default() };
    canvas.stroke_path(&path, &paint, &Stroke { width, ..Stroke::default() }, Transform::identity(), None);
}

/// A round patch that fades outwards: shadows and light out of focus.
pub fn glow(canvas: &mut Pixmap, at: Point, radius: f32, color: Color) {
    let Some(path) = PathBuilder::from_circle(at.x, at.y, radius) else { return };
    let mut faded = color;
    faded.set_alpha(0.0);
    let stops = vec![GradientStop::new(0.0, color), GradientStop::new(1.0, faded)];
    let shader = RadialGradient::new(at, 0.0, at, radius, stops, SpreadMode::Pad, Transform::identity());
    let Some(shader) = shader else { return };
    let paint = Paint { shader, ..Paint::default() };
    canvas.fill_path(&path, &paint, FillRule::Winding, Transform::identity(), None);
}
