//! One picture: which flowers stand where, what is behind and before them, and the light. Everything
//! but the heads' form is drawn from the same distributions for every kind.

use std::f32::consts::{PI, TAU};

use image::RgbImage;
use tiny_skia::{Pixmap, Point};

use super::Kind;
use super::camera::{expose, layer};
use super::foliage::{Leaf, grass, stem};
use super::hand::Hand;
use super::head::{Head, glow};
use super::palette::{Coat, Tint, leaf};
use super::pose::{Pose, Vec3, light};
use super::{background, daisy, dandelion, rose, sunflower, tulip};
use crate::chance::Key;

pub fn picture(kind: Kind, key: Key, mut canvas: Pixmap) -> RgbImage {
    let hand = |name| Hand::new(key.named(name));
    background::paint(&mut canvas, &mut hand("background"));
    Bed::plant(kind, key.named("bed"), &canvas).paint(&mut canvas);
    foreground(&mut canvas, &mut hand("foreground"));
    expose(canvas, &mut hand("camera"))
}

/// A flower with its place in the picture.
struct Flower {
    head: Head,
    pose: Pose,
    coat: Coat,
    green: Tint,
    stem: Hand,
}

/// Small flowers out of focus behind, one to three sharp ones in front.
struct Bed {
    behind: Vec<Flower>,
    sigma: f32,
    before: Vec<Flower>,
}

impl Bed {
    fn plant(kind: Kind, key: Key, canvas: &Pixmap) -> Self {
        let hand = &mut Hand::new(key);
        let (coat, green, light) = (Coat::pick(hand), leaf(hand), light(hand));
        let behind = hand.pick(&[0, 0, 0, 1, 2, 3]);
        let before = hand.pick(&[1, 1, 1, 1, 2, 2, 3]);
        let main = hand.between(0.25, 0.38);
        let mut places: Vec<Point> = Vec::new();
        let mut flowers: Vec<Flower> = (0..before + behind)
            .map(|i| {
                // The main flower stands nearest the middle.
                let (size, room) = match i {
                    0 => (main, 0.42),
                    _ if i < before => (main * hand.between(0.5, 0.85), 0.9),
                    _ => (main * hand.between(0.35, 0.6), 0.95),
                };
                let place = place(hand, canvas, room, &places);
                places.push(place);
                let head = grow(kind, hand);
                let pose = face(&head, hand, light);
                // Equal areas, not equal widths: a cup and a globe cover as much as a disc.
                let radius = size * canvas.height() as f32;
                let scale = radius * (PI / head.area(&pose).max(0.2)).sqrt();
                Flower {
                    head,
                    pose: pose.at(place.x, place.y, scale),
                    coat: coat.vary(hand),
                    green: green.lit(hand.between(0.8, 1.2)),
                    stem: Hand::new(key.named("stem").with(i as u64)),
                }
            })
            .collect();
        let behind = flowers.split_off(before);
        // The main flower is painted last.
        flowers.reverse();
        Self { behind, sigma: hand.between(1.5, 3.5), before: flowers }
    }

    fn paint(self, canvas: &mut Pixmap) {
        if !self.behind.is_empty() {
            layer(canvas, self.sigma, |sheet| self.behind.into_iter().for_each(|flower| flower.paint(sheet)));
        }
        self.before.into_iter().for_each(|flower| flower.paint(canvas));
    }
}

impl Flower {
    fn paint(mut self, canvas: &mut Pixmap) {
        let neck = self.pose.project([0.0, 0.0, self.head.neck]);
        let (height, scale) = (canvas.height() as f32, self.pose.scale);
        let foot =
            Point::from_xy(neck.x + self.stem.around(0.25) * height, neck.y.max(0.6 * height) + 0.7 * height);
        let width = (0.09 * scale).clamp(2.0, 9.0);
        stem(canvas, &mut self.stem, neck, foot, width, self.green);
        let light = self.pose.light();
        let shadow = Point::from_xy(
            self.pose.centre.x - 0.2 * scale * light[0],
            self.pose.centre.y - 0.2 * scale * light[1],
        );
        glow(canvas, shadow, 1.15 * scale, Tint([0.02, 0.03, 0.02]).color(0.3));
        self.head.paint(canvas, &self.pose, &self.coat);
    }
}

fn grow(kind: Kind, hand: &mut Hand) -> Head {
    match kind {
        Kind::Daisy => daisy::grow(hand),
        Kind::Dandelion => dandelion::grow(hand),
        Kind::Rose => rose::grow(hand),
        Kind::Sunflower => sunflower::grow(hand),
        Kind::Tulip => tulip::grow(hand),
    }
}

/// Turns a head: those seen from the side stand about upright, others lean anywhere.
fn face(head: &Head, hand: &mut Hand, light: Vec3) -> Pose {
    let tilt = hand.between(head.tilt.0, head.tilt.1);
    let lean = if head.tilt.0 > 0.5 { hand.around(0.45) } else { hand.around(PI) };
    Pose::new(tilt, lean, hand.between(0.0, TAU), light)
}

/// Of a few random places, the one farthest from the flowers that are there already.
fn place(hand: &mut Hand, canvas: &Pixmap, room: f32, taken: &[Point]) -> Point {
    let (w, h) = (canvas.width() as f32, canvas.height() as f32);
    let tries: Vec<Point> = (0..5)
        .map(|_| Point::from_xy(w * (0.5 + hand.around(0.5 * room)), h * (0.47 + hand.around(0.4 * room))))
        .collect();
    let distance = |p: &Point| taken.iter().map(|other| (*other - *p).length()).fold(f32::INFINITY, f32::min);
    let farthest = tries.iter().max_by(|a, b| distance(a).total_cmp(&distance(b)));
    farthest.copied().unwrap_or(Point::from_xy(0.5 * w, 0.5 * h))
}

/// Now and then a few blades of grass or a leaf in front, out of focus.
fn foreground(canvas: &mut Pixmap, hand: &mut Hand) {
    let tint = leaf(hand);
    let sigma = hand.between(0.8, 3.0);
    let blades = if hand.chance(0.35) { hand.count(2, 7) } else { 0 };
    let leaf = hand.chance(0.25).then(|| intruder(canvas, hand));
    if blades == 0 && leaf.is_none() {
        return;
    }
    layer(canvas, sigma, |sheet| {
        grass(sheet, hand, blades, (0.3, 0.8), tint);
        leaf.iter().for_each(|leaf| leaf.paint(sheet, tint));
    });
}

/// A leaf that reaches into the picture from one side.
fn intruder(canvas: &Pixmap, hand: &mut Hand) -> Leaf {
    let (w, h) = (canvas.width() as f32, canvas.height() as f32);
    let (x, side) = hand.pick(&[(-0.05 * w, 1.0), (1.05 * w, -1.0)]);
    let length = h * hand.between(0.35, 0.7);
    Leaf {
        foot: Point::from_xy(x, h * hand.between(0.3, 1.0)),
        angle: side * hand.between(0.6, 1.7),
        bend: hand.around(0.7),
        length,
        width: length * hand.between(0.08, 0.16),
    }
}
