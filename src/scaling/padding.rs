//! The two ways in which convolutions pad. Both give ceil(input / stride); they differ in where the rows go.

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Padding {
    /// PyTorch's: the same on both sides, whatever the input.
    Symmetric,
    /// TensorFlow's: as much as the output needs, the odd row at the end.
    Same,
}

impl Padding {
    /// Rows (or columns) added before and after. Kernels are odd.
    pub fn amounts(self, input: usize, kernel: usize, stride: usize) -> (usize, usize) {
        match self {
            Self::Symmetric => (kernel / 2, kernel / 2),
            Self::Same => {
                let stride = stride.max(1);
                let covered = match input.div_ceil(stride) {
                    0 => 0,
                    outputs => (outputs - 1) * stride + kernel,
                };
                let total = covered.saturating_sub(input);
                (total / 2, total - total / 2)
            }
        }
    }

    /// The side that comes out.
    pub fn output(self, input: usize, kernel: usize, stride: usize) -> usize {
        let (before, after) = self.amounts(input, kernel, stride);
        (before + input + after).checked_sub(kernel).map_or(0, |rest| rest / stride.max(1) + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_padding_is_tensorflows() {
        // (input, kernel, stride) and the amounts by TensorFlow's documented rule for "SAME".
        let check = |(input, kernel, stride), expected| {
            assert_eq!(Padding::Same.amounts(input, kernel, stride), expected, "{input} {kernel} {stride}");
        };
        check((224, 3, 2), (0, 1));
        check((75, 3, 2), (1, 1));
        check((224, 3, 1), (1, 1));
        check((56, 5, 2), (1, 2));
        check((75, 5, 2), (2, 2));
        check((28, 5, 1), (2, 2));
        check((1, 5, 2), (2, 2));
        check((2, 5, 2), (1, 2));
        check((7, 1, 1), (0, 0));
        check((7, 1, 2), (0, 0));
    }

    #[test]
    fn symmetric_padding_does_not_look_at_the_input() {
        for (input, stride) in [(224, 1), (224, 2), (75, 2)] {
            assert_eq!(Padding::Symmetric.amounts(input, 3, stride), (1, 1));
            assert_eq!(Padding::Symmetric.amounts(input, 5, stride), (2, 2));
        }
    }

    #[test]
    fn both_give_the_input_over_the_stride_rounded_up() {
        for input in 1..100 {
            for (kernel, stride) in [(1, 1), (3, 1), (3, 2), (5, 1), (5, 2)] {
                for padding in [Padding::Symmetric, Padding::Same] {
                    assert_eq!(padding.output(input, kernel, stride), input.div_ceil(stride));
                }
            }
        }
    }

    #[test]
    fn senseless_sizes_do_not_panic() {
        assert_eq!(Padding::Same.output(0, 3, 0), 0);
        assert_eq!(Padding::Symmetric.output(0, 3, 0), 0);
    }
}
