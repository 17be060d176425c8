//! Many tensors in one launch: most parameters are small, and what a launch costs does not depend on their size.

use burn::tensor::DType;
use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::*;

use super::launch::{UNITS, argument, empty, evenly, part};

/// The most tensors of a kind that a launch takes; kernels are compiled for each number of them.
const MOST: usize = 16;

/// The most numbers that a launch writes to a buffer, unless a single tensor has more: drivers know no buffer of any size.
const NUMBERS: usize = 4 << 20;

/// Cubes for one tensor.
const CUBES: usize = 512;

/// How many tensors go into each launch, in their order, where a kernel wants `each` buffers for each of them, and `more` besides.
pub fn counts(all: &[CubeTensor], each: usize, more: usize) -> Vec<usize> {
    let lengths: Vec<usize> = all.iter().map(length).collect();
    let buffers = all.first().map_or(0, |x| x.client.properties().hardware.max_bindings as usize);
    // Scalars and sizes take one more.
    cut(&lengths, (buffers.saturating_sub(more + 1) / each).clamp(1, MOST))
}

fn cut(lengths: &[usize], most: usize) -> Vec<usize> {
    let mut counts = Vec::new();
    let mut numbers = 0;
    for length in lengths {
        match counts.last_mut() {
            Some(count) if *count < most && numbers + length <= NUMBERS => *count += 1,
            _ => {
                numbers = 0;
                counts.push(1);
            }
        }
        numbers += length;
    }
    counts
}

/// The first of a list, which lets go of them. A list of what a rule does not keep has none.
pub fn taken(list: &mut Vec<CubeTensor>, count: usize) -> Vec<CubeTensor> {
    list.drain(..count.min(list.len())).collect()
}

fn length(x: &CubeTensor) -> usize {
    x.meta.shape().num_elements()
}

/// The lengths, as kernels are told them.
pub fn lengths(all: &[CubeTensor]) -> SequenceArg<usize> {
    all.iter().map(length).collect()
}

pub fn arguments(all: &[CubeTensor]) -> SequenceArg<Box<[f32]>> {
    all.iter().map(argument).collect()
}

/// Cubes for the longest of them, and as many for each of the others.
pub fn cubes(all: &[CubeTensor]) -> CubeCount {
    let longest = all.iter().map(length).max().unwrap_or_default();
    CubeCount::Static(longest.div_ceil(UNITS).clamp(1, CUBES) as u32, all.len() as u32, 1)
}

/// The first number of its tensor that a unit works on, and how far on the next one is.
#[cube]
pub fn turns() -> (usize, usize) {
    (CUBE_POS_X as usize * UNITS + UNIT_POS as usize, CUBE_COUNT_X as usize * UNITS)
}

/// Room for new tensors of the lengths of others, in one piece.
pub struct Room {
    pub whole: CubeTensor,
    pub parts: Vec<CubeTensor>,
    /// Where each begins.
    places: Vec<usize>,
}

impl Room {
    pub fn like(all: &[CubeTensor]) -> Self {
        let first = &all[0];
        let even = evenly(first);
        let mut places = Vec::with_capacity(all.len());
        let mut end = 0;
        for x in all {
            places.push(end);
            end += length(x).next_multiple_of(even);
        }
        let whole = empty(first, [end], DType::F32);
        let place = |(x, place): (&CubeTensor, &usize)| part(&whole, *place, [length(x)].into());
        let parts = all.iter().zip(&places).map(place).collect();
        Self { whole, parts, places }
    }

    /// For what is not written.
    pub fn none(like: &CubeTensor) -> Self {
        Self { whole: empty(like, [1], DType::F32), parts: Vec::new(), places: Vec::new() }
    }

    pub fn places(&self) -> SequenceArg<usize> {
        self.places.iter().copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_cut_by_count_and_by_numbers() {
        assert!(cut(&[], 4).is_empty());
        assert_eq!(cut(&[1; 9], 4), [4, 4, 1]);
        assert_eq!(cut(&[1, NUMBERS - 1, 1, 2 * NUMBERS, 1], 4), [2, 1, 1, 1]);
        assert_eq!(cut(&[0; 3], 1), [1, 1, 1]);
    }
}
