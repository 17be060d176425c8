//! Tulips: a cup of six broad petals, seen from the side.

use std::f32::consts::TAU;

use super::hand::Hand;
use super::head::{Head, Part};
use super::petal::Petal;

pub fn grow(hand: &mut Hand) -> Head {
    let rise = hand.between(0.6, 0.95);
    // Past upright the cup closes; short of it the tips lean out.
    let end = hand.between(1.35, 1.95);
    let width = hand.between(0.5, 0.62);
    let (foot, tip) = (hand.between(0.42, 0.55), hand.between(0.4, 0.85));
    let turn = hand.between(0.0, TAU);
    let ruffle = hand.between(0.0, 0.04);
    let veins = hand.count(3, 6);
    let parts = (0..6)
        .map(|i| {
            let inner = i % 2 == 1;
            Part::Petal(Petal {
                azimuth: turn + TAU * (i as f32 + hand.around(0.12)) / 6.0,
                start: if inner { 0.01 } else { 0.04 },
                height: -0.75,
                rise: rise + if inner { 0.1 } else { 0.0 },
                curl: end - rise + hand.around(0.12),
                length: 1.75 * hand.between(0.95, 1.05),
                width: width * hand.between(0.95, 1.05),
                foot,
                tip,
                wrap: 0.75,
                ruffle,
                tone: if inner { 0.9 } else { 1.0 } * hand.between(0.95, 1.05),
                shade: 0.3,
                strips: 9,
                veins,
                ..Petal::default()
            })
        })
        .collect();
    Head { parts, tilt: (1.05, 1.6), neck: -0.75 }
}
