//! Dandelions: a dome of very many narrow rays, or the globe of seeds that it turns into.

use std::f32::consts::{FRAC_PI_2, TAU};

use super::hand::Hand;
use super::head::{Head, Part};
use super::petal::Petal;

const GOLDEN_ANGLE: f32 = 2.399_963;

pub fn grow(hand: &mut Hand) -> Head {
    if hand.chance(0.4) { clock(hand) } else { bloom(hand) }
}

/// Rays in a spiral: the outer ones long and flat, the inner ones short and upright.
fn bloom(hand: &mut Hand) -> Head {
    let count = hand.count(200, 280);
    let width = hand.between(0.02, 0.032);
    let (low, high) = (hand.between(-0.15, 0.15), hand.between(1.1, 1.4));
    let unruly = hand.between(0.08, 0.2);
    let parts = (0..count)
        .map(|n| {
            let inner = 1.0 - ((n as f32 + 0.5) / count as f32).powf(0.75);
            Part::Petal(Petal {
                azimuth: GOLDEN_ANGLE * n as f32 + hand.around(0.12),
                start: 0.03,
                height: 0.1 * inner,
                rise: low + (high - low) * inner.powf(0.8) + hand.around(unruly),
                curl: hand.between(-0.5, 0.1),
                length: (1.0 - 0.5 * inner) * hand.between(0.85, 1.05),
                width: width * hand.between(0.8, 1.2),
                foot: 0.25,
                tip: 0.12,
                tone: hand.between(0.78, 1.08),
                shade: 0.65 - 0.3 * inner,
                blush: 0.25 * inner,
                strips: 1,
                ..Petal::default()
            })
        })
        .collect();
    Head { parts, tilt: (0.0, 0.95), neck: -0.1 }
}

/// Seeds on a ball, each with its parasol, evenly over the whole sphere.
fn clock(hand: &mut Hand) -> Head {
    let count = hand.count(110, 160);
    let core = hand.between(0.1, 0.16);
    let (reach, spread) = (hand.between(0.74, 0.82), hand.between(0.2, 0.27));
    let hairs = hand.count(11, 15);
    // Sometimes the wind has taken some.
    let bare = if hand.chance(0.25) { hand.between(0.1, 0.3) } else { 0.0 };
    let mut parts: Vec<Part> = (0..count)
        .filter_map(|n| {
            let lift = FRAC_PI_2 - (1.0 - 2.0 * (n as f32 + 0.5) / count as f32).acos();
            let (sa, ca) = (GOLDEN_ANGLE * n as f32 + hand.around(0.2)).sin_cos();
            let (sl, cl) = (lift + hand.around(0.06)).sin_cos();
            let way = [cl * ca, cl * sa, sl];
            let reach = reach * hand.between(0.93, 1.05);
            let gone = way[0] > 1.0 - 2.0 * bare;
            let tuft = Part::Tuft { root: way.map(|v| v * core), tip: way.map(|v| v * reach), hairs, spread };
            (!gone).then_some(tuft)
        })
        .collect();
    parts.extend((0..60).map(|n| {
        let (sl, cl) = (n as f32 / 30.0 - 1.0 + 1.0 / 60.0).asin().sin_cos();
        let (sa, ca) = (TAU * 0.618_034 * n as f32).sin_cos();
        let at = [cl * ca, cl * sa, sl].map(|v| v * core);
        Part::Floret { at, size: 0.4 * core, tone: hand.between(0.45, 0.75), ripe: 0.0 }
    }));
    Head { parts, tilt: (0.6, 1.6), neck: -core }
}
