//! Mixup and cutmix against torchvision's of the same share and draws: boxes and pixels exactly, labels to the last
//! place of a float.

use serde::Deserialize;

use super::{Rect, box_of, drawn};
use crate::augment::Mixing;
use crate::augment::mix::Patch;
use crate::chance::Key;

/// Of labels: torchvision rounds the share once, kiln the share and its rest.
const TOLERANCE: f32 = f32::EPSILON;

#[derive(Deserialize)]
struct Batch {
    /// n, c, h, w.
    shape: [usize; 4],
    pixels: Vec<f32>,
    labels: Vec<f32>,
    cases: Vec<Mixed>,
}

#[derive(Deserialize)]
struct Mixed {
    share: f64,
    pixels: Vec<f32>,
    labels: Vec<f32>,
}

impl Batch {
    /// Mixes the batch, and demands the case's pixels and labels.
    fn check(&self, mixing: &Mixing, wanted: &Mixed) {
        let (mut pixels, mut labels) = (self.pixels.clone(), self.labels.clone());
        mixing.pixels(&mut pixels, self.shape);
        mixing.labels(&mut labels, self.shape[0]);
        assert_eq!(pixels, wanted.pixels, "{}", wanted.share);
        let worst = farthest(&labels, &wanted.labels);
        assert!(worst <= TOLERANCE, "{}: {worst}", wanted.share);
    }
}

fn farthest(found: &[f32], wanted: &[f32]) -> f32 {
    assert_eq!(found.len(), wanted.len());
    found.iter().zip(wanted).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

#[test]
fn mixup_is_that_of_torchvision() {
    let batch: Batch = drawn("mixup");
    assert_eq!(batch.cases.len(), 6);
    for case in &batch.cases {
        batch.check(&Mixing::Blend(case.share as f32), case);
    }
}

#[derive(Deserialize)]
struct Patches {
    size: [usize; 2],
    share: f64,
    boxes: Vec<Rect>,
    /// What stays of each picture, by the box as it was cut off at the edges.
    shares: Vec<f64>,
}

#[test]
fn boxes_of_cutmix_are_those_of_torchvision() {
    let cases: Vec<Patches> = drawn("cutmix");
    assert_eq!(cases.len(), 35);
    for Patches { size: [width, height], share, boxes, shares } in cases {
        for (number, (wanted, rest)) in (0..).zip(boxes.into_iter().zip(shares)) {
            let patch = Patch::draw(share, height, width, &mut Key::new(number).draws());
            let found = box_of([patch.columns.clone(), patch.rows.clone()]);
            assert_eq!(found, wanted, "{width}x{height}, {share}, {number}");
            let mut labels = [1.0, 0.0, 0.0, 1.0];
            Mixing::Cut(patch).labels(&mut labels, 2);
            let expected = [rest, 1.0 - rest, 1.0 - rest, rest].map(|share| share as f32);
            assert!(farthest(&labels, &expected) <= TOLERANCE, "{labels:?} {rest}");
        }
    }
}

#[test]
fn batches_of_cutmix_are_those_of_torchvision() {
    let batch: Batch = drawn("cutmix_batches");
    assert_eq!(batch.cases.len(), 4);
    let [_, _, height, width] = batch.shape;
    for (number, case) in (0..).zip(&batch.cases) {
        let patch = Patch::draw(case.share, height, width, &mut Key::new(number).draws());
        batch.check(&Mixing::Cut(patch), case);
    }
}
