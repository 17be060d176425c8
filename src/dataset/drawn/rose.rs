//! Roses: broad petals that overlap in a spiral, tight in the middle; no disc is seen.

use std::f32::consts::TAU;

use super::hand::Hand;
use super::head::{Head, Part};
use super::petal::Petal;

pub fn grow(hand: &mut Hand) -> Head {
    let count = hand.count(26, 40);
    let step = TAU * hand.between(0.36, 0.41);
    let open = hand.between(0.35, 0.75);
    let roll = hand.between(0.5, 1.3);
    let ruffle = hand.between(0.0, 0.1);
    let tip = hand.between(0.22, 0.42);
    let parts = (0..count)
        .map(|i| {
            // 0 is the outermost petal, 1 the innermost.
            let inner = i as f32 / (count - 1) as f32;
            let radius = 1.0 - 0.95 * inner.powf(0.8);
            let upright = open + (1.45 - open) * inner.powf(0.6);
            Part::Petal(Petal {
                azimuth: step * i as f32 + hand.around(0.15),
                start: 0.28 * radius,
                height: 0.3 * inner,
                rise: upright + 0.25 + hand.around(0.08),
                curl: -roll * (1.0 - 0.5 * inner) + hand.around(0.2),
                length: (0.5 + 0.42 * radius) * hand.between(0.92, 1.05),
                width: (0.16 + 0.56 * radius) * hand.between(0.92, 1.08),
                foot: 0.5,
                tip,
                wrap: 0.85,
                cup: 0.12,
                ruffle: ruffle * hand.between(0.3, 1.0),
                tone: hand.between(0.9, 1.05) * (1.0 - 0.12 * inner),
                shade: 0.75,
                blush: 0.35 * inner,
                strips: 7,
                ..Petal::default()
            })
        })
        .collect();
    Head { parts, tilt: (0.0, 0.55), neck: -0.05 }
}
