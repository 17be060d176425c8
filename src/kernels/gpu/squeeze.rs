//! Squeeze-excite: the means of a picture's channels through two small layers are the gates of its channels.

use burn::backend::Cube;
use burn::backend::ops::FloatTensorOps;
use burn::tensor::DType;
use burn_cubecl::tensor::CubeTensor;

use super::activation::{Code, SIGMOID, SILU};
use super::gate::{gated, position_sums, product_sums};
use super::launch::{dims, shaped, whole};
use super::norm::Affine;
use super::product::{by_inputs, by_outputs, weight_gradient};

/// The two layers; weights as matrices.
#[derive(Debug, Clone)]
pub struct Layers {
    reduce: Layer,
    expand: Layer,
}

#[derive(Debug, Clone)]
struct Layer {
    weight: CubeTensor,
    affine: Affine,
    code: Code,
}

/// What the way back needs.
#[derive(Debug, Clone)]
pub struct Gates {
    means: CubeTensor,
    reduced: CubeTensor,
    hidden: CubeTensor,
    expanded: CubeTensor,
    gates: CubeTensor,
}

impl Layers {
    /// Of both layers the weight, as a 1x1 convolution's, and the bias.
    pub fn new([reduce, reduce_bias, expand, expand_bias]: [CubeTensor; 4]) -> Self {
        Self {
            reduce: Layer::new(reduce, reduce_bias, SILU),
            expand: Layer::new(expand, expand_bias, SIGMOID),
        }
    }

    /// The gated pictures.
    pub fn forward(&self, x: &CubeTensor) -> (CubeTensor, Gates) {
        let means = pool(x);
        let (reduced, hidden) = self.reduce.forward(&means);
        let (expanded, gates) = self.expand.forward(&hidden);
        (gated(x, &gates, None), Gates { means, reduced, hidden, expanded, gates })
    }

    /// The gradients of the pictures, and of the layers in the order of `new`.
    pub fn gradients(
        &self,
        x: &CubeTensor,
        kept: &Gates,
        gradient: &CubeTensor,
    ) -> (CubeTensor, [CubeTensor; 4]) {
        let [_, height, width, _] = dims(x);
        let gates = product_sums(gradient, x);
        let (hidden, expand) = self.expand.gradients([&kept.hidden, &kept.expanded], &gates);
        let (means, reduce) = self.reduce.gradients([&kept.means, &kept.reduced], &hidden);
        let share = 1.0 / (height * width) as f32;
        let [[reduce, reduce_bias], [expand, expand_bias]] = [reduce, expand];
        (gated(gradient, &kept.gates, Some((&means, share))), [reduce, reduce_bias, expand, expand_bias])
    }
}

impl Layer {
    fn new(weight: CubeTensor, bias: CubeTensor, code: Code) -> Self {
        let [outputs, inputs] = dims(&weight);
        let bias = whole(bias);
        let ones = Cube::float_ones([outputs].into(), &bias.device, DType::F32.into());
        Self { weight: shaped(weight, [outputs, inputs]), affine: Affine::new(ones, bias), code }
    }

    /// The layer before and after its activation.
    fn forward(&self, x: &CubeTensor) -> (CubeTensor, CubeTensor) {
        let raw = by_outputs(x, &self.weight);
        let output = self.affine.apply(&raw, self.code);
        (raw, output)
    }

    /// From its input, what it was before the activation and the gradient of what it gave: the gradients of the input
    /// and of weight and bias.
    fn gradients(&self, [x, raw]: [&CubeTensor; 2], gradient: &CubeTensor) -> (CubeTensor, [CubeTensor; 2]) {
        let [before, _, bias] = self.affine.gradients(raw, gradient, self.code);
        let weight = weight_gradient(&before, x, 1);
        let [outputs, inputs] = dims(&weight);
        (by_inputs(&before, &self.weight), [shaped(weight, [outputs, inputs, 1, 1]), bias])
    }
}

/// The means of a picture's channels, `[n, c]` in 32 bits.
pub fn pool(x: &CubeTensor) -> CubeTensor {
    let [_, height, width, _] = dims(x);
    Cube::float_div_scalar(position_sums(x), ((height * width) as f32).into())
}
