//! Where a flower head stands, how it is turned and how light falls on it: from the head's own three
//! dimensions (axis along z, radius about 1) to the picture. Draws nothing.

use std::f32::consts::TAU;

use tiny_skia::Point;

use super::hand::Hand;

pub type Vec3 = [f32; 3];

#[derive(Debug, Clone, Copy)]
pub struct Pose {
    /// The head's axes in the viewer's frame: x right, y down, z towards the viewer.
    axes: [Vec3; 3],
    pub centre: Point,
    pub scale: f32,
    light: Vec3,
}

/// The viewer's distance in head radii: near enough for a little perspective.
const DISTANCE: f32 = 7.0;

impl Pose {
    /// `tilt` leans the axis away from the viewer, in the direction `lean` (0 is up in the picture,
    /// clockwise); `spin` turns the head round its own axis.
    pub fn new(tilt: f32, lean: f32, spin: f32, light: Vec3) -> Self {
        let (st, ct) = tilt.sin_cos();
        let (sl, cl) = lean.sin_cos();
        let axis = [st * sl, -st * cl, ct];
        let across = [cl, sl, 0.0];
        let along = cross(axis, across);
        let (ss, cs) = spin.sin_cos();
        let x = add(scaled(across, cs), scaled(along, ss));
        let y = add(scaled(across, -ss), scaled(along, cs));
        Self { axes: [x, y, axis], centre: Point::zero(), scale: 1.0, light }
    }

    pub fn at(self, x: f32, y: f32, scale: f32) -> Self {
        Self { centre: Point::from_xy(x, y), scale, ..self }
    }

    /// Into the viewer's frame.
    fn turn(&self, v: Vec3) -> Vec3 {
        let [x, y, z] = self.axes;
        add(add(scaled(x, v[0]), scaled(y, v[1])), scaled(z, v[2]))
    }

    pub fn project(&self, v: Vec3) -> Point {
        let [x, y, z] = self.turn(v);
        let near = self.scale * DISTANCE / (DISTANCE - z.clamp(-2.0, 2.0));
        Point::from_xy(self.centre.x + x * near, self.centre.y + y * near)
    }

    /// How close to the viewer a point is; what is closer is painted later.
    pub fn nearness(&self, v: Vec3) -> f32 {
        self.turn(v)[2]
    }

    /// The brightness of a thin surface with this normal: what faces the light is lit, what is turned
    /// from it glows a little.
    pub fn brightness(&self, normal: Vec3) -> f32 {
        let n = self.turn(normal);
        let facing = if n[2] < 0.0 { -1.0 } else { 1.0 };
        let lambert = facing * dot(n, self.light);
        0.66 + if lambert > 0.0 { 0.44 * lambert } else { 0.16 * lambert }
    }

    /// The light's direction in the picture.
    pub fn light(&self) -> Vec3 {
        self.light
    }
}

/// Light from anywhere on the viewer's side, mostly from above.
pub fn light(hand: &mut Hand) -> Vec3 {
    let azimuth = hand.between(0.0, TAU);
    let slant = hand.between(0.3, 1.15);
    let (x, y) = (slant.sin() * azimuth.cos(), slant.sin() * azimuth.sin() - 0.35);
    unit([x, y, slant.cos()])
}

pub fn add(a: Vec3, b: Vec3) -> Vec3 {
    std::array::from_fn(|i| a[i] + b[i])
}

pub fn scaled(a: Vec3, by: f32) -> Vec3 {
    a.map(|v| v * by)
}

pub fn dot(a: Vec3, b: Vec3) -> f32 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

pub fn cross(a: Vec3, b: Vec3) -> Vec3 {
    [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}

pub fn unit(a: Vec3) -> Vec3 {
    let length = dot(a, a).sqrt();
    if length > 1e-9 { scaled(a, 1.0 / length) } else { [0.0, 0.0, 1.0] }
}
