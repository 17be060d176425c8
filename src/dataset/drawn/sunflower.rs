//! Sunflowers: a large disc of florets in spirals, and two rings of pointed petals.

use std::f32::consts::TAU;

use super::hand::Hand;
use super::head::{Head, Part};
use super::petal::Petal;

pub fn grow(hand: &mut Hand) -> Head {
    let heart = hand.between(0.46, 0.6);
    let count = hand.count(14, 22);
    let shape = Ring {
        count,
        start: 0.92 * heart,
        rise: hand.between(0.0, 0.4),
        curl: hand.between(-0.5, 0.3),
        width: TAU * 0.75 / count as f32 * hand.between(0.5, 0.68),
        veins: hand.count(2, 3),
    };
    let turn = hand.between(0.0, TAU);
    let mut parts = shape.petals(hand, turn, 1.0 - heart, -0.06);
    let inner = Ring { rise: shape.rise + 0.18, ..shape };
    parts.extend(inner.petals(hand, turn + 0.5 * TAU / count as f32, 0.86 - heart, 0.0));
    let knobs = hand.count(260, 360);
    parts.extend(disc(hand, heart, 0.28, knobs));
    Head { parts, tilt: (0.0, 0.9), neck: -0.15 }
}

#[derive(Clone, Copy)]
struct Ring {
    count: usize,
    start: f32,
    rise: f32,
    curl: f32,
    width: f32,
    veins: usize,
}

impl Ring {
    fn petals(&self, hand: &mut Hand, turn: f32, length: f32, height: f32) -> Vec<Part> {
        let petal = |i| {
            Part::Petal(Petal {
                azimuth: turn + TAU * (i as f32 + hand.around(0.25)) / self.count as f32,
                start: self.start,
                height,
                rise: self.rise + hand.around(0.2),
                curl: self.curl + hand.around(0.35),
                length: length * hand.between(0.92, 1.25),
                width: self.width * hand.between(0.85, 1.1),
                foot: 0.5,
                tip: 0.95,
                cup: 0.3,
                tone: hand.between(0.86, 1.05),
                strips: 4,
                veins: self.veins,
                ..Petal::default()
            })
        };
        (0..self.count).map(petal).collect()
    }
}

/// A dome of florets in the sunflower's spirals (Vogel 1979): floret n stands at the golden angle times
/// n, at a distance that grows with the root of n.
pub fn disc(hand: &mut Hand, radius: f32, dome: f32, count: usize) -> Vec<Part> {
    const GOLDEN_ANGLE: f32 = 2.399_963;
    let ring = hand.between(0.35, 0.7);
    let (young, edge) = (hand.between(0.55, 1.0), hand.between(0.5, 1.05));
    let ripe = hand.between(0.0, 0.25);
    (0..count)
        .map(|n| {
            let share = ((n as f32 + 0.5) / count as f32).sqrt();
            let (s, c) = (GOLDEN_ANGLE * n as f32).sin_cos();
            let out = radius * share;
            let height = dome * radius * (1.0 - share * share);
            let outer = share > ring;
            Part::Floret {
                at: [out * c, out * s, height],
                size: 1.35 * radius / (count as f32).sqrt() * hand.between(0.85, 1.15),
                tone: if outer { edge } else { young } * hand.between(0.85, 1.1),
                ripe: if outer { ripe } else { 0.0 },
            }
        })
        .collect()
}
