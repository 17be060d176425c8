//! The colours of a scale from little to much: matplotlib's "inferno" by van der Walt and Smith, dedicated to the public
//! domain (CC0). Its lightness rises evenly, so that equal steps look equal, also to the colour-blind and in grey.

/// Every sixteenth colour; those between lie on straight lines, at most 7 steps of 255 from the original.
const INFERNO: [[u8; 3]; 17] = [
    [0, 0, 4],
    [11, 7, 36],
    [33, 12, 74],
    [61, 9, 101],
    [87, 16, 110],
    [113, 25, 110],
    [138, 34, 106],
    [163, 44, 97],
    [188, 55, 84],
    [210, 70, 68],
    [228, 90, 49],
    [241, 115, 29],
    [249, 142, 9],
    [252, 172, 17],
    [249, 203, 53],
    [242, 234, 105],
    [252, 255, 164],
];

/// The colour of a share between 0 and 1.
pub fn heat(share: f32) -> [u8; 3] {
    let last = INFERNO.len() - 1;
    let place = if share.is_nan() { 0.0 } else { share.clamp(0.0, 1.0) } * last as f32;
    let index = (place as usize).min(last - 1);
    let (low, high) = (INFERNO[index], INFERNO[index + 1]);
    std::array::from_fn(|c| {
        let [low, high] = [low, high].map(|colour| f32::from(colour[c]));
        (low + (high - low) * (place - index as f32)).round() as u8
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn much_is_lighter_than_little() {
        assert_eq!([heat(0.0), heat(0.5), heat(1.0)], [INFERNO[0], INFERNO[8], INFERNO[16]]);
        assert_eq!([heat(-1.0), heat(f32::NAN), heat(7.0)], [INFERNO[0], INFERNO[0], INFERNO[16]]);
        // Of matplotlib's own 256 colours.
        let check = |number: u8, expected: [u8; 3]| {
            let found = heat(f32::from(number) / 255.0);
            let is_near = found.iter().zip(expected).all(|(a, b)| a.abs_diff(b) <= 7);
            assert!(is_near, "{number}: {found:?}, should be {expected:?}");
        };
        check(10, [5, 4, 23]);
        check(40, [47, 10, 91]);
        check(100, [144, 37, 104]);
        check(150, [217, 77, 61]);
        check(200, [251, 157, 7]);
        check(245, [242, 242, 125]);
    }

    #[test]
    fn lightness_rises() {
        let light = |number: u8| {
            let [red, green, blue] = heat(f32::from(number) / 255.0).map(f32::from);
            0.299 * red + 0.587 * green + 0.114 * blue
        };
        assert!((1..=255).all(|number| light(number) >= light(number - 1) - 0.5));
    }
}
