//! The operations of a policy on floats between 0 and 1, grey or RGB: what pictures of more than 8 bits go through. The
//! draws are those of 8-bit pictures, the formulas too, but nothing is rounded to a byte.

use super::between::mirrored;
use super::crop::{Crop, erased};
use super::{Policy, colour};
use crate::chance::Key;
use crate::config::{Colour, Erasing, Geometry};
use crate::dataset::{Picture, PictureError, luma};

/// Changes a view in place. What is no float picture stays as it is; operations that are only there for 8-bit RGB are
/// refused by name.
pub fn augment(policy: &Policy, view: &mut Picture, mean: [f32; 3], key: Key) -> Result<(), PictureError> {
    // By name, so that whoever adds an operation decides what it does to deep pictures.
    let Policy {
        crop: _,
        flip,
        flip_vertical,
        published,
        rotate,
        geometry,
        brightness,
        contrast,
        saturation,
        hue,
        colour,
        erase,
        erasing,
        mix: _,
    } = *policy;
    let refused = [
        (published.is_some(), "the published policy in augment.policy"),
        (
            geometry != Geometry::off(),
            "augmentation by pad, shear, translate, perspective, centre_crop or their settings",
        ),
        (
            colour != Colour::off(),
            "augmentation by grey, tone, sharpness, blur, JPEG marks or jitter_probability",
        ),
        (erasing != Erasing::usual(), "another way of erasing than the usual one"),
    ];
    if let Some((_, what)) = refused.into_iter().find(|(given, _)| *given) {
        view.expect_rgb8(what)?;
    }
    let (width, channels) = (view.width() as usize, usize::from(view.channels()));
    let Some(samples) = view.as_f32_mut() else { return Ok(()) };
    if key.named("flip").draws().chance(flip) {
        samples.chunks_exact_mut(width * channels).for_each(|row| mirror(row, channels));
    }
    if key.named("flip vertical").draws().chance(flip_vertical) {
        mirror(samples, width * channels);
    }
    if rotate > 0.0 {
        let degrees = key.named("rotate").draws().between(-rotate, rotate);
        samples.copy_from_slice(&Source { samples, width, channels }.turned(degrees));
    }
    recolour(samples, channels, [brightness, contrast, saturation, hue], key.named("colour"));
    if key.named("erase").draws().chance(erase) {
        let colour = if channels == 1 { [luma(mean); 3] } else { mean };
        fill(samples, width, &colour[..channels], key.named("patch"));
    }
    Ok(())
}

/// Swaps the first group of samples with the last, and so on; the order inside a group stays.
fn mirror(samples: &mut [f32], group: usize) {
    let count = samples.len() / group.max(1);
    for first in 0..count / 2 {
        let (upper, lower) = samples.split_at_mut((count - 1 - first) * group);
        upper[first * group..][..group].swap_with_slice(&mut lower[..group]);
    }
}

/// A picture that goes on for ever, mirrored at its edges.
struct Source<'a> {
    samples: &'a [f32],
    width: usize,
    channels: usize,
}

impl Source<'_> {
    /// Counter-clockwise about the centre, bilinear, at the same size.
    fn turned(&self, degrees: f64) -> Vec<f32> {
        let height = self.samples.len() / (self.width * self.channels).max(1);
        let (sine, cosine) = degrees.to_radians().sin_cos();
        let centre = [(self.width as f64 - 1.0) / 2.0, (height as f64 - 1.0) / 2.0];
        let mut turned = Vec::with_capacity(self.samples.len());
        for y in 0..height {
            for x in 0..self.width {
                let (right, down) = (x as f64 - centre[0], y as f64 - centre[1]);
                let from_x = centre[0] + cosine * right - sine * down;
                let from_y = centre[1] + sine * right + cosine * down;
                turned
                    .extend((0..self.channels).map(|channel| self.between(from_x, from_y, height, channel)));
            }
        }
        turned
    }

    fn between(&self, x: f64, y: f64, height: usize, channel: usize) -> f32 {
        let (left, top) = (x.floor(), y.floor());
        let (right_share, lower_share) = ((x - left) as f32, (y - top) as f32);
        let at = |column: i64, row: i64| {
            let pixel = mirrored(row, height) * self.width + mirrored(column, self.width);
            self.samples[pixel * self.channels + channel]
        };
        let row = |row| {
            let (a, b) = (at(left as i64, row), at(left as i64 + 1, row));
            a + right_share * (b - a)
        };
        let (upper, lower) = (row(top as i64), row(top as i64 + 1));
        upper + lower_share * (lower - upper)
    }
}

/// Brightness, contrast, saturation and hue in random order. The last two have nothing to change in grey.
fn recolour(samples: &mut [f32], channels: usize, strengths: [f64; 4], key: Key) {
    let names = ["brightness", "contrast", "saturation", "hue"];
    let operations: [fn(&mut [f32], usize, f32); 4] = [brighten, contrast, saturate, turn_hue];
    let mut order = [0, 1, 2, 3];
    key.named("order").draws().shuffle(&mut order);
    for number in order {
        let (strength, neutral) = (strengths[number], if number == 3 { 0.0 } else { 1.0 });
        let is_colour = number >= 2;
        if strength > 0.0 && (channels == 3 || !is_colour) {
            let lowest = neutral - strength.min(1.0);
            let factor = key.named(names[number]).draws().between(lowest, neutral + strength);
            operations[number](samples, channels, factor as f32);
        }
    }
}

fn brighten(samples: &mut [f32], _: usize, factor: f32) {
    samples.iter_mut().for_each(|value| *value = blend(0.0, *value, factor));
}

fn contrast(samples: &mut [f32], channels: usize, factor: f32) {
    let sum: f64 = if channels == 1 {
        samples.iter().map(|&value| f64::from(value)).sum()
    } else {
        samples.as_chunks::<3>().0.iter().map(|&pixel| f64::from(luma(pixel))).sum()
    };
    let mean = (sum / (samples.len() / channels).max(1) as f64) as f32;
    samples.iter_mut().for_each(|value| *value = blend(mean, *value, factor));
}

fn saturate(samples: &mut [f32], _: usize, factor: f32) {
    for pixel in samples.as_chunks_mut::<3>().0 {
        let grey = luma(*pixel);
        *pixel = pixel.map(|value| blend(grey, value, factor));
    }
}

fn turn_hue(samples: &mut [f32], _: usize, turn: f32) {
    for pixel in samples.as_chunks_mut::<3>().0 {
        let [hue, saturation, value] = colour::to_hsv(*pixel);
        *pixel = colour::to_rgb([(hue + turn).rem_euclid(1.0), saturation, value]);
    }
}

fn blend(base: f32, value: f32, factor: f32) -> f32 {
    (base + factor * (value - base)).clamp(0.0, 1.0)
}

fn fill(samples: &mut [f32], width: usize, colour: &[f32], key: Key) {
    let length = width * colour.len();
    let Erasing { scale, ratio, .. } = Erasing::usual();
    let area = Crop { scale, ratio };
    let Some([columns, lines]) = erased(width, samples.len() / length.max(1), &area, key) else { return };
    for row in samples.chunks_exact_mut(length).skip(lines.start).take(lines.len()) {
        for pixel in
            row[columns.start * colour.len()..columns.end * colour.len()].chunks_exact_mut(colour.len())
        {
            pixel.copy_from_slice(colour);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::augment::crop::Crop;
    use crate::dataset::{Depth, Interpolation, Part, Preprocess};

    fn none() -> Policy {
        Policy::none()
    }

    /// One picture at three depths: RGB bytes, RGB floats, grey floats of one of its channels.
    fn pictures() -> [Picture; 3] {
        let bytes: Vec<u8> = (0..60 * 40 * 3).map(|i| ((i * 7 % 180) + (i / 180) * 2 % 70) as u8).collect();
        let floats: Vec<f32> = bytes.iter().map(|&byte| f32::from(byte) / 255.0).collect();
        let grey = floats.iter().copied().step_by(3).collect();
        let deep = |channels, samples| Picture::new(60, 40, channels, Depth::F32(samples)).unwrap();
        [Picture::rgb8(60, 40, bytes).unwrap(), deep(3, floats), deep(1, grey)]
    }

    fn view(policy: &Policy, picture: &Picture, sample: u64) -> Picture {
        let preprocess = Preprocess::image_net(32, 0.875, Interpolation::Bicubic);
        policy.views(&Part::whole(picture.clone()), &preprocess, Key::new(4).with(0).with(sample)).unwrap()
    }

    /// Deep pictures see what 8-bit ones do, but for rounding.
    fn check(name: &str, policy: &Policy, steps: f32) {
        let [bytes, floats, grey] = pictures();
        for sample in 0..8 {
            let wanted = view(policy, &bytes, sample);
            let found = view(policy, &floats, sample);
            let Depth::F32(samples) = found.depth() else { panic!("{name}: {}", found.kind()) };
            let pairs = samples.iter().zip(wanted.as_rgb8().unwrap());
            let worst = pairs.map(|(a, b)| (a * 255.0 - f32::from(*b)).abs()).fold(0.0, f32::max);
            assert!(worst <= steps, "{name}: {worst} steps of 255");
            assert_eq!(view(policy, &grey, sample).kind(), "float grey");
        }
    }

    #[test]
    fn every_operation_does_what_it_does_to_bytes() {
        check("nothing", &none(), 2.0);
        let crop = Some(Crop { scale: [0.2, 1.0], ratio: [0.75, 1.5] });
        check("crop", &Policy { crop, ..none() }, 2.0);
        check("flip", &Policy { flip: 0.5, ..none() }, 2.0);
        check("flip vertical", &Policy { flip_vertical: 0.5, ..none() }, 2.0);
        check("rotate", &Policy { rotate: 20.0, ..none() }, 2.5);
        check("brightness", &Policy { brightness: 0.4, ..none() }, 3.5);
        check("contrast", &Policy { contrast: 0.4, ..none() }, 3.5);
        check("saturation", &Policy { saturation: 0.4, ..none() }, 4.5);
        check("erase", &Policy { erase: 1.0, ..none() }, 2.0);
    }

    #[test]
    fn hue_turns_floats_as_it_turns_bytes() {
        let mut found = [0.2, 0.4, 0.9, 0.7, 0.7, 0.7];
        turn_hue(&mut found, 3, 0.25);
        let mut bytes = found_bytes(&[0.2, 0.4, 0.9, 0.7, 0.7, 0.7]);
        colour::hue(&mut bytes, 0.25);
        for (found, wanted) in found.iter().zip(bytes) {
            assert!((found * 255.0 - f32::from(wanted)).abs() <= 1.5, "{found} is not {wanted}");
        }
    }

    fn found_bytes(shares: &[f32]) -> Vec<u8> {
        shares.iter().map(|share| (share * 255.0).round() as u8).collect()
    }

    #[test]
    fn what_differs_below_a_byte_stays_apart() {
        let policy = Policy { brightness: 0.3, contrast: 0.3, rotate: 10.0, flip: 0.5, ..none() };
        let flat = |value: f32| Picture::new(40, 40, 1, Depth::F32(vec![value; 1600])).unwrap();
        assert!(flat(0.500_0).to_rgb8() == flat(0.500_5).to_rgb8());
        for sample in 0..8 {
            let [a, b] = [0.500_0, 0.500_5].map(|value| view(&policy, &flat(value), sample));
            assert!(a != b, "sample {sample}");
        }
    }

    #[test]
    fn erasing_grey_takes_the_grey_of_the_mean() {
        let [_, _, grey] = pictures();
        let erased = view(&Policy { erase: 1.0, ..none() }, &grey, 5);
        let Depth::F32(samples) = erased.depth() else { panic!("{}", erased.kind()) };
        let mean = luma(crate::dataset::IMAGENET_MEAN);
        assert!(samples.iter().filter(|value| **value == mean).count() > 10);
    }
}
