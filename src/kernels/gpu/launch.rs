//! Tensors as the kernels want them, and how many units work on them.

use burn::backend::cubecl::dtype_to_storage_type;
use burn::tensor::{DType, Shape};
use burn_cubecl::kernel::into_contiguous;
use burn_cubecl::ops::numeric::empty_device_contiguous_dtype;
use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::*;

/// Units in a cube; every runtime has as many.
pub const UNITS: usize = 256;

/// Cubes in one dimension of a launch.
const CUBES: usize = 65_535;

/// The tensor in the order of its numbers, without gaps.
pub fn whole(x: CubeTensor) -> CubeTensor {
    into_contiguous(x)
}

/// A tensor on the device of another, its numbers unwritten.
pub fn empty(like: &CubeTensor, shape: impl Into<Shape>, dtype: DType) -> CubeTensor {
    empty_device_contiguous_dtype(like.client.clone(), like.device.clone(), shape.into(), dtype)
}

/// Several of them in 32 bits, in one piece of memory: looking for memory takes the processor time.
pub fn several<const N: usize>(like: &CubeTensor, shapes: [Shape; N]) -> [CubeTensor; N] {
    let even = evenly(like);
    let mut end = 0;
    let placed = shapes.map(|shape| {
        let place = end;
        end += shape.num_elements().next_multiple_of(even);
        (place, shape)
    });
    let whole = empty(like, [end], DType::F32);
    placed.map(|(place, shape)| part(&whole, place, shape))
}

/// Numbers in 32 bits: at multiples of this a driver lets a tensor begin.
pub fn evenly(like: &CubeTensor) -> usize {
    (like.client.properties().memory.alignment as usize / size_of::<f32>()).max(1)
}

/// A tensor that lies in a longer one, both in 32 bits.
pub fn part(whole: &CubeTensor, place: usize, shape: Shape) -> CubeTensor {
    let bytes = |numbers: usize| (numbers * size_of::<f32>()) as u64;
    let after = whole.meta.shape().num_elements() - place - shape.num_elements();
    let handle = whole.handle.clone().offset_start(bytes(place)).offset_end(bytes(after));
    CubeTensor::new_contiguous(whole.client.clone(), whole.device.clone(), shape, handle, DType::F32)
}

/// The sizes; those that are missing count as 1.
pub fn dims<const D: usize>(x: &CubeTensor) -> [usize; D] {
    let mut dims = [1; D];
    dims.iter_mut().zip(x.meta.shape().iter()).for_each(|(dim, size)| *dim = *size);
    dims
}

/// The same numbers in another shape.
pub fn shaped(x: CubeTensor, shape: impl Into<Shape>) -> CubeTensor {
    let x = whole(x);
    CubeTensor::new_contiguous(x.client, x.device, shape.into(), x.handle, x.dtype)
}

/// How many channels a unit takes at once.
pub fn lanes(channels: usize) -> usize {
    [4, 2].into_iter().find(|lanes| channels.is_multiple_of(*lanes)).unwrap_or(1)
}

/// Cubes for so many units, over two dimensions where one does not hold them.
pub fn cubes(units: usize) -> CubeCount {
    let cubes = units.div_ceil(UNITS).max(1);
    let rows = cubes.div_ceil(CUBES);
    CubeCount::Static(cubes.div_ceil(rows) as u32, rows as u32, 1)
}

pub fn cube() -> CubeDim {
    CubeDim::new_1d(UNITS as u32)
}

/// The type of its numbers, as kernels are told it.
pub fn elements(x: &CubeTensor) -> ElemType {
    dtype_to_storage_type(x.dtype)
}

/// A tensor as a kernel's argument.
pub fn argument(x: &CubeTensor) -> BufferArg {
    x.clone().into_buffer_arg()
}
