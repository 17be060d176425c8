//! Operations that replace each value by another one, through a table of 256: Pillow's ImageOps to the bit, for bytes
//! of any number of interleaved channels.

/// What each byte becomes.
type Table = [u8; 256];

/// Black becomes white.
pub fn invert(pixels: &mut [u8]) {
    pixels.iter_mut().for_each(|value| *value = 255 - *value);
}

/// Keeps the upper bits of each value.
pub fn posterise(pixels: &mut [u8], bits: u32) {
    let mask = u8::MAX.checked_shl(8_u32.saturating_sub(bits)).unwrap_or(0);
    pixels.iter_mut().for_each(|value| *value &= mask);
}

/// Inverts the values from a threshold on.
pub fn solarise(pixels: &mut [u8], threshold: f64) {
    let table: Table = std::array::from_fn(|value| {
        let byte = value as u8;
        if f64::from(byte) < threshold { byte } else { 255 - byte }
    });
    pixels.iter_mut().for_each(|value| *value = table[usize::from(*value)]);
}

/// Stretches each channel until it reaches from black to white.
pub fn autocontrast(pixels: &mut [u8], channels: usize) {
    by_histogram(pixels, channels, |counts| {
        let low = counts.iter().position(|&count| count > 0)?;
        let high = counts.iter().rposition(|&count| count > 0)?;
        let scale = (high > low).then(|| 255.0 / (high - low) as f64)?;
        let offset = -(low as f64) * scale;
        // The conversion cuts off, as Pillow does.
        Some(std::array::from_fn(|value| (value as f64 * scale + offset) as u8))
    });
}

/// Spreads the values of each channel so that all are about equally frequent.
pub fn equalise(pixels: &mut [u8], channels: usize) {
    by_histogram(pixels, channels, |counts| {
        let total: usize = counts.iter().sum();
        let last = counts.iter().rev().find(|&&count| count > 0)?;
        let step = (total - last) / 255;
        // A single value leaves a step of 0 too.
        let mut sum = (step > 0).then_some(step / 2)?;
        Some(counts.map(|count| {
            let level = sum / step;
            sum += count;
            level.min(255) as u8
        }))
    });
}

/// Replaces the values of each channel by a table made of how often each occurs; without a table they stay.
fn by_histogram(pixels: &mut [u8], channels: usize, table: impl Fn([usize; 256]) -> Option<Table>) {
    for channel in 0..channels {
        let mut counts = [0; 256];
        let values = pixels.iter().skip(channel).step_by(channels);
        values.for_each(|value| counts[usize::from(*value)] += 1);
        if let Some(table) = table(counts) {
            let values = pixels.iter_mut().skip(channel).step_by(channels);
            values.for_each(|value| *value = table[usize::from(*value)]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_are_kept_from_the_top() {
        let check = |bits, expected: [u8; 3]| {
            let mut pixels = [255, 128 + 37, 3];
            posterise(&mut pixels, bits);
            assert_eq!(pixels, expected, "{bits}");
        };
        check(8, [255, 165, 3]);
        check(9, [255, 165, 3]);
        check(4, [240, 160, 0]);
        check(1, [128, 128, 0]);
        check(0, [0, 0, 0]);
    }

    #[test]
    fn a_threshold_above_white_inverts_nothing() {
        let mut pixels = [0, 127, 128, 255];
        solarise(&mut pixels, 256.0);
        assert_eq!(pixels, [0, 127, 128, 255]);
        solarise(&mut pixels, 128.0);
        assert_eq!(pixels, [0, 127, 127, 0]);
        solarise(&mut pixels, 0.0);
        assert_eq!(pixels, [255, 128, 128, 255]);
    }

    #[test]
    fn one_colour_and_no_pixels_stay() {
        let mut plain = [7; 30];
        autocontrast(&mut plain, 3);
        equalise(&mut plain, 3);
        assert_eq!(plain, [7; 30]);
        autocontrast(&mut [], 3);
        equalise(&mut [], 1);
    }

    #[test]
    fn channels_are_stretched_apart() {
        let mut pixels = [10, 0, 20, 255];
        autocontrast(&mut pixels, 2);
        assert_eq!(pixels, [0, 0, 255, 255]);
    }
}
