//! A heat map over the picture that it is of: where it lies, how it is mixed, and a line that says what it is of.

use image::{Rgb, RgbImage, imageops};

use crate::canvas;
use crate::dataset::{
    Interpolation, Limits, Need, Part, Picture, PictureError, Preprocess, Region, luma, resize,
};
use crate::evaluate::HeatMap;

/// The longer edge of a picture that is shown, in pixels, at least and at most.
pub type Edges = [u32; 2];

/// Large enough for words beneath, and no larger than a screen.
pub const SCREEN: Edges = [384, 1600];

/// As the small pictures of a page are.
pub const THUMBNAIL: Edges = [1, 160];

/// The share of the heat's colour; the rest is the picture in grey, so that all colour there is means heat.
const HEAT: f32 = 0.55;
/// What the network does not see is pale: something cold is dark.
const VEIL: f32 = 0.7;
const PALE: f32 = 235.0;

const PAPER: Rgb<u8> = Rgb([255; 3]);
const INK: Rgb<u8> = Rgb([20; 3]);

/// The whole picture in the bytes of its file, with the heat where the network saw it.
pub fn draw(bytes: &[u8], preprocess: &Preprocess, heat: &HeatMap, edges: Edges) -> Result<RgbImage, String> {
    let all = |_, _| Need { factor: 1, look: None };
    let part = Part::decode(bytes, preprocess.background, &Limits::default(), &all);
    let part = part.map_err(|error| error.to_string())?;
    let over = || {
        let picture = preprocess.levelled(part.picture())?.to_rgb8().into_owned();
        let (width, height) = (picture.width(), picture.height());
        let square = preprocess.square_on(width, height);
        let small = fitted(&picture, edges)?;
        mixed(&small, square, [f64::from(width), f64::from(height)], heat)
    };
    over().map_err(|error: PictureError| error.to_string())
}

/// A picture with a line beneath: some words, and the colours from little to much.
pub fn captioned(image: &RgbImage, words: &str) -> RgbImage {
    let (width, height) = image.dimensions();
    let scale = (width / 400).clamp(1, 4);
    let (letter, margin) = (canvas::GLYPH * scale, 4 * scale);
    let mut sheet = RgbImage::from_pixel(width, height + letter + 2 * margin, PAPER);
    imageops::replace(&mut sheet, image, 0, 0);
    let (bar, top) = (width / 4, height + margin);
    for x in 0..bar {
        let colour = Rgb(canvas::heat(x as f32 / bar.max(2).saturating_sub(1) as f32));
        (0..letter).for_each(|y| sheet.put_pixel(width - bar - margin.min(width - bar) + x, top + y, colour));
    }
    let room = width.saturating_sub(bar + 3 * margin);
    canvas::write(&mut sheet, (margin, top), scale, &canvas::fitting(words, room, scale), INK);
    sheet
}

/// In its own shape, no larger and no smaller than it may be.
fn fitted(picture: &Picture, [least, most]: Edges) -> Result<Picture, PictureError> {
    let (width, height) = (picture.width(), picture.height());
    let longer = width.max(height);
    let wanted = longer.clamp(least, most);
    if wanted == longer {
        return Ok(picture.clone());
    }
    let edge = |side: u32| ((u64::from(side) * u64::from(wanted)) / u64::from(longer)).max(1) as u32;
    resize(picture, Region::whole(picture), edge(width), edge(height), Interpolation::Bicubic)
}

/// `square` is where the heat lies on the whole picture of this size.
fn mixed(
    picture: &Picture,
    square: Region,
    [width, height]: [f64; 2],
    heat: &HeatMap,
) -> Result<RgbImage, PictureError> {
    let pixels = picture.expect_rgb8("a heat map")?;
    let shares = |count: u32, whole: f64, start: f64, length: f64| -> Vec<f64> {
        let place = |n: u32| (f64::from(n) + 0.5) / f64::from(count) * whole;
        (0..count).map(|n| (place(n) - start) / length).collect()
    };
    let across = shares(picture.width(), width, square.left, square.width);
    let down = shares(picture.height(), height, square.top, square.height);
    let warmth = heat.stretched(&across, &down);
    let is_seen = |share: f64| (0.0..=1.0).contains(&share);
    let seen = down.iter().flat_map(|&y| across.iter().map(move |&x| is_seen(x) && is_seen(y)));
    let colours = pixels.chunks_exact(3).zip(warmth).zip(seen);
    let bytes = colours.flat_map(|((pixel, warmth), seen)| {
        let grey = luma([pixel[0], pixel[1], pixel[2]].map(f32::from));
        if seen { tinted(grey, warmth) } else { veiled(grey) }
    });
    Ok(RgbImage::from_raw(picture.width(), picture.height(), bytes.collect()).unwrap_or_default())
}

fn tinted(grey: f32, warmth: f32) -> [u8; 3] {
    canvas::heat(warmth).map(|colour| (grey * (1.0 - HEAT) + f32::from(colour) * HEAT).round() as u8)
}

fn veiled(grey: f32) -> [u8; 3] {
    [(grey * (1.0 - VEIL) + PALE * VEIL).round() as u8; 3]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A white picture with a crop in its middle, hot in its upper left quarter.
    #[test]
    fn heat_lies_where_the_network_saw_it() {
        let picture = Picture::filled(80, 40, [255; 3]).unwrap();
        let square = Region { left: 60.0, top: 20.0, width: 40.0, height: 40.0 };
        let heat = HeatMap::new(&[1.0, 0.0, 0.0, 0.0], 2);
        // The picture is half as large as it was.
        let image = mixed(&picture, square, [160.0, 80.0], &heat).unwrap();
        let at = |x, y| image.get_pixel(x, y).0;
        assert_eq!([at(29, 20), at(50, 20), at(40, 9), at(40, 30)], [veiled(255.0); 4]);
        assert_eq!([at(31, 11), at(48, 28)], [tinted(255.0, 1.0), tinted(255.0, 0.0)]);
        let light = |[red, green, blue]: [u8; 3]| u32::from(red) + u32::from(green) + u32::from(blue);
        assert!(light(at(38, 15)) > light(at(42, 15)), "it cools down to the right");
    }

    #[test]
    fn pictures_of_any_size_are_shown() {
        let check = |size: (u32, u32), expected: (u32, u32)| {
            let picture = Picture::filled(size.0, size.1, [9; 3]).unwrap();
            let shown = fitted(&picture, SCREEN).unwrap();
            assert_eq!((shown.width(), shown.height()), expected);
        };
        check((48, 48), (384, 384));
        check((400, 300), (400, 300));
        check((6000, 3000), (1600, 800));
        check((1, 9000), (1, 1600));
        for width in [1, 3, 50, 384, 1600] {
            let image = captioned(&RgbImage::new(width, 10), "a long name of a class 0.1234");
            assert!(image.width() == width && image.height() > 10);
        }
    }
}
