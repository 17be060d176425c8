//! Colour operations on interleaved RGB bytes. Brightness, contrast and saturation are Pillow's ImageEnhance to
//! the bit; hue is torchvision's, in floating point, for Pillow's own goes through 8-bit hues and is never exact.

use super::saturation::saturate;

/// Changes pixels by some amount.
pub type Operation = fn(&mut [u8], f64);

/// Scales towards black (0) or beyond the picture (above 1).
pub fn brightness(pixels: &mut [u8], factor: f64) {
    let table = towards(0, factor);
    pixels.iter_mut().for_each(|value| *value = table[usize::from(*value)]);
}

/// Scales away from the mean grey of the picture; 0 leaves that grey alone.
pub fn contrast(pixels: &mut [u8], factor: f64) {
    let table = towards(mean_grey(pixels), factor);
    pixels.iter_mut().for_each(|value| *value = table[usize::from(*value)]);
}

/// Scales away from each pixel's own grey; 0 leaves a grey picture.
pub fn saturation(pixels: &mut [u8], factor: f64) {
    saturate(pixels, factor as f32);
}

/// Turns the hue by a share of the colour circle: 1 is a whole turn, and so changes nothing.
pub fn hue(pixels: &mut [u8], turn: f64) {
    super::hue::turn(pixels, turn);
}

/// What each byte becomes when it is blended with a fixed one.
fn towards(base: u8, factor: f64) -> [u8; 256] {
    std::array::from_fn(|value| blend(base, value as u8, factor as f32))
}

/// Pillow's Image.blend: in single precision, cut off rather than rounded, clipped where it leaves the range.
pub(super) fn blend(base: u8, value: u8, factor: f32) -> u8 {
    (f32::from(base) + factor * (f32::from(value) - f32::from(base))) as u8
}

/// Pillow's conversion to "L": the luma of ITU-R 601-2 in 16-bit fixed point.
#[inline(always)]
pub(super) fn grey([red, green, blue]: [u8; 3]) -> u8 {
    ((u32::from(red) * 19_595 + u32::from(green) * 38_470 + u32::from(blue) * 7_471 + 0x8000) >> 16) as u8
}

fn mean_grey(pixels: &[u8]) -> u8 {
    let pixels = pixels.as_chunks::<3>().0;
    let sum: u64 = pixels.iter().map(|&pixel| u64::from(grey(pixel))).sum();
    (sum as f64 / pixels.len().max(1) as f64 + 0.5) as u8
}

/// What `%` leaves of a small number, without its call into the C library: both are exact.
fn fraction(value: f32) -> f32 {
    value - (value as i32) as f32
}

pub(super) fn to_hsv([red, green, blue]: [f32; 3]) -> [f32; 3] {
    let (high, low) = (red.max(green).max(blue), red.min(green).min(blue));
    let range = high - low;
    if range == 0.0 {
        return [0.0, 0.0, high];
    }
    let [r, g, b] = [red, green, blue].map(|value| (high - value) / range);
    let sixths = if high == red {
        b - g
    } else if high == green {
        2.0 + r - b
    } else {
        4.0 + g - r
    };
    [fraction(sixths / 6.0 + 1.0), range / high, high]
}

pub(super) fn to_rgb([hue, saturation, value]: [f32; 3]) -> [f32; 3] {
    let sixth = (hue * 6.0) as u8;
    let rest = hue * 6.0 - f32::from(sixth);
    let low = (value * (1.0 - saturation)).clamp(0.0, 1.0);
    let falling = (value * (1.0 - saturation * rest)).clamp(0.0, 1.0);
    let rising = (value * (1.0 - saturation * (1.0 - rest))).clamp(0.0, 1.0);
    match sixth % 6 {
        0 => [value, rising, low],
        1 => [falling, value, low],
        2 => [low, value, rising],
        3 => [low, falling, value],
        4 => [rising, low, value],
        _ => [value, low, falling],
    }
}
