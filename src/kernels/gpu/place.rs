//! Where a convolution's windows lie on pictures of one size, as kernels are told it.

use cubecl::prelude::*;

use crate::kernels::Window;

/// Pictures on both sides of a convolution. `up` and `left` are rows and columns of padding.
#[derive(CubeLaunch, CubeType, Clone, Copy)]
pub struct Place {
    pub height: usize,
    pub width: usize,
    pub rows: usize,
    pub columns: usize,
    pub up: usize,
    pub left: usize,
}

impl Place {
    pub fn of(window: Window, [height, width]: [usize; 2]) -> Self {
        let Window { kernel, stride, padding, .. } = window;
        let output = |side| padding.output(side, kernel, stride);
        let before = |side| padding.amounts(side, kernel, stride).0;
        Self {
            height,
            width,
            rows: output(height),
            columns: output(width),
            up: before(height),
            left: before(width),
        }
    }

    /// Of the same windows turned round: from the outputs of a convolution of stride 1 back to its inputs.
    pub fn turned(self, kernel: usize) -> Self {
        Self {
            height: self.rows,
            width: self.columns,
            rows: self.height,
            columns: self.width,
            up: kernel - 1 - self.up,
            left: kernel - 1 - self.left,
        }
    }

    pub fn launch(self) -> PlaceLaunch {
        PlaceLaunch::new(self.height, self.width, self.rows, self.columns, self.up, self.left)
    }
}
