//! The page's charts as PNG files in `report/`, for papers and slides: curves, confusions, reliability.

use image::RgbImage;

use super::chart::{Axis, Chart, spread};
use super::curves::charts;
use super::kept::Files;
use super::run::Run;
use crate::canvas::{self, Board, Colour, GLYPH, Pen, width_of};
use crate::durable;
use crate::evaluate::Bin;

const INK: Colour = [27, 29, 32];
const SOFT: Colour = [93, 99, 107];
const LINE: Colour = [226, 228, 231];
const BLUE: Colour = [0, 114, 178];
const ORANGE: Colour = [200, 80, 10];

/// The size of one chart with its words, in pixels.
const WIDTH: f32 = 800.0;
const HEIGHT: f32 = 500.0;
/// Room for words beside the drawing: left, above, right, below.
const ROOM: [f32; 4] = [104.0, 84.0, 214.0, 56.0];
const SCALE: u32 = 2;
const LETTER: f32 = (GLYPH * SCALE) as f32;

/// Writes what there is to draw of a run.
pub fn put(run: &Run) -> Result<(), durable::Error> {
    let files = Files::of(&run.folder);
    let write = |name: &str, image: Option<RgbImage>| match image.as_ref().and_then(canvas::png) {
        Some(bytes) => files.write(name, &bytes),
        None => Ok(()),
    };
    if !run.epochs.is_empty() {
        write("curves.png", curves(run))?;
    }
    let Some(figures) = run.figures() else { return Ok(()) };
    write("confusion.png", Some(canvas::matrix(&run.classes, &figures.scores.confusion)))?;
    write("reliability.png", reliability(&figures.calibration.bins))
}

/// Two charts beside each other, twice.
fn curves(run: &Run) -> Option<RgbImage> {
    let mut board = Board::new(2 * WIDTH as u32, 2 * HEIGHT as u32)?;
    for (number, chart) in charts(run).iter().enumerate() {
        let corner = ((number % 2) as f32 * WIDTH, (number / 2) as f32 * HEIGHT);
        Plate { board: &mut board, corner, size: (WIDTH, HEIGHT) }.draw(chart);
    }
    Some(board.into_image())
}

/// A part of the board.
struct Plate<'a> {
    board: &'a mut Board,
    corner: (f32, f32),
    size: (f32, f32),
}

impl Plate<'_> {
    /// A place in the drawing, by shares of its width and height.
    fn at(&self, across: f64, down: f64) -> (f32, f32) {
        let [left, top, right, bottom] = ROOM;
        let (width, height) = (self.size.0 - left - right, self.size.1 - top - bottom);
        (self.corner.0 + left + across as f32 * width, self.corner.1 + top + down as f32 * height)
    }

    fn draw(&mut self, chart: &Chart) {
        self.frame(chart);
        let up = |value: f64| 1.0 - chart.up.share(value);
        for line in &chart.lines {
            let finite = line.points.iter().filter(|(_, y)| y.is_finite());
            let points: Vec<_> = finite.map(|(x, y)| self.at(chart.across.share(*x), up(*y))).collect();
            let dashed = line.class == "train";
            self.board.line(&points, Pen { colour: colour_of(line.class), width: 3.0, dashed });
        }
        let ends = chart.lines.iter().filter_map(|line| {
            let (_, y) = line.points.iter().rfind(|(_, y)| y.is_finite())?;
            (!line.name.is_empty()).then(|| (up(*y), line))
        });
        for (top, line) in spread(ends.collect()) {
            let (x, y) = self.at(1.0, top);
            self.board.write((x + LETTER, y - LETTER / 2.0), SCALE, &line.name, colour_of(line.class));
        }
    }

    /// Title, grid and the numbers at both axes.
    fn frame(&mut self, chart: &Chart) {
        let (left, top) = self.at(0.0, 0.0);
        self.board.write((left, top - 3.6 * LETTER), SCALE, chart.title, INK);
        self.board.write((left, top - 2.0 * LETTER), SCALE, chart.note, SOFT);
        let thin = Pen { colour: LINE, width: 1.5, dashed: false };
        for (value, word) in &chart.up.ticks {
            let down = 1.0 - chart.up.share(*value);
            let (begin, end) = (self.at(0.0, down), self.at(1.0, down));
            self.board.line(&[begin, end], thin);
            let x = begin.0 - width_of(word, SCALE) as f32 - LETTER;
            self.board.write((x, begin.1 - LETTER / 2.0), SCALE, word, SOFT);
        }
        for (value, word) in &chart.across.ticks {
            let (x, y) = self.at(chart.across.share(*value), 1.0);
            self.board.write((x - width_of(word, SCALE) as f32 / 2.0, y + LETTER), SCALE, word, SOFT);
        }
    }
}

fn colour_of(class: &str) -> Colour {
    if class == "train" { ORANGE } else { BLUE }
}

/// Dots at confidence and accuracy, the larger the more pictures; on the dashed line both are the same.
fn reliability(bins: &[Bin]) -> Option<RgbImage> {
    const SIDE: f32 = 720.0;
    let percent = || {
        let ticks = (0..=5).map(|n| (f64::from(n) / 5.0, format!("{}", 20 * n))).collect();
        Axis { from: 0.0, to: 1.0, ticks }
    };
    let chart = Chart {
        title: "Right",
        note: "% of the pictures, by confidence in %",
        across: percent(),
        up: percent(),
        lines: Vec::new(),
        marks: Vec::new(),
        ground: String::new(),
        class: "",
    };
    let size = (SIDE + ROOM[2], SIDE);
    let mut board = Board::new(size.0 as u32, size.1 as u32)?;
    let mut plate = Plate { board: &mut board, corner: (0.0, 0.0), size };
    plate.draw(&chart);
    let ends = [plate.at(0.0, 1.0), plate.at(1.0, 0.0)];
    plate.board.line(&ends, Pen { colour: SOFT, width: 2.0, dashed: true });
    let most = bins.iter().map(|bin| bin.samples).max().unwrap_or(0).max(1) as f32;
    for bin in bins.iter().filter(|bin| bin.samples > 0) {
        let dot = plate.at(bin.confidence, 1.0 - bin.accuracy);
        let ideal = plate.at(bin.confidence, 1.0 - bin.confidence);
        plate.board.line(&[dot, ideal], Pen { colour: ORANGE, width: 2.0, dashed: false });
        let width = 9.0 + 27.0 * (bin.samples as f32 / most).sqrt();
        plate.board.line(&[dot], Pen { colour: BLUE, width, dashed: false });
    }
    Some(board.into_image())
}
