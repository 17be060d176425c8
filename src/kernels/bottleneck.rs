//! The inverted bottleneck as one operation. What is between its first convolution and its second never leaves the
//! cache: some channels are expanded a few lines at a time, filtered at once, and forgotten. The gate is multiplied
//! into the last weight where that is small, and into its input elsewhere.
#![allow(unsafe_code)]

use std::ops::Range;
use std::sync::OnceLock;

use super::Window;
use super::bottleneck_rows::{Weigh, add_up};
use super::buffers;
use super::crew::Crew;
use super::depthwise::{Source, Taps, Target, line};
use super::geometry::{Geometries, Geometry, LINES};
use super::lanes;
use super::matrix::{COLUMNS, Finish, Packed, columns, product_by, product_here, product_of};
use super::program::{Layer, Sizes, Weight, numbers};
use super::sequence::{Bottleneck, Conv, Gate};
use super::shared::Shared;
use super::squeeze::Sigmoid;
use crate::scaling::Activation;

/// Numbers of expanded lines that are held: 192 KiB, which fit into any second cache.
const HELD: usize = 48 * 1024;
/// Numbers between the filter and the last product.
const WIDE: usize = 256 * 1024;
/// Numbers of a weight that one thread multiplies in less time than others would take to help.
const SHORT: usize = 16 * 1024;

#[derive(Debug)]
pub struct Fused {
    expand: Option<Point>,
    filter: Filter,
    gates: Option<Gates>,
    project: Point,
    adds_input: bool,
    geometries: Geometries,
}

#[derive(Debug)]
struct Point {
    weight: Packed,
    bias: Vec<f32>,
    activation: Option<Activation>,
}

#[derive(Debug)]
struct Filter {
    /// `[taps, channels]`
    weight: Vec<f32>,
    bias: Vec<f32>,
    activation: Option<Activation>,
    window: Window,
}

#[derive(Debug)]
struct Gates {
    reduce: (Packed, Vec<f32>),
    expand: (Packed, Vec<f32>),
}

impl Fused {
    /// Nothing where the kernels do not know one of its convolutions.
    pub fn new(bottleneck: &Bottleneck) -> Option<Self> {
        let expand = match &bottleneck.expand {
            Some(expand) => Some(Point::new(expand)?),
            None => None,
        };
        Some(Self {
            expand,
            filter: Filter::new(&bottleneck.depthwise)?,
            gates: bottleneck.gate.as_ref().map(Gates::new),
            project: Point::new(&bottleneck.project)?,
            adds_input: bottleneck.adds_input,
            geometries: Geometries::default(),
        })
    }

    pub fn output(&self, sizes: Sizes) -> Sizes {
        let [samples, height, width, _] = self.filter.window.output(sizes, self.hidden());
        [samples, height, width, self.project.bias.len()]
    }

    /// A few pictures, with a crew of so many threads.
    pub fn run(&self, x: &[f32], sizes: Sizes, crew: Crew, threads: usize, output: &mut [f32]) {
        let [_, height, width, channels] = sizes;
        let [_, lines, columns, outputs] = self.output(sizes);
        let (input, positions) = (height * width * channels, lines * columns);
        let geometry = self.geometries.of(self.filter.window, sizes);
        let together = (WIDE / (positions * self.hidden()).max(1)).max(1);
        let chunks = x.chunks((together * input).max(1));
        for (x, output) in chunks.zip(output.chunks_mut((together * positions * outputs).max(1))) {
            let samples = x.len() / input.max(1);
            self.some(x, (samples, positions), &geometry, (crew, threads), output);
        }
    }

    fn hidden(&self) -> usize {
        self.filter.bias.len()
    }

    fn some(
        &self,
        x: &[f32],
        (samples, positions): (usize, usize),
        geometry: &Geometry,
        (crew, threads): (Crew, usize),
        output: &mut [f32],
    ) {
        let hidden = self.hidden();
        let mut wide = buffers::take(samples * positions * hidden);
        let groups = self.groups(geometry, threads);
        // Each group's sums, sample by sample.
        let sums: Vec<OnceLock<Vec<f64>>> = groups.iter().map(|_| OnceLock::new()).collect();
        let target = Shared::new(&mut wide);
        crew.each(groups.len(), &|group| {
            let mut work = Work { fused: self, geometry, x, samples, target: &target, sums: Vec::new() };
            work.filter(groups[group].clone());
            // Each task is done once.
            let _ = sums[group].set(work.sums);
        });
        let Some(gates) = &self.gates else {
            self.project(crew, &wide, None, x, output);
            return buffers::give(wide);
        };
        let mut means = Vec::with_capacity(samples * hidden);
        for sample in 0..samples {
            for sums in sums.iter().filter_map(OnceLock::get) {
                let count = sums.len() / samples;
                let sums = &sums[sample * count..(sample + 1) * count];
                means.extend(sums.iter().map(|sum| (sum / positions as f64) as f32));
            }
        }
        let gates = gates.of(&means, samples);
        if self.weighs_weight(positions) {
            let per = (wide.len() / samples, x.len() / samples, output.len() / samples);
            let samples = wide.chunks(per.0).zip(x.chunks(per.1)).zip(output.chunks_mut(per.2));
            for (((wide, x), output), gates) in samples.zip(gates.chunks(hidden)) {
                self.project(crew, wide, Some(gates), x, output);
            }
        } else {
            weigh(crew, &mut wide, &gates, hidden);
            self.project(crew, &wide, None, x, output);
        }
        buffers::give(wide);
    }

    /// Whether the gates are multiplied into the last weight, or into its input, which a crew can share. Threads have
    /// no say in it: the two round differently.
    fn weighs_weight(&self, positions: usize) -> bool {
        let outputs = self.project.bias.len();
        positions > outputs && self.hidden() * outputs < SHORT
    }

    /// The last convolution, its weight multiplied by the gates of its inputs.
    fn project(&self, crew: Crew, wide: &[f32], gates: Option<&[f32]>, x: &[f32], output: &mut [f32]) {
        let weight = &self.project.weight;
        let residual = if self.adds_input { x } else { &[] };
        let finish = Finish { residual, ..self.project.finish() };
        match gates {
            None => product_by(crew, wide, weight, finish, output),
            Some(gates) => {
                let weight = weight.scaled(gates);
                product_by(crew, wide, &weight, finish, output);
                weight.give();
            }
        }
    }

    /// The channels in groups of panels: as many as the cache holds lines of, and several for each thread of a crew. An
    /// even number in each, where there are two for each group: pairs are multiplied faster.
    fn groups(&self, geometry: &Geometry, threads: usize) -> Vec<Range<usize>> {
        let panels = self.hidden().div_ceil(COLUMNS);
        let held = match self.expand {
            Some(_) => geometry.held() * geometry.input.1 * COLUMNS,
            None => 0,
        };
        let fewest = match HELD / held.max(1) {
            most if most >= panels => 1,
            0 | 1 => panels,
            most => panels.div_ceil(most / 2 * 2),
        };
        let groups = match threads {
            1 => fewest,
            // As many for each thread.
            _ => fewest.max(4 * threads).next_multiple_of(threads).min(panels),
        };
        let each = if panels >= 2 * groups { 2 } else { 1 };
        let begin = |group: usize| (group * panels.div_ceil(each) / groups * each).min(panels);
        (0..groups).map(|group| begin(group)..begin(group + 1)).collect()
    }
}

/// Multiplies each picture's rows by its gates.
fn weigh(crew: Crew, wide: &mut [f32], gates: &[f32], channels: usize) {
    const ROWS: usize = 32;
    let (samples, positions) = (gates.len() / channels, wide.len() / gates.len().max(1));
    let tasks = positions.div_ceil(ROWS);
    let target = Shared::new(wide);
    crew.each(samples * tasks, &|task| {
        let (sample, part) = (task / tasks, task % tasks);
        let count = ROWS.min(positions - part * ROWS);
        let first = (sample * positions + part * ROWS) * channels;
        // SAFETY: each task has rows of its own.
        let rows = unsafe { target.part(first, count * channels) };
        lanes::run(Weigh { rows, gates: &gates[sample * channels..(sample + 1) * channels] });
    });
}

/// Some channels of some pictures, up to the filter's outputs.
struct Work<'a> {
    fused: &'a Fused,
    geometry: &'a Geometry,
    x: &'a [f32],
    samples: usize,
    /// All channels of all pictures; this work alone writes its own channels.
    target: &'a Shared<'a>,
    /// The filter's outputs added up, for each sample and channel of this group.
    sums: Vec<f64>,
}

impl Work<'_> {
    fn filter(&mut self, panels: Range<usize>) {
        let columns = columns(&panels, self.fused.hidden());
        let count = columns.len();
        self.sums = vec![0.0; self.samples * count];
        let input = self.x.len() / self.samples.max(1);
        let held = self.geometry.held() * self.geometry.input.1 * count;
        let mut ring = buffers::take(if self.fused.expand.is_some() { held } else { 0 });
        for sample in 0..self.samples {
            let x = &self.x[sample * input..(sample + 1) * input];
            match &self.fused.expand {
                Some(expand) => self.expanded(sample, x, expand, panels.clone(), &columns, &mut ring),
                None => {
                    let channels = input / (self.geometry.input.0 * self.geometry.input.1).max(1);
                    let source =
                        Source { numbers: &x[columns.start..], width: self.geometry.input.1, channels };
                    self.lines(sample, 0..self.geometry.lines.len(), 0, source, &columns);
                }
            }
        }
        buffers::give(ring);
    }

    /// Lines are expanded as the filter needs them, and overwritten when it does no more.
    fn expanded(
        &mut self,
        sample: usize,
        x: &[f32],
        expand: &Point,
        panels: Range<usize>,
        columns: &Range<usize>,
        ring: &mut [f32],
    ) {
        let weight = &expand.weight;
        let geometry = self.geometry;
        let row = geometry.input.1 * columns.len();
        let x_row = geometry.input.1 * weight.inputs;
        let mut held = 0..0;
        for first in (0..geometry.lines.len()).step_by(LINES) {
            let lines = first..(first + LINES).min(geometry.lines.len());
            let needed = geometry.span(&geometry.lines[lines.clone()]);
            let kept = needed.start.max(held.start).min(held.end)..held.end;
            ring.copy_within((kept.start - held.start) * row..(kept.end - held.start) * row, 0);
            let new = kept.end.max(needed.start)..needed.end;
            let place = (new.start - needed.start) * row;
            let output = &mut ring[place..place + new.len() * row];
            product_of(
                &x[new.start * x_row..new.end * x_row],
                weight,
                panels.clone(),
                expand.finish(),
                output,
            );
            let source = Source {
                numbers: &ring[..needed.len() * row],
                width: geometry.input.1,
                channels: columns.len(),
            };
            self.lines(sample, lines, needed.start, source, columns);
            held = needed;
        }
    }

    /// Some lines of the filter's output; the source begins at the given line of input.
    fn lines(
        &mut self,
        sample: usize,
        lines: Range<usize>,
        begin: usize,
        source: Source,
        columns: &Range<usize>,
    ) {
        let (geometry, filter) = (self.geometry, &self.fused.filter);
        let hidden = self.fused.hidden();
        let finish =
            Finish { bias: &filter.bias[columns.clone()], activation: filter.activation, residual: &[] };
        let mut met = Vec::new();
        for number in lines {
            met.clear();
            for (input, tap) in &geometry.lines[number] {
                met.push((input - begin, *tap));
            }
            let taps = Taps {
                weight: &filter.weight[columns.start..],
                channels: hidden,
                kernel: filter.window.kernel,
                lines: &met,
                runs: &geometry.runs,
            };
            let first = (sample * geometry.lines.len() + number) * geometry.width * hidden + columns.start;
            let target = Target { numbers: self.target, first, channels: hidden };
            let sums = &mut self.sums[sample * columns.len()..(sample + 1) * columns.len()];
            // SAFETY: this work alone has these channels of the target.
            unsafe {
                line(source, taps, columns.len(), finish, target);
                if self.fused.gates.is_some() {
                    add_up(target, geometry.width, sums);
                }
            }
        }
    }
}

impl Point {
    fn new(conv: &Conv) -> Option<Self> {
        match Layer::new(conv)? {
            Layer { weight: Weight::Point(weight), bias, activation, .. } => {
                Some(Self { weight, bias, activation })
            }
            _ => None,
        }
    }

    fn finish(&self) -> Finish<'_> {
        Finish { bias: &self.bias, activation: self.activation, residual: &[] }
    }
}

impl Filter {
    fn new(conv: &Conv) -> Option<Self> {
        match Layer::new(conv)? {
            Layer { weight: Weight::Depth(weight), bias, window, activation } => {
                Some(Self { weight, bias, activation, window })
            }
            _ => None,
        }
    }
}

impl Gates {
    fn new(gate: &Gate) -> Self {
        let layer = |(weight, bias): &(burn::tensor::Tensor<4>, burn::tensor::Tensor<1>)| {
            let [outputs, inputs, ..] = weight.dims();
            (Packed::by_output(&numbers(weight), outputs, inputs), numbers(bias))
        };
        Self { reduce: layer(&gate.reduce), expand: layer(&gate.expand) }
    }

    /// The gates from the means, `[samples, channels]` both.
    fn of(&self, means: &[f32], samples: usize) -> Vec<f32> {
        let silu = Some(Activation::Silu);
        let mut hidden = vec![0.0; samples * self.reduce.1.len()];
        let finish = Finish { bias: &self.reduce.1, activation: silu, residual: &[] };
        product_here(means, &self.reduce.0, finish, &mut hidden);
        let mut gates = vec![0.0; samples * self.expand.1.len()];
        let finish = Finish { bias: &self.expand.1, ..Finish::default() };
        product_here(&hidden, &self.expand.0, finish, &mut gates);
        lanes::run(Sigmoid(&mut gates));
        gates
    }
}
