//! What lies behind the flowers: a wash of two colours, on it patches of light, grass, leaves or soil,
//! mostly out of focus.

use std::f32::consts::{PI, TAU};

use tiny_skia::{Pixmap, Point, PremultipliedColorU8, Rect, Transform};

use super::blur::blur;
use super::foliage::{Leaf, grass};
use super::hand::Hand;
use super::head::glow;
use super::palette::{Tint, ground, leaf};
use super::petal::gradient;

pub fn paint(canvas: &mut Pixmap, hand: &mut Hand) {
    wash(canvas, hand);
    let sigma = match hand.count(0, 4) {
        0 => {
            patches(canvas, hand);
            hand.between(0.0, 2.0)
        }
        1 => {
            let (count, tint) = (hand.count(40, 110), leaf(hand));
            grass(canvas, hand, count, (0.3, 1.2), tint);
            hand.between(0.8, 4.0)
        }
        2 => {
            leaves(canvas, hand);
            hand.between(0.8, 4.5)
        }
        3 => {
            soil(canvas, hand);
            hand.between(0.0, 2.0)
        }
        _ => {
            patches(canvas, hand);
            let (count, tint) = (hand.count(10, 40), leaf(hand));
            grass(canvas, hand, count, (0.15, 0.6), tint);
            hand.between(1.0, 5.0)
        }
    };
    blur(canvas, sigma);
}

fn wash(canvas: &mut Pixmap, hand: &mut Hand) {
    let (w, h) = (canvas.width() as f32, canvas.height() as f32);
    let first = ground(hand);
    let second = if hand.chance(0.5) { ground(hand) } else { first.lit(hand.between(0.5, 1.3)) };
    let (s, c) = hand.between(0.0, TAU).sin_cos();
    let end = |sign: f32| Point::from_xy(w * (0.5 + sign * 0.5 * s), h * (0.5 + sign * 0.5 * c));
    let shader = gradient([end(-1.0), end(1.0)], &[(0.0, first), (1.0, second)]);
    let paint = tiny_skia::Paint { shader, ..tiny_skia::Paint::default() };
    if let Some(all) = Rect::from_xywh(0.0, 0.0, w, h) {
        canvas.fill_rect(all, &paint, Transform::identity(), None);
    }
}

/// Discs of light out of focus.
fn patches(canvas: &mut Pixmap, hand: &mut Hand) {
    let (w, h) = (canvas.width() as f32, canvas.height() as f32);
    for _ in 0..hand.count(6, 26) {
        let at = Point::from_xy(hand.between(0.0, w), hand.between(0.0, h));
        let tint = ground(hand).lit(hand.between(0.7, 1.3));
        glow(canvas, at, h * hand.between(0.06, 0.35), tint.color(hand.between(0.2, 0.75)));
    }
}

fn leaves(canvas: &mut Pixmap, hand: &mut Hand) {
    let (w, h) = (canvas.width() as f32, canvas.height() as f32);
    let tint = leaf(hand);
    for _ in 0..hand.count(25, 60) {
        let length = h * hand.between(0.25, 0.6);
        let leaf = Leaf {
            foot: Point::from_xy(hand.between(-0.1, 1.1) * w, hand.between(0.0, 1.2) * h),
            angle: hand.around(PI),
            bend: hand.around(0.8),
            length,
            width: length * hand.between(0.08, 0.22),
        };
        leaf.paint(canvas, tint.mix(ground(hand), 0.15).lit(hand.between(0.4, 1.2)));
    }
}

/// Soil, gravel, plaster: noise of three sizes on the wash.
fn soil(canvas: &mut Pixmap, hand: &mut Hand) {
    let (w, h) = (canvas.width() as usize, canvas.height() as usize);
    let strength = hand.between(0.15, 0.5);
    let size = hand.between(0.5, 1.6);
    let layers = [3.0, 8.0, 30.0].map(|cell| cloud(hand, w, h, cell * size));
    for (i, pixel) in canvas.pixels_mut().iter_mut().enumerate() {
        let noise: f32 = layers.iter().map(|layer| layer[i]).sum();
        let c = pixel.demultiply();
        let tint = Tint([c.red(), c.green(), c.blue()].map(|v| f32::from(v) / 255.0));
        *pixel = opaque(tint.lit(1.0 + strength * noise));
    }
}

fn opaque(tint: Tint) -> PremultipliedColorU8 {
    tint.color(1.0).premultiply().to_color_u8()
}

/// Smooth noise from -1 to 1: random values on a grid of `cell` pixels, blended between.
fn cloud(hand: &mut Hand, width: usize, height: usize, cell: f32) -> Vec<f32> {
    let columns = (width as f32 / cell) as usize + 2;
    let rows = (height as f32 / cell) as usize + 2;
    let grid: Vec<f32> = (0..columns * rows).map(|_| hand.around(1.0)).collect();
    let ease = |t: f32| t * t * (3.0 - 2.0 * t);
    let mut values = Vec::with_capacity(width * height);
    for y in 0..height {
        let (row, v) = ((y as f32 / cell) as usize, ease((y as f32 / cell).fract()));
        for x in 0..width {
            let (column, u) = ((x as f32 / cell) as usize, ease((x as f32 / cell).fract()));
            let at = |r: usize, c: usize| grid[(row + r) * columns + column + c];
            let (upper, lower) = (at(0, 0) + u * (at(0, 1) - at(0, 0)), at(1, 0) + u * (at(1, 1) - at(1, 0)));
            values.push(upper + v * (lower - upper));
        }
    }
    values
}
