//! One petal as a curved surface in the head's three dimensions, and how it is painted: in nested
//! strips, each with a gradient along the petal that follows the light.

use std::f32::consts::PI;

use tiny_skia::{
    FillRule, GradientStop, LinearGradient, Paint, Path, PathBuilder, Pixmap, Point, Shader, SpreadMode,
    Stroke, Transform,
};

use super::palette::{Coat, Tint};
use super::pose::{Pose, Vec3, add, cross, scaled, unit};

#[derive(Debug, Clone, Copy)]
pub struct Petal {
    /// Direction round the head's axis, and where the foot stands: distance from the axis and height.
    pub azimuth: f32,
    pub start: f32,
    pub height: f32,
    /// Angle above the flower's plane at the foot, and how much it changes up to the tip.
    pub rise: f32,
    pub curl: f32,
    pub length: f32,
    /// Half the greatest width.
    pub width: f32,
    /// Exponents of the outline at foot and tip: small is blunt, 1 is pointed.
    pub foot: f32,
    pub tip: f32,
    /// How far the edges follow a circle round the axis: 0 is flat.
    pub wrap: f32,
    /// How far the edges are lifted.
    pub cup: f32,
    /// How wavy the rim is.
    pub ruffle: f32,
    /// Brightness of this petal, and how much darker its foot lies.
    pub tone: f32,
    pub shade: f32,
    /// Moves the colour's change along the petal.
    pub blush: f32,
    /// Strips to shade across, and lines along.
    pub strips: usize,
    pub veins: usize,
}

impl Default for Petal {
    fn default() -> Self {
        Self {
            azimuth: 0.0,
            start: 0.0,
            height: 0.0,
            rise: 0.0,
            curl: 0.0,
            length: 1.0,
            width: 0.1,
            foot: 0.5,
            tip: 0.5,
            wrap: 0.0,
            cup: 0.0,
            ruffle: 0.0,
            tone: 1.0,
            shade: 0.3,
            blush: 0.0,
            strips: 3,
            veins: 0,
        }
    }
}

/// Points along an edge.
const STEPS: usize = 12;

impl Petal {
    /// The point at `t` along (0 is the foot) and `v` across (-1 to 1).
    pub fn point(&self, t: f32, v: f32) -> Vec3 {
        let (sa, ca) = self.azimuth.sin_cos();
        let (radial, tangent) = ([ca, sa, 0.0], [-sa, ca, 0.0]);
        let (out, up) = self.spine(t);
        let across = v * self.width * self.outline(t);
        let ring = out.max(0.12) / self.wrap.max(1e-3);
        let angle = (across / ring).clamp(-PI, PI);
        let slope = self.rise + self.curl * t;
        let wave = self.ruffle * (9.0 * t + 7.0 * v + 5.0 * self.azimuth).sin() * v * v;
        let lift = self.cup * v * across + wave * self.width;
        let out = out - ring * (1.0 - angle.cos()) - lift * slope.sin();
        add(
            add(scaled(radial, out), scaled(tangent, ring * angle.sin())),
            [0.0, 0.0, up + lift * slope.cos()],
        )
    }

    /// Distance from the axis and height of the middle line: the integral of the slope's direction.
    fn spine(&self, t: f32) -> (f32, f32) {
        let end = self.rise + self.curl * t;
        let (out, up) = if self.curl.abs() < 1e-3 {
            (t * self.rise.cos(), t * self.rise.sin())
        } else {
            ((end.sin() - self.rise.sin()) / self.curl, (self.rise.cos() - end.cos()) / self.curl)
        };
        (self.start + self.length * out, self.height + self.length * up)
    }

    /// Width at `t` as a share of the greatest.
    fn outline(&self, t: f32) -> f32 {
        let peak = self.foot / (self.foot + self.tip);
        let shape = |t: f32| t.powf(self.foot) * (1.0 - t).powf(self.tip);
        shape(t.clamp(0.0, 1.0)) / shape(peak)
    }

    fn normal(&self, t: f32, v: f32) -> Vec3 {
        let difference = |a: Vec3, b: Vec3| add(a, scaled(b, -1.0));
        let along = difference(self.point(t + 0.04, v), self.point(t - 0.04, v));
        let across = difference(self.point(t, v + 0.1), self.point(t, v - 0.1));
        unit(cross(along, across))
    }

    pub fn nearness(&self, pose: &Pose) -> f32 {
        pose.nearness(self.point(0.55, 0.0))
    }

    pub fn paint(&self, canvas: &mut Pixmap, pose: &Pose, coat: &Coat) {
        self.paint_shadow(canvas, pose);
        for strip in 0..self.strips {
            let width = 2.0 / self.strips as f32;
            let v = width * strip as f32 - 1.0;
            let middle = v + 0.5 * width;
            // Each strip reaches under the next, so that no seam shows between them.
            if let Some(path) = self.portion(pose, v, (v + 2.0 * width).min(1.0)) {
                fill(canvas, &path, self.gradient(pose, coat, middle));
            }
        }
        self.paint_lines(canvas, pose, coat);
    }

    /// A dark rim just outside, as the petal's shadow on what lies below.
    fn paint_shadow(&self, canvas: &mut Pixmap, pose: &Pose) {
        let Some(path) = self.portion(pose, -1.0, 1.0) else { return };
        let paint = Paint { shader: Shader::SolidColor(Tint([0.0; 3]).color(0.16)), ..Paint::default() };
        let width = (0.035 * pose.scale).min(3.0);
        let light = pose.light();
        let away = Transform::from_translate(-light[0] * width * 0.8, -light[1] * width * 0.8);
        canvas.stroke_path(&path, &paint, &Stroke { width, ..Stroke::default() }, away, None);
    }

    /// The whole petal in one colour.
    pub fn paint_silhouette(&self, canvas: &mut Pixmap, pose: &Pose) {
        if let Some(path) = self.portion(pose, -1.0, 1.0) {
            fill(canvas, &path, Shader::SolidColor(tiny_skia::Color::BLACK));
        }
    }

    /// The petal between two lines along it.
    fn portion(&self, pose: &Pose, low: f32, high: f32) -> Option<Path> {
        let mut path = PathBuilder::with_capacity(2 * STEPS + 3, 2 * STEPS + 3);
        let foot = pose.project(self.point(0.0, low));
        path.move_to(foot.x, foot.y);
        let there = (1..=STEPS).map(|step| (step, low));
        let back = (0..STEPS).rev().map(|step| (step, high));
        for (step, v) in there.chain(back) {
            let p = pose.project(self.point(along(step), v));
            path.line_to(p.x, p.y);
        }
        path.close();
        path.finish()
    }

    fn gradient(&self, pose: &Pose, coat: &Coat, v: f32) -> Shader<'static> {
        let ends = [0.02, 0.98].map(|t| pose.project(self.point(t, v)));
        let stop = |t| (t, self.tint(pose, coat, t, v));
        // On a ray of a pixel or two, nobody sees what lies between.
        if self.width * pose.scale < 3.0 {
            gradient(ends, &[0.1, 0.8].map(stop))
        } else {
            gradient(ends, &[0.05, 0.35, 0.65, 0.95].map(stop))
        }
    }

    fn tint(&self, pose: &Pose, coat: &Coat, t: f32, v: f32) -> Tint {
        let edge = (coat.reach + self.blush).max(0.02);
        let share = ((t - 0.5 * edge) / edge).clamp(0.0, 1.0);
        let foot = 1.0 - self.shade * (1.0 - t).powi(2);
        coat.heart.mix(coat.petal, share).lit(self.tone * foot * pose.brightness(self.normal(t, v)))
    }

    /// Veins along the petal, and a fine line of light on its rim.
    fn paint_lines(&self, canvas: &mut Pixmap, pose: &Pose, coat: &Coat) {
        for vein in 0..self.veins {
            let v = 1.6 * (vein as f32 + 0.5) / self.veins as f32 - 0.8;
            let tint = self.tint(pose, coat, 0.5, v).lit(0.7);
            self.line(canvas, pose, (0.04, 0.86), v, tint.color(0.35));
        }
        if self.width * pose.scale > 5.0 {
            let rim = self.tint(pose, coat, 0.8, 0.9).lit(1.15);
            self.line(canvas, pose, (0.3, 1.0), 1.0, rim.color(0.5));
            self.line(canvas, pose, (0.3, 1.0), -1.0, rim.color(0.5));
        }
    }

    fn line(&self, canvas: &mut Pixmap, pose: &Pose, ends: (f32, f32), v: f32, color: tiny_skia::Color) {
        let mut path = PathBuilder::new();
        for step in 0..=STEPS {
            let t = ends.0 + (ends.1 - ends.0) * along(step);
            let p = pose.project(self.point(t, v));
            if step == 0 { path.move_to(p.x, p.y) } else { path.line_to(p.x, p.y) }
        }
        let Some(path) = path.finish() else { return };
        let paint = Paint { shader: Shader::SolidColor(color), ..Paint::default() };
        canvas.stroke_path(&path, &paint, &Stroke::default(), Transform::identity(), None);
    }
}

/// Steps lie closer together at both ends, where an outline bends most.
fn along(step: usize) -> f32 {
    0.5 - 0.5 * (PI * step as f32 / STEPS as f32).cos()
}

pub fn fill(canvas: &mut Pixmap, path: &Path, shader: Shader) {
    let paint = Paint { shader, ..Paint::default() };
    canvas.fill_path(path, &paint, FillRule::Winding, Transform::identity(), None);
}

/// A gradient between two points; one colour where they fall together.
pub fn gradient(ends: [Point; 2], stops: &[(f32, Tint)]) -> Shader<'static> {
    let middle = stops.get(stops.len() / 2).map_or(Tint([0.5; 3]), |stop| stop.1);
    let flat = Shader::SolidColor(middle.color(1.0));
    if (ends[0] - ends[1]).length() < 1.0 {
        return flat;
    }
    let stops = stops.iter().map(|(t, tint)| GradientStop::new(*t, tint.color(1.0))).collect();
    LinearGradient::new(ends[0], ends[1], stops, SpreadMode::Pad, Transform::identity()).unwrap_or(flat)
}
