//! Sums over the rows of `[groups, rows, channels]`, in an order that the shape alone decides: cubes take chunks of
//! rows, their units take turns, and a second launch adds the chunks up; where two sums are taken at once, that launch is
//! the one that makes something of them. All sums are in 32 bits.
// Kernels are launched without checks of their indices; each compares them itself.
#![allow(unsafe_code)]

use burn::tensor::DType;
use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::*;

use super::activation::{Code, slope};
use super::launch::{UNITS, argument, cube, elements, empty, lanes, shaped};

/// Cubes that keep a large GPU busy.
const BUSY: usize = 1024;

/// Rows that a unit should add up before it is worth another cube.
const WORTH: usize = 8;

/// How rows and channels are dealt out. `block` channels lie side by side in a cube, `turns` rows above each other.
#[derive(CubeLaunch, CubeType, Clone, Copy)]
pub struct Span {
    rows: usize,
    chunk: usize,
    pub channels: usize,
    block: usize,
    pub turns: usize,
}

/// The same on the host's side.
#[derive(Debug, Clone, Copy)]
pub struct Deal {
    groups: usize,
    rows: usize,
    /// Rows in a chunk, and how many chunks there are.
    chunk: usize,
    pub chunks: usize,
    /// Vectors of channels.
    channels: usize,
    pub lanes: usize,
}

impl Deal {
    pub fn new(groups: usize, rows: usize, channels: usize) -> Self {
        Self::with_lanes(groups, rows, channels, lanes(channels))
    }

    pub fn with_lanes(groups: usize, rows: usize, channels: usize, lanes: usize) -> Self {
        let vectors = channels / lanes;
        let turns = UNITS / vectors.clamp(1, UNITS);
        let cubes = groups * vectors.div_ceil(UNITS);
        let most = rows.div_ceil(turns * WORTH).max(1);
        let chunk = rows.div_ceil((BUSY / cubes.max(1)).clamp(1, most)).max(1);
        Self { groups, rows, chunk, chunks: rows.div_ceil(chunk).max(1), channels: vectors, lanes }
    }

    pub fn span(&self) -> SpanLaunch {
        let block = self.channels.clamp(1, UNITS);
        SpanLaunch::new(self.rows, self.chunk, self.channels, block, UNITS / block)
    }

    pub fn cubes(&self) -> CubeCount {
        CubeCount::Static(self.channels.div_ceil(UNITS) as u32, self.chunks as u32, self.groups as u32)
    }

    /// Where the chunks' sums go.
    fn parts(&self, like: &CubeTensor) -> CubeTensor {
        empty(like, [self.groups, self.chunks, self.channels * self.lanes], DType::F32)
    }

    /// Where two sums of each chunk of the only group go, side by side.
    fn pairs(&self, like: &CubeTensor) -> Pairs {
        debug_assert_eq!(self.groups, 1, "pairs are of one group");
        let parts = empty(like, [self.chunks, 2, self.channels * self.lanes], DType::F32);
        Pairs { parts, deal: Self { rows: self.chunks, chunk: self.chunks, chunks: 1, ..*self } }
    }

    /// The sums of the chunks, chunk after chunk.
    fn total(&self, parts: CubeTensor) -> CubeTensor {
        let found = match self.chunks {
            1 => parts,
            chunks => add_up(&parts, Self { rows: chunks, chunk: chunks, chunks: 1, ..*self }),
        };
        shaped(found, [self.groups, self.channels * self.lanes])
    }
}

/// Two sums of every chunk, and how whoever wants them adds the chunks up (`totals`).
pub struct Pairs {
    pub parts: CubeTensor,
    pub deal: Deal,
}

/// The channel that this unit works on; beyond the last where it has none.
#[cube]
pub fn channel_of(span: &Span) -> usize {
    CUBE_POS_X as usize * span.block + UNIT_POS as usize % span.block
}

/// The first row of this unit and the end of its chunk; nothing where it has no turn or no channel.
#[cube]
pub fn rows_of(span: &Span) -> (usize, usize) {
    let turn = UNIT_POS as usize / span.block;
    let begin = CUBE_POS_Y as usize * span.chunk;
    let end = usize::min(begin + span.chunk, span.rows);
    let group = CUBE_POS_Z as usize * span.rows;
    let mut first = group + begin + turn;
    if turn >= span.turns || channel_of(span) >= span.channels {
        first = group + end;
    }
    (first, group + end)
}

/// Whether this unit is told the sums of a channel.
#[cube]
pub fn is_told(span: &Span) -> bool {
    (UNIT_POS as usize) < span.block && channel_of(span) < span.channels
}

/// What the units of a channel found, added up turn after turn; right where a unit is told.
#[cube]
fn added<N: Size>(
    found: Vector<f32, N>,
    shared: &mut Shared<[Vector<f32, N>]>,
    span: &Span,
) -> Vector<f32, N> {
    let unit = UNIT_POS as usize;
    // What went through this memory before has been read.
    sync_cube();
    shared[unit] = found;
    sync_cube();
    let mut sum = found;
    if is_told(span) {
        for turn in 1..span.turns {
            sum += shared[turn * span.block + unit];
        }
    }
    sum
}

/// Both sums of `Pairs` over all chunks; right where a unit is told.
#[cube]
pub fn totals<N: Size>(parts: &[Vector<f32, N>], span: &Span) -> (Vector<f32, N>, Vector<f32, N>) {
    let channel = channel_of(span);
    let (first, end) = rows_of(span);
    let mut one = Vector::<f32, N>::new(0.0f32);
    let mut other = Vector::<f32, N>::new(0.0f32);
    for chunk in range_stepped(first, end, span.turns) {
        let at = chunk * 2 * span.channels + channel;
        one += parts[at];
        other += parts[at + span.channels];
    }
    let mut shared = Shared::<[Vector<f32, N>]>::new_slice(UNITS);
    let one = added::<N>(one, &mut shared, span);
    (one, added::<N>(other, &mut shared, span))
}

/// Adds up what the units of a channel found and writes it as one of `kinds` of the chunk.
#[cube]
pub fn gather<N: Size>(
    found: Vector<f32, N>,
    shared: &mut Shared<[Vector<f32, N>]>,
    output: &mut [Vector<f32, N>],
    #[comptime] kinds: usize,
    #[comptime] kind: usize,
    span: &Span,
) {
    let sum = added::<N>(found, shared, span);
    if is_told(span) {
        let channel = channel_of(span);
        let chunk = CUBE_POS_Z as usize * CUBE_COUNT_Y as usize + CUBE_POS_Y as usize;
        output[(chunk * kinds + kind) * span.channels + channel] = sum;
    }
}

#[cube(launch_unchecked)]
fn sum_rows<F: Float, N: Size>(
    x: &[Vector<F, N>],
    output: &mut [Vector<f32, N>],
    span: Span,
    #[define(F)] _dtype: ElemType,
) {
    let channel = channel_of(&span);
    let (first, end) = rows_of(&span);
    let mut sum = Vector::<f32, N>::new(0.0f32);
    for row in range_stepped(first, end, span.turns) {
        sum += Vector::<f32, N>::cast_from(x[row * span.channels + channel]);
    }
    let mut shared = Shared::<[Vector<f32, N>]>::new_slice(UNITS);
    gather::<N>(sum, &mut shared, output, 1usize, 0usize, &span);
}

#[cube(launch_unchecked)]
fn sum_products<F: Float, N: Size>(
    x: &[Vector<F, N>],
    y: &[Vector<F, N>],
    output: &mut [Vector<f32, N>],
    span: Span,
    #[define(F)] _dtype: ElemType,
) {
    let channel = channel_of(&span);
    let (first, end) = rows_of(&span);
    let mut sum = Vector::<f32, N>::new(0.0f32);
    for row in range_stepped(first, end, span.turns) {
        let at = row * span.channels + channel;
        sum += Vector::<f32, N>::cast_from(x[at]) * Vector::<f32, N>::cast_from(y[at]);
    }
    let mut shared = Shared::<[Vector<f32, N>]>::new_slice(UNITS);
    gather::<N>(sum, &mut shared, output, 1usize, 0usize, &span);
}

/// Distances from the first row, and their squares: of numbers far from zero the squares would lose what differs.
#[cube(launch_unchecked)]
fn sum_distances<F: Float, N: Size>(
    x: &[Vector<F, N>],
    parts: &mut [Vector<f32, N>],
    span: Span,
    #[define(F)] _dtype: ElemType,
) {
    let channel = channel_of(&span);
    let (first, end) = rows_of(&span);
    let mut sum = Vector::<f32, N>::new(0.0f32);
    let mut square = Vector::<f32, N>::new(0.0f32);
    if first < end {
        let pivot = Vector::<f32, N>::cast_from(x[channel]);
        for row in range_stepped(first, end, span.turns) {
            let distance = Vector::<f32, N>::cast_from(x[row * span.channels + channel]) - pivot;
            sum += distance;
            square += distance * distance;
        }
    }
    let mut shared = Shared::<[Vector<f32, N>]>::new_slice(UNITS);
    gather::<N>(sum, &mut shared, parts, 2usize, 0usize, &span);
    gather::<N>(square, &mut shared, parts, 2usize, 1usize, &span);
}

/// Of `activation((x - center) * scale + shift)`: the gradient before the activation, and its product with `x - center`.
#[cube(launch_unchecked)]
fn sum_gradients<F: Float, N: Size>(
    x: &[Vector<F, N>],
    gradient: &[Vector<F, N>],
    center: &[Vector<f32, N>],
    scale: &[Vector<f32, N>],
    shift: &[Vector<f32, N>],
    parts: &mut [Vector<f32, N>],
    span: Span,
    #[comptime] code: u32,
    #[define(F)] _dtype: ElemType,
) {
    let channel = channel_of(&span);
    let (first, end) = rows_of(&span);
    let mut sum = Vector::<f32, N>::new(0.0f32);
    let mut product = Vector::<f32, N>::new(0.0f32);
    if first < end {
        let (center, scale, shift) = (center[channel], scale[channel], shift[channel]);
        for row in range_stepped(first, end, span.turns) {
            let at = row * span.channels + channel;
            let distance = Vector::<f32, N>::cast_from(x[at]) - center;
            let before =
                Vector::<f32, N>::cast_from(gradient[at]) * slope::<N>(distance * scale + shift, code);
            sum += before;
            product += before * distance;
        }
    }
    let mut shared = Shared::<[Vector<f32, N>]>::new_slice(UNITS);
    gather::<N>(sum, &mut shared, parts, 2usize, 0usize, &span);
    gather::<N>(product, &mut shared, parts, 2usize, 1usize, &span);
}

/// The sums of each group's rows: `[groups, channels]` in 32 bits.
pub fn add_up(x: &CubeTensor, deal: Deal) -> CubeTensor {
    let parts = deal.parts(x);
    // Safety: rows end with their chunk, and units without a channel have no rows.
    unsafe {
        sum_rows::launch_unchecked(
            &x.client,
            deal.cubes(),
            cube(),
            deal.lanes,
            argument(x),
            argument(&parts),
            deal.span(),
            elements(x),
        );
    }
    deal.total(parts)
}

/// The sums of the products of two pictures' rows.
pub fn add_products(x: &CubeTensor, y: &CubeTensor, deal: Deal) -> CubeTensor {
    let parts = deal.parts(x);
    // Safety: as above.
    unsafe {
        sum_products::launch_unchecked(
            &x.client,
            deal.cubes(),
            cube(),
            deal.lanes,
            argument(x),
            argument(y),
            argument(&parts),
            deal.span(),
            elements(x),
        );
    }
    deal.total(parts)
}

/// The sums of the distances from the first row, and of their squares.
pub fn add_distances(x: &CubeTensor, deal: Deal) -> Pairs {
    let pairs = deal.pairs(x);
    // Safety: as above.
    unsafe {
        sum_distances::launch_unchecked(
            &x.client,
            deal.cubes(),
            cube(),
            deal.lanes,
            argument(x),
            argument(&pairs.parts),
            deal.span(),
            elements(x),
        );
    }
    pairs
}

/// The sums of the gradients before the activation, and of their products with the distances from the centre.
pub fn add_gradients(
    [x, gradient]: [&CubeTensor; 2],
    [center, scale, shift]: [&CubeTensor; 3],
    code: Code,
    deal: Deal,
) -> Pairs {
    let pairs = deal.pairs(x);
    // Safety: as above.
    unsafe {
        sum_gradients::launch_unchecked(
            &x.client,
            deal.cubes(),
            cube(),
            deal.lanes,
            argument(x),
            argument(gradient),
            argument(center),
            argument(scale),
            argument(shift),
            argument(&pairs.parts),
            deal.span(),
            code,
            elements(x),
        );
    }
    pairs
}
