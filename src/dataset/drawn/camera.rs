//! What a camera does to a scene: focus, white balance, exposure, contrast, vignette and noise. The
//! same for all kinds.

use image::{Rgb, RgbImage};
use tiny_skia::{Pixmap, PixmapPaint, Transform};

use super::blur::blur;
use super::hand::Hand;

/// Lays what `paint` paints on the canvas, out of focus by `sigma`.
pub fn layer(canvas: &mut Pixmap, sigma: f32, paint: impl FnOnce(&mut Pixmap)) {
    let Some(mut sheet) = Pixmap::new(canvas.width(), canvas.height()) else { return };
    paint(&mut sheet);
    blur(&mut sheet, sigma);
    canvas.draw_pixmap(0, 0, sheet.as_ref(), &PixmapPaint::default(), Transform::identity(), None);
}

/// The finished photograph.
pub fn expose(mut canvas: Pixmap, hand: &mut Hand) -> RgbImage {
    blur(&mut canvas, hand.between(-0.4, 0.9));
    let balance = [hand.between(0.9, 1.12), 1.0, hand.between(0.86, 1.1)];
    let exposure = hand.between(0.8, 1.2);
    let gamma = hand.between(0.85, 1.2);
    let vignette = hand.between(-0.05, 0.3);
    let noise = hand.between(0.004, 0.028);
    let (w, h) = (canvas.width() as f32, canvas.height() as f32);
    let pixels = canvas.pixels();
    RgbImage::from_fn(canvas.width(), canvas.height(), |x, y| {
        let pixel = pixels[(y * canvas.width() + x) as usize];
        let (dx, dy) = (2.0 * x as f32 / w - 1.0, 2.0 * y as f32 / h - 1.0);
        let gain = exposure * (1.0 - vignette * 0.5 * (dx * dx + dy * dy));
        let grey = hand.grain();
        let raw = [pixel.red(), pixel.green(), pixel.blue()];
        Rgb(std::array::from_fn(|i| {
            let value = (f32::from(raw[i]) / 255.0 * gain * balance[i]).powf(gamma);
            let grain = noise * (0.7 * grey + 0.5 * hand.grain());
            ((value + grain) * 255.0 + 0.5) as u8
        }))
    })
}
