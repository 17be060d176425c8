//! Products of matrices on GPUs: which of them a program met, and which kernel was found to be the best for each. What nobody has
//! measured is left to Burn's own choice. Owns what is known while kiln runs; `gpu/` multiplies and measures, `devices` keeps it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{PoisonError, RwLock};

use burn::tensor::DType;
use serde::{Deserialize, Serialize};

use crate::scaling::Float;

/// A product of matrices, as far as its kernel depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Product {
    /// How many of them lie side by side.
    pub count: usize,
    pub rows: usize,
    pub columns: usize,
    /// How many numbers each output sums over.
    pub depth: usize,
    /// Whether the left matrices, and the right ones, lie with their columns as rows.
    pub turned: [bool; 2],
    /// What is multiplied, and what comes of it.
    pub from: Float,
    pub into: Float,
}

/// What a kernel did with a product.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    pub ms: f64,
    /// The largest difference from the plainest kernel in 32 bits, relative to the largest number there.
    pub error: f64,
}

/// The error of a kernel that gave what is no number. JSON has no infinity.
pub const NO_NUMBER: f64 = f64::MAX;

/// The kernel that Burn takes by itself, by the name that kernels have.
pub const OWN: &str = "own";
/// Each output by itself: the slowest kernel, and the one to trust.
pub const PLAIN: &str = "plain";

struct Book {
    kernels: BTreeMap<Product, String>,
    /// Where somebody wants to know.
    met: Option<BTreeSet<Product>>,
}

static BOOK: RwLock<Book> = RwLock::new(Book { kernels: BTreeMap::new(), met: None });

/// From here on these kernels multiply.
pub fn take_kernels(kernels: BTreeMap<Product, String>) {
    BOOK.write().unwrap_or_else(PoisonError::into_inner).kernels = kernels;
}

/// Every product that `work` meets.
pub fn met_by(work: impl FnOnce()) -> Vec<Product> {
    BOOK.write().unwrap_or_else(PoisonError::into_inner).met = Some(BTreeSet::new());
    work();
    let met = BOOK.write().unwrap_or_else(PoisonError::into_inner).met.take();
    met.into_iter().flatten().collect()
}

/// The kernel that was found for a product.
#[cfg_attr(not(any(feature = "wgpu", feature = "cuda")), expect(dead_code))]
pub(super) fn kernel_for(product: Product) -> Option<String> {
    let book = BOOK.read().unwrap_or_else(PoisonError::into_inner);
    if book.met.is_none() {
        return book.kernels.get(&product).cloned();
    }
    drop(book);
    let mut book = BOOK.write().unwrap_or_else(PoisonError::into_inner);
    if let Some(met) = &mut book.met {
        met.insert(product);
    }
    book.kernels.get(&product).cloned()
}

impl Product {
    /// One that every device can make.
    pub const SMALL: Self = Self {
        count: 1,
        rows: 8,
        columns: 4,
        depth: 2,
        turned: [false; 2],
        from: Float::Fp32,
        into: Float::Fp32,
    };

    /// Whether it is another but for the number of pictures, which a weight's gradient sums over.
    pub fn is_like(&self, other: Self) -> bool {
        let Self { count, rows, depth, .. } = *self;
        let same =
            if self.turned[0] { Self { count, depth, ..other } } else { Self { count, rows, ..other } };
        *self == same
    }

    /// Additions, and as many multiplications.
    pub fn work(&self) -> f64 {
        self.count as f64 * self.rows as f64 * self.columns as f64 * self.depth as f64
    }
}

impl std::fmt::Display for Product {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { count, rows, columns, depth, from, into, .. } = self;
        write!(f, "{rows}x{depth} by {depth}x{columns} in {from}")?;
        if from != into {
            write!(f, " into {into}")?;
        }
        if *count > 1 { write!(f, ", {count} of them") } else { Ok(()) }
    }
}

/// What pictures of this type are made of.
#[cfg_attr(not(any(feature = "wgpu", feature = "cuda")), expect(dead_code))]
pub(super) fn float(dtype: DType) -> Option<Float> {
    match dtype {
        DType::F32 => Some(Float::Fp32),
        DType::F16 => Some(Float::Fp16),
        DType::BF16 => Some(Float::Bf16),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_are_named_as_they_are_multiplied() {
        let product = Product {
            count: 1,
            rows: 100,
            columns: 8,
            depth: 3,
            turned: [false, true],
            from: Float::Fp16,
            into: Float::Fp16,
        };
        assert_eq!(product.to_string(), "100x3 by 3x8 in fp16");
        let many = Product { count: 4, into: Float::Fp32, ..product };
        assert_eq!(many.to_string(), "100x3 by 3x8 in fp16 into fp32, 4 of them");
        assert_eq!((product.work(), many.work()), (2400.0, 9600.0));
    }
}
