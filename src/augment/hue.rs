//! Turns of hue, sixteen pixels at a time in steps that the compiler puts side by side. The bits are those of
//! `colour::to_hsv` and `to_rgb`, which take one pixel and jump.

// Iterators over arrays are not always inlined, and then nothing goes side by side.
#![allow(clippy::needless_range_loop)]

/// Pixels at a time.
const PIXELS: usize = 16;

/// Turns the hue by a share of the colour circle.
pub fn turn(pixels: &mut [u8], turn: f64) {
    let (blocks, rest) = pixels.as_chunks_mut();
    for block in blocks {
        turned(block, turn as f32);
    }
    let mut last = [0; 3 * PIXELS];
    last[..rest.len()].copy_from_slice(rest);
    turned(&mut last, turn as f32);
    rest.copy_from_slice(&last[..rest.len()]);
}

fn turned(block: &mut [u8; 3 * PIXELS], turn: f32) {
    let (mut red, mut green, mut blue) = ([0.0; PIXELS], [0.0; PIXELS], [0.0; PIXELS]);
    for i in 0..PIXELS {
        red[i] = f32::from(block[3 * i]);
        green[i] = f32::from(block[3 * i + 1]);
        blue[i] = f32::from(block[3 * i + 2]);
    }
    for i in 0..PIXELS {
        let (hue, saturation, value) = to_hsv(red[i] / 255.0, green[i] / 255.0, blue[i] / 255.0);
        let part = fraction(hue + turn);
        let hue = if part < 0.0 { part + 1.0 } else { part };
        (red[i], green[i], blue[i]) = to_rgb(hue, saturation, value);
    }
    for i in 0..PIXELS {
        // torchvision's way back to bytes: equal shares of [0, 1] for all 256 values.
        block[3 * i] = (red[i] * 255.999) as u8;
        block[3 * i + 1] = (green[i] * 255.999) as u8;
        block[3 * i + 2] = (blue[i] * 255.999) as u8;
    }
}

#[inline(always)]
fn to_hsv(red: f32, green: f32, blue: f32) -> (f32, f32, f32) {
    let (high, low) = (larger(larger(red, green), blue), smaller(smaller(red, green), blue));
    let range = high - low;
    let grey = range == 0.0;
    let divisor = if grey { 1.0 } else { range };
    let (r, g, b) = ((high - red) / divisor, (high - green) / divisor, (high - blue) / divisor);
    let otherwise = if high == green { 2.0 + r - b } else { 4.0 + g - r };
    let sixths = if high == red { b - g } else { otherwise };
    let hue = fraction(sixths / 6.0 + 1.0);
    (if grey { 0.0 } else { hue }, range / if grey { 1.0 } else { high }, high)
}

#[inline(always)]
fn to_rgb(hue: f32, saturation: f32, value: f32) -> (f32, f32, f32) {
    let sixths = hue * 6.0;
    let sixth = whole(sixths);
    let rest = sixths - sixth;
    let low = within(value * (1.0 - saturation));
    let falling = within(value * (1.0 - saturation * rest));
    let rising = within(value * (1.0 - saturation * (1.0 - rest)));
    let sixth = if sixth == 6.0 { 0.0 } else { sixth };
    (
        one_of(sixth, [5.0, 0.0], 4.0, 1.0, [value, rising, falling, low]),
        one_of(sixth, [1.0, 2.0], 0.0, 3.0, [value, rising, falling, low]),
        one_of(sixth, [3.0, 4.0], 2.0, 5.0, [value, rising, falling, low]),
    )
}

/// A colour in the sixths where it is highest, in those where it rises and falls, and elsewhere.
#[inline(always)]
fn one_of(
    sixth: f32,
    highest: [f32; 2],
    rises: f32,
    falls: f32,
    [value, rising, falling, low]: [f32; 4],
) -> f32 {
    let otherwise = if sixth == falls { falling } else { low };
    let otherwise = if sixth == rises { rising } else { otherwise };
    if (sixth == highest[0]) | (sixth == highest[1]) { value } else { otherwise }
}

// Those of the standard library look for NaN, and `as` for what is too large.

#[inline(always)]
fn larger(a: f32, b: f32) -> f32 {
    if a > b { a } else { b }
}

#[inline(always)]
fn smaller(a: f32, b: f32) -> f32 {
    if a < b { a } else { b }
}

#[inline(always)]
fn within(share: f32) -> f32 {
    smaller(larger(share, 0.0), 1.0)
}

#[inline(always)]
fn fraction(value: f32) -> f32 {
    value - whole(value)
}

/// Without what stands behind the point, for values below 2^22.
#[inline(always)]
fn whole(value: f32) -> f32 {
    /// Behind it a single-precision number has no room for fractions.
    const ROUNDING: f32 = 8_388_608.0;
    let size = value.abs();
    let near = size + ROUNDING - ROUNDING;
    (if near > size { near - 1.0 } else { near }).copysign(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::augment::colour;

    /// One pixel at a time, as torchvision has it.
    fn one_by_one(pixels: &mut [u8], turn: f64) {
        for pixel in pixels.as_chunks_mut::<3>().0 {
            let [hue, saturation, value] = colour::to_hsv(pixel.map(|byte| f32::from(byte) / 255.0));
            let part = (hue + turn as f32) % 1.0;
            let turned = if part < 0.0 { part + 1.0 } else { part };
            *pixel = colour::to_rgb([turned, saturation, value]).map(|share| (share * 255.999) as u8);
        }
    }

    #[test]
    fn pixels_turn_as_they_do_one_by_one() {
        // Every fifth value of each colour, with black, white and all greys between; no multiple of sixteen.
        let levels = || (0..=255_u8).step_by(5);
        let colours = levels().flat_map(|r| levels().flat_map(move |g| levels().map(move |b| [r, g, b])));
        let original: Vec<u8> = colours.flatten().skip(3).collect();
        for amount in [-0.5, -0.37, -0.1, 0.0, 0.05, 1.0 / 6.0, 0.5, 1.0] {
            let (mut expected, mut found) = (original.clone(), original.clone());
            one_by_one(&mut expected, amount);
            turn(&mut found, amount);
            assert!(found == expected, "{amount}");
        }
    }

    #[test]
    fn few_pixels_are_taken() {
        for count in [0, 1, 15, 16, 17] {
            let mut pixels = [200, 40, 90].repeat(count);
            turn(&mut pixels, 1.0 / 3.0);
            assert_eq!(pixels, [90, 200, 40].repeat(count));
        }
    }
}
