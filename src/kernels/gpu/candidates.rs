//! The kernels of Burn that can multiply matrices, by the names that kiln remembers them by. Which of them is taken is said
//! elsewhere; what a device has no means for is not offered.

use burn::backend::cubecl::dtype_to_storage_type;
use burn::tensor::DType;
use burn_cubecl::tensor::CubeTensor;
use cubecl::features::Tma;
use cubecl::prelude::*;
use cubecl::tf32;
use cubek::matmul::definition::{MatmulElems, MatmulGlobalElems};
use cubek::matmul::launch::launch_ref;
use cubek::matmul::multi_level::Strategy;
use cubek::matmul::multi_level::components::tile::TileMatmulKind;
use cubek::matmul::multi_level::definition::adjust_dtypes;
use cubek::matmul::multi_level::routines::TileSizeSelection;
use cubek::matmul::multi_level::routines::batch::{
    double_buffering::DoubleBufferingArgs, double_unit::DoubleUnitSelectionArgs,
    ordered_double_buffering::OrderedSelectionArgs, simple::SimpleArgs, simple_unit::SimpleUnitSelectionArgs,
};
use cubek::matmul::routine::BlueprintStrategy::Inferred;
use cubek::std::InputBinding;

use super::launch::empty;
use super::product::product_shape;
use crate::kernels::PLAIN;

/// A kernel and, where it is built on a GPU's matrix units, on which of their instructions.
pub struct Candidate {
    pub name: &'static str,
    strategy: Strategy,
    tile: Option<TileMatmulKind>,
}

/// Every kernel but Burn's own choice.
fn all() -> Vec<Candidate> {
    use TileMatmulKind::{Cmma, Mma};
    let simple = |multi_rows, tile_matmul| SimpleArgs { multi_rows, tile_matmul };
    let unit = |tile_size| Strategy::SimpleUnit(Inferred(SimpleUnitSelectionArgs { tile_size }));
    let double_unit = |tile_size| Strategy::DoubleUnit(Inferred(DoubleUnitSelectionArgs { tile_size }));
    let double = |specialized, tile_matmul| Inferred(DoubleBufferingArgs { specialized, tile_matmul });
    let ordered = |rows, tile_matmul| {
        Inferred(OrderedSelectionArgs {
            partition_k: Some(2),
            row_count: Some(rows),
            rows_per_plane: Some(2),
            tile_matmul,
        })
    };
    let (large, small) = (TileSizeSelection::MaxTileSize, TileSizeSelection::MinTileSize);
    let all = [
        (PLAIN, Strategy::Naive, None),
        (UNROUNDED, unit(large), None),
        ("unit small", unit(small), None),
        ("double unit", double_unit(large), None),
        ("double unit small", double_unit(small), None),
        ("gemm", Strategy::Gemm(Inferred(Default::default())), None),
        ("cmma", Strategy::SimpleCyclicCmma(Inferred(simple(false, Cmma))), Some(Cmma)),
        ("cmma rows", Strategy::SimpleCyclicCmma(Inferred(simple(true, Cmma))), Some(Cmma)),
        ("double cmma", Strategy::DoubleCyclicCmma(double(false, Cmma)), Some(Cmma)),
        ("double cmma specialized", Strategy::DoubleCyclicCmma(double(true, Cmma)), Some(Cmma)),
        ("ordered cmma 4", Strategy::OrderedDoubleCmma(ordered(4, Cmma)), Some(Cmma)),
        ("ordered cmma 8", Strategy::OrderedDoubleCmma(ordered(8, Cmma)), Some(Cmma)),
        ("specialized cmma", Strategy::SpecializedCyclicCmma(Inferred(().into())), Some(Cmma)),
        ("tma cmma", Strategy::SimpleTmaCmma(Inferred(simple(false, Cmma))), Some(Cmma)),
        ("tma cmma rows", Strategy::SimpleTmaCmma(Inferred(simple(true, Cmma))), Some(Cmma)),
        ("mma", Strategy::SimpleCyclicMma(Inferred(simple(false, Mma))), Some(Mma)),
        ("mma rows", Strategy::SimpleCyclicMma(Inferred(simple(true, Mma))), Some(Mma)),
        ("double mma", Strategy::DoubleCyclicMma(double(false, Mma)), Some(Mma)),
        ("double mma specialized", Strategy::DoubleCyclicMma(double(true, Mma)), Some(Mma)),
        ("ordered mma 4", Strategy::OrderedDoubleMma(ordered(4, Mma)), Some(Mma)),
        ("ordered mma 8", Strategy::OrderedDoubleMma(ordered(8, Mma)), Some(Mma)),
        ("specialized mma", Strategy::SpecializedCyclicMma(Inferred(().into())), Some(Mma)),
        ("tma mma", Strategy::SimpleTmaMma(Inferred(simple(false, Mma))), Some(Mma)),
        ("tma mma rows", Strategy::SimpleTmaMma(Inferred(simple(true, Mma))), Some(Mma)),
    ];
    all.map(|(name, strategy, tile)| Candidate { name, strategy, tile }).into()
}

/// What Burn takes where there are no matrix units.
pub const UNROUNDED: &str = "unit";

pub fn named(name: &str) -> Option<Candidate> {
    all().into_iter().find(|candidate| candidate.name == name)
}

/// Whether matrix units would round these factors, 32 bits to 10 bits of mantissa: NVIDIA's do, as TF32. What is called fp32
/// stays away from them.
pub fn rounds(device: &CubeTensor, from: DType) -> bool {
    from == DType::F32 && device.client.properties().supports_type(tf32::elem_type_native())
}

/// Those that a device has the means for, for matrices of these types.
pub fn fitting(device: &CubeTensor, from: DType, into: DType) -> Vec<Candidate> {
    let mut fitting = all();
    fitting.retain(|candidate| candidate.is_for(device, from, into));
    // Where there are matrix units for halves, kernels without them have little chance, and these take longest to compile.
    if from != DType::F32 && fitting.iter().any(|candidate| candidate.tile.is_some()) {
        fitting.retain(|one| !matches!(one.strategy, Strategy::SimpleUnit(_) | Strategy::DoubleUnit(_)));
    }
    fitting
}

impl Candidate {
    /// Whether the device has what it is built on, for matrices of these types.
    fn is_for(&self, device: &CubeTensor, from: DType, into: DType) -> bool {
        let Some(tile) = self.tile else { return true };
        // CubeCL has the engine that copies tiles only where it compiles through NVIDIA's own compiler (its feature cuda-cpp).
        let copies = matches!(self.strategy, Strategy::SimpleTmaCmma(_) | Strategy::SimpleTmaMma(_));
        if self.rounds(device, from) || copies && !device.client.features().tma.contains(Tma::Base) {
            return false;
        }
        let mut types = types(from, into);
        adjust_dtypes(&device.client, &mut types, tile.requires_accelerator());
        let (left, right, sums) = (types.lhs_register, types.rhs_register, types.acc_register);
        !tile.supported_sizes(&device.client, left, right, sums).is_empty()
    }

    /// Whether it would round factors of this type there.
    pub fn rounds(&self, device: &CubeTensor, from: DType) -> bool {
        self.tile.is_some() && rounds(device, from)
    }

    /// The product, or why this kernel cannot make it.
    pub fn multiply(&self, left: &CubeTensor, right: &CubeTensor, into: DType) -> Result<CubeTensor, String> {
        let (from, output) = (left.dtype, empty(left, product_shape(left, right), into));
        let input = |x: &CubeTensor| InputBinding::new(x.clone().binding(), dtype_to_storage_type(from));
        let strategy = self.strategy.clone().into();
        let binding = output.clone().binding();
        launch_ref(&strategy, &left.client, input(left), input(right), binding, &mut types(from, into))
            .map_err(|error| format!("{error:?}"))?;
        Ok(output)
    }
}

fn types(from: DType, into: DType) -> MatmulElems {
    let [from, into] = [from, into].map(dtype_to_storage_type);
    MatmulElems::from_globals(&MatmulGlobalElems { lhs: from, rhs: from, out: into })
}
