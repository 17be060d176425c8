//! Daisies: one ring of many slim petals round a small disc.

use std::f32::consts::TAU;

use super::hand::Hand;
use super::head::{Head, Part};
use super::petal::Petal;
use super::sunflower::disc;

pub fn grow(hand: &mut Hand) -> Head {
    let heart = hand.between(0.22, 0.31);
    let count = hand.count(15, 30);
    // Petals leave small gaps or overlap a little.
    let width = TAU * 0.62 / count as f32 * hand.between(0.46, 0.66);
    let (rise, curl) = (hand.between(-0.1, 0.45), hand.between(-0.6, 0.15));
    let (foot, tip) = (hand.between(0.3, 0.6), hand.between(0.18, 0.4));
    let veins = hand.count(1, 2);
    let unruly = hand.between(0.02, 0.16);
    let mut parts: Vec<Part> = (0..count)
        .map(|i| {
            Part::Petal(Petal {
                azimuth: TAU * (i as f32 + hand.around(0.28)) / count as f32,
                start: 0.85 * heart,
                height: -0.02,
                rise: rise + hand.around(unruly),
                curl: curl + hand.around(2.0 * unruly),
                length: (1.0 - 0.85 * heart) * hand.between(0.88, 1.06),
                width: width * hand.between(0.85, 1.12),
                foot,
                tip,
                cup: 0.35,
                tone: hand.between(0.9, 1.06),
                strips: 4,
                veins,
                ..Petal::default()
            })
        })
        .collect();
    parts.extend(disc(hand, heart, 0.5, 110));
    Head { parts, tilt: (0.0, 0.95), neck: -0.1 }
}
