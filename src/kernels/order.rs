//! Views in another order made whole: Flex turns a tensor's axes without moving its numbers, and kernels want
//! them in a row.

use burn_flex::FlexTensor;
use rayon::prelude::*;

use super::buffers;
use super::extension::tensor;

/// Axes that this file knows; fewer are filled up with ones.
const AXES: usize = 4;

/// The same numbers in the order of the shape.
pub fn in_order(x: &FlexTensor) -> FlexTensor {
    let shape: Vec<usize> = x.layout().shape().iter().copied().collect();
    let count: usize = shape.iter().product();
    if shape.len() > AXES || count == 0 {
        return x.to_contiguous();
    }
    let missing = AXES - shape.len();
    let mut sizes = [1; AXES];
    let mut strides = [0; AXES];
    sizes[missing..].copy_from_slice(&shape);
    strides[missing..].copy_from_slice(x.layout().strides());
    let source = Source { numbers: x.storage(), start: x.layout().start_offset() as isize, strides };
    let mut output = buffers::take(count);
    let [_, lines, columns, depth] = sizes;
    output.par_chunks_mut(columns * depth).enumerate().for_each(|(line, output)| {
        let start = source.place(line / lines, line % lines);
        for (column, row) in output.chunks_exact_mut(depth).enumerate() {
            let first = start + column as isize * strides[2];
            for (i, value) in row.iter_mut().enumerate() {
                *value = source.numbers[(first + i as isize * strides[3]) as usize];
            }
        }
    });
    tensor(output, &shape)
}

struct Source<'a> {
    numbers: &'a [f32],
    start: isize,
    strides: [isize; AXES],
}

impl Source<'_> {
    fn place(&self, outer: usize, line: usize) -> isize {
        self.start + outer as isize * self.strides[0] + line as isize * self.strides[1]
    }
}

#[cfg(test)]
mod tests {
    use super::super::extension::values;
    use super::*;

    #[test]
    fn turned_axes_are_put_in_order_as_burn_does() {
        let x = tensor((0..120).map(|i| i as f32).collect(), &[2, 3, 4, 5]);
        for view in [
            x.permute(&[0, 2, 3, 1]),
            x.permute(&[3, 2, 1, 0]),
            x.narrow(1, 1, 2).permute(&[0, 3, 1, 2]),
            x.narrow(3, 2, 1),
            x.reshape([6, 20].into()).transpose(0, 1),
            x.narrow(0, 1, 1),
        ] {
            assert_eq!(values(&in_order(&view)), values(&view.to_contiguous()));
        }
    }
}
