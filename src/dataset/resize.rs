//! Resizing of a whole picture or of a box with fractional edges, as Pillow's `Image.resize` does it.
//! Knows nothing of weights or augmentation: which box and which size is for others to say.

use super::across::{Rows, across};
use super::blend::Weights;
use super::down::down;
use super::picture::{Depth, Picture, PictureError};
pub use super::region::Region;
use super::region::{Span, Window};
use bytemuck::{Pod, cast_slice, cast_slice_mut};
use fast_image_resize::images::{TypedCroppedImage, TypedImage, TypedImageRef};
use fast_image_resize::pixels::{F32, F32x3, U8x3};
use fast_image_resize::{FilterType, PixelTrait, ResizeAlg, ResizeOptions, Resizer};
use serde::{Deserialize, Serialize};

/// How values between pixels are found. Both widen their reach when a picture shrinks, so nothing aliases.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Interpolation {
    /// Straight lines, 2 pixels wide.
    Bilinear,
    /// Catmull and Rom's cubic, 4 pixels wide.
    Bicubic,
}

impl Region {
    /// All of a picture.
    pub fn whole(picture: &Picture) -> Self {
        let (width, height) = (f64::from(picture.width()), f64::from(picture.height()));
        Self { left: 0.0, top: 0.0, width, height }
    }

    fn holds_nothing_of(self, width: u32, height: u32) -> PictureError {
        let (right, bottom) = (self.left + self.width, self.top + self.height);
        PictureError::Box { left: self.left, top: self.top, right, bottom, width, height }
    }
}

/// The region brought to `out_width` x `out_height`. What reaches over the picture's edge is cut off first.
/// As in Pillow, pixels just outside the region shine in through its edges, and rows are resized before
/// columns; of an 8-bit picture with 8 bits in between, in sums of integers, so that every processor gives the same bits.
/// Floats stay between 0 and 1, where a cubic would shoot over.
pub fn resize(
    picture: &Picture,
    region: Region,
    out_width: u32,
    out_height: u32,
    interpolation: Interpolation,
) -> Result<Picture, PictureError> {
    let all = (0..picture.width(), 0..picture.height());
    resize_within(picture, &all, region, (out_width, out_height), interpolation)
}

/// The same of some columns and rows of a picture, as if there were no others; the region counts from the first of them.
pub(super) fn resize_within(
    picture: &Picture,
    window: &Window,
    region: Region,
    (out_width, out_height): (u32, u32),
    interpolation: Interpolation,
) -> Result<Picture, PictureError> {
    if out_width == 0 || out_height == 0 {
        return Err(PictureError::Empty { width: out_width, height: out_height });
    }
    let way = Way::to(picture, window, region, (out_width, out_height), interpolation)?;
    let depth = match (picture.depth(), picture.channels()) {
        (Depth::U8(pixels), 3) => Depth::U8(way.passes_of_bytes(pixels)?.into()),
        (Depth::F32(samples), 1) => Depth::F32(within(way.passes::<F32, _>(samples)?)),
        (Depth::F32(samples), 3) => Depth::F32(within(way.passes::<F32x3, _>(samples)?)),
        _ => {
            let (what, wanted) = ("resizing", "8-bit RGB or float");
            return Err(PictureError::Kind { what, wanted, found: picture.kind() });
        }
    };
    Picture::new(out_width, out_height, picture.channels(), depth)
}

fn within(mut samples: Vec<f32>) -> Vec<f32> {
    samples.iter_mut().for_each(|value| *value = value.clamp(0.0, 1.0));
    samples
}

/// What the two passes are told.
struct Way {
    /// Of the picture, and what is taken of it.
    size: (u32, u32),
    window: Window,
    out: (u32, u32),
    x: Span,
    y: Span,
    /// The rows of the source that the second pass can see, and only they go through the first.
    band: (u32, u32),
    interpolation: Interpolation,
}

impl Way {
    fn to(
        picture: &Picture,
        window: &Window,
        region: Region,
        out: (u32, u32),
        interpolation: Interpolation,
    ) -> Result<Self, PictureError> {
        let (width, height) = (window.0.len() as u32, window.1.len() as u32);
        let nothing = || region.holds_nothing_of(width, height);
        let x = Span::cut(region.left, region.width, width).ok_or_else(nothing)?;
        let y = Span::cut(region.top, region.height, height).ok_or_else(nothing)?;
        let (first, last) = y.reach(interpolation.support(), out.1, height);
        let y = Span::cut(y.start - f64::from(first), y.length, last - first).ok_or_else(nothing)?;
        let size = (picture.width(), picture.height());
        Ok(Self { size, window: window.clone(), out, x, y, band: (first, last), interpolation })
    }

    fn passes<P: PixelTrait, S: Pod>(&self, samples: &[S]) -> Result<Vec<S>, PictureError> {
        let all = Span { start: 0.0, length: f64::from(self.out.0) };
        let band = self.across::<P, S>(samples)?;
        let size = (self.out.0, self.rows());
        let window = (0..size.0, 0..size.1);
        pass::<P, S>(&band, size, &window, (all, self.y), self.out, self.interpolation)
    }

    /// Of 8-bit RGB. Both passes are kiln's own where they can be, as they take most of a cached picture's time.
    fn passes_of_bytes(&self, pixels: &[u8]) -> Result<Vec<u8>, PictureError> {
        let band = match self.across_bytes(pixels) {
            Some(band) => band,
            None => self.across::<U8x3, u8>(pixels)?,
        };
        let (weights, width) = (self.weights(self.y, self.rows(), self.out.1), self.out.0 as usize * 3);
        let rows = down(&weights, &band, width).or_else(|| weights.blend(&band, width));
        rows.ok_or_else(|| PictureError::Resize { reason: "rows are missing".to_owned() })
    }

    fn across_bytes(&self, pixels: &[u8]) -> Option<Vec<u8>> {
        let (columns, count) = (self.window.0.len(), self.rows() as usize);
        let stride = self.size.0 as usize * 3;
        let first = (self.window.1.start + self.band.0) as usize * stride + self.window.0.start as usize * 3;
        let rows = Rows { bytes: pixels.get(first..)?, stride, length: columns * 3, count };
        across(&self.weights(self.x, columns as u32, self.out.0), rows)
    }

    fn weights(&self, span: Span, limit: u32, out: u32) -> Weights {
        let kernel = |place| self.interpolation.kernel(place);
        let support = self.interpolation.support();
        Weights::new(limit as usize, (span.start, span.length), out as usize, support, kernel)
    }

    /// The band at its new width.
    fn across<P: PixelTrait, S: Pod>(&self, samples: &[S]) -> Result<Vec<S>, PictureError> {
        let rows = Span { start: f64::from(self.band.0), length: f64::from(self.rows()) };
        let narrow = (self.out.0, self.rows());
        pass::<P, S>(samples, self.size, &self.window, (self.x, rows), narrow, self.interpolation)
    }

    fn rows(&self) -> u32 {
        self.band.1 - self.band.0
    }
}

impl Interpolation {
    /// How far the kernel reaches to either side, in pixels of the coarser of the two pictures.
    pub fn support(self) -> f64 {
        match self {
            Self::Bilinear => 1.0,
            Self::Bicubic => 2.0,
        }
    }

    /// How much a pixel counts that lies so far from the middle.
    fn kernel(self, place: f64) -> f64 {
        let x = place.abs();
        match self {
            Self::Bilinear => (1.0 - x).max(0.0),
            Self::Bicubic if x < 1.0 => (1.5 * x - 2.5) * x * x + 1.0,
            Self::Bicubic if x < 2.0 => ((2.5 - 0.5 * x) * x - 4.0) * x + 2.0,
            Self::Bicubic => 0.0,
        }
    }

    fn filter(self) -> FilterType {
        match self {
            Self::Bilinear => FilterType::Bilinear,
            Self::Bicubic => FilterType::CatmullRom,
        }
    }
}

/// One call of the resizer. Typed, so that only code for the few kinds of pixels that there are is compiled.
fn pass<P: PixelTrait, S: Pod>(
    samples: &[S],
    (width, height): (u32, u32),
    window: &Window,
    (x, y): (Span, Span),
    (out_width, out_height): (u32, u32),
    interpolation: Interpolation,
) -> Result<Vec<S>, PictureError> {
    let options = ResizeOptions::new()
        .resize_alg(ResizeAlg::Convolution(interpolation.filter()))
        .crop(x.start, y.start, x.length, y.length);
    let source =
        TypedImageRef::<P>::from_buffer(width, height, cast_slice(samples)).map_err(|e| unsuited(&e))?;
    let (columns, rows) = (window.0.len() as u32, window.1.len() as u32);
    let source = TypedCroppedImage::new(source, window.0.start, window.1.start, columns, rows)
        .map_err(|e| unsuited(&e))?;
    let per_pixel = P::size() / size_of::<S>();
    let mut out = vec![S::zeroed(); out_width as usize * out_height as usize * per_pixel];
    let mut view = TypedImage::<P>::from_buffer(out_width, out_height, cast_slice_mut(&mut out))
        .map_err(|e| unsuited(&e))?;
    Resizer::new().resize_typed(&source, &mut view, &options).map_err(|e| unsuited(&e))?;
    Ok(out)
}

fn unsuited(error: &dyn std::error::Error) -> PictureError {
    PictureError::Resize { reason: error.to_string() }
}

/// Golden pictures of tests/golden/resize, for the tests of this room.
#[cfg(test)]
pub(super) mod golden {
    use super::super::decode::{Limits, decode};
    use super::*;
    use std::path::Path;

    pub fn read(name: &str) -> Vec<u8> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/resize");
        std::fs::read(folder.join(name)).unwrap()
    }

    /// make_resize.py's source: fine waves that wrap around with hard edges.
    pub fn chirp(width: u32, height: u32) -> Picture {
        formula(width, height, |x, y, c| (x * x * 3 + y * y * 7 + x * y * (5 + 11 * c)) / 8 + 31 * c)
    }

    /// make_resize.py's smooth source.
    pub fn slope(width: u32, height: u32) -> Picture {
        let (right, bottom) = ((width - 1).max(1), (height - 1).max(1));
        formula(width, height, |x, y, c| x * (200 - 60 * c) / right + y * (20 + 30 * c) / bottom)
    }

    fn formula(width: u32, height: u32, value: impl Fn(u32, u32, u32) -> u32) -> Picture {
        let at = |i: u32| value(i / 3 % width, i / 3 / width, i % 3) as u8;
        Picture::rgb8(width, height, (0..width * height * 3).map(at).collect()).unwrap()
    }

    /// Demands Pillow's result to within one step, and returns how many samples differ, and of how many.
    pub fn compare(found: &Picture, name: &str) -> (usize, usize) {
        let wanted = decode(&read(&format!("{name}.png")), [0; 3], &Limits::default()).unwrap();
        assert_eq!((found.width(), found.height()), (wanted.width(), wanted.height()), "{name}");
        let (found, wanted) = (found.as_rgb8().unwrap(), wanted.as_rgb8().unwrap());
        let steps: Vec<u8> = found.iter().zip(wanted).map(|(a, b)| a.abs_diff(*b)).collect();
        let differing = steps.iter().filter(|step| **step > 0).count();
        println!("{name}: {differing} of {} samples differ", steps.len());
        assert!(steps.iter().all(|step| *step <= 1), "{name}: {:?} steps from Pillow", steps.iter().max());
        (differing, steps.len())
    }
}

#[cfg(test)]
mod tests {
    use super::golden::{chirp, compare, read};
    use super::*;

    /// One call of Pillow's `Image.resize`.
    #[derive(Deserialize)]
    struct Golden {
        name: String,
        source: (u32, u32),
        r#box: (f64, f64, f64, f64),
        out: (u32, u32),
        interpolation: Interpolation,
    }

    #[test]
    fn every_size_and_box_is_within_one_step_of_pillow() {
        let cases: Vec<Golden> = serde_json::from_slice(&read("cases.json")).unwrap();
        let (mut differing, mut samples) = (0, 0);
        let mut bits = blake3::Hasher::new();
        for case in &cases {
            let (left, top, right, bottom) = case.r#box;
            let region = Region { left, top, width: right - left, height: bottom - top };
            let source = chirp(case.source.0, case.source.1);
            let found = resize(&source, region, case.out.0, case.out.1, case.interpolation).unwrap();
            let (some, all) = compare(&found, &case.name);
            (differing, samples) = (differing + some, samples + all);
            bits.update(found.as_rgb8().unwrap());
        }
        println!("in all: {differing} of {samples} samples differ");
        assert_eq!(bits.finalize().to_hex().as_str(), BITS, "the same bits on every processor");
    }

    /// kiln's own results: differs only where a processor or a new version computes differently.
    const BITS: &str = "55af29afefdfebc3e045251538c2f2734c6c6eebddb8334c52a87f7ced058bb9";

    #[test]
    fn every_processor_computes_the_same_first_pass() {
        let mut draws = crate::chance::Key::new(7).draws();
        for interpolation in [Interpolation::Bilinear, Interpolation::Bicubic] {
            for (width, height) in [(1, 1), (5, 3), (61, 47), (500, 9), (1200, 6)] {
                let picture = chirp(width, height);
                for _ in 0..40 {
                    let (w, h) = (f64::from(width), f64::from(height));
                    let (left, top) = (draws.between(0.0, 0.9 * w), draws.between(0.0, 0.9 * h));
                    let region = Region {
                        left,
                        top,
                        width: draws.between(0.05, 1.0) * (w - left),
                        height: draws.between(0.05, 1.0) * (h - top),
                    };
                    let out = (draws.between(1.0, 70.0) as u32, draws.between(1.0, 9.0) as u32);
                    let window = (0..width, 0..height);
                    let way = Way::to(&picture, &window, region, out, interpolation).unwrap();
                    let pixels = picture.as_rgb8().unwrap();
                    let Some(own) = way.across_bytes(pixels) else { return };
                    assert_eq!(own, way.across::<U8x3, u8>(pixels).unwrap(), "{region:?} to {out:?}");
                }
            }
        }
    }

    #[test]
    fn a_box_over_the_edge_is_cut_to_the_picture() {
        let source = chirp(10, 8);
        let over = Region { left: -2.0, top: 3.0, width: 100.0, height: 100.0 };
        let within = Region { left: 0.0, top: 3.0, width: 10.0, height: 5.0 };
        let made = |region| resize(&source, region, 4, 4, Interpolation::Bilinear);
        assert_eq!(made(over), made(within));
    }

    #[test]
    fn boxes_and_sizes_without_content_are_errors() {
        let source = chirp(10, 8);
        let check = |left, width, out| {
            let region = Region { left, top: 0.0, width, height: 8.0 };
            assert!(resize(&source, region, out, 4, Interpolation::Bilinear).is_err());
        };
        check(10.0, 1.0, 4);
        check(-3.0, 2.0, 4);
        check(0.0, 0.0, 4);
        check(5.0, -1.0, 4);
        check(f64::NAN, 1.0, 4);
        check(0.0, f64::NAN, 4);
        check(0.0, 10.0, 0);
    }

    #[test]
    fn edges_that_round_past_the_picture_are_no_errors() {
        let source = chirp(37, 31);
        let mut draws = crate::chance::Key::new(5).draws();
        for _ in 0..500 {
            let (left, top) = (draws.between(0.0, 37.0), draws.between(0.0, 31.0));
            let region = Region { left, top, width: 37.0 - left, height: 31.0 - top };
            assert!(resize(&source, region, 5, 3, Interpolation::Bicubic).is_ok(), "{region:?}");
        }
    }

    #[test]
    fn other_depths_are_refused_by_name() {
        let deep = Picture::new(2, 2, 1, super::super::picture::Depth::U16(vec![0; 4])).unwrap();
        let error = resize(&deep, Region::whole(&deep), 1, 1, Interpolation::Bilinear).unwrap_err();
        assert!(
            error.to_string().starts_with("resizing takes pictures of 8-bit RGB or float, not 16-bit grey")
        );
    }
}
