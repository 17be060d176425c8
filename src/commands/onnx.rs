//! What `kiln export` asks about an ONNX file. Whether the file gives what the model gives is asked in `onnx_check`, where
//! that is compiled in; where it is not, that is said here.

use clap::{Args, ValueEnum};

use crate::export::Form;
pub use crate::export::onnx::Options;
use crate::export::onnx::{Input, Outputs, Precision};

#[cfg(feature = "onnx-check")]
pub use super::onnx_check::expect_agreement;

#[derive(Args)]
pub struct OnnxOptions {
    /// What an ONNX file takes: normalised floats, or bytes of RGB [default: float]
    #[arg(long = "onnx-input", value_name = "INPUT", value_enum)]
    input: Option<In>,
    /// In what an ONNX file computes [default: fp32]
    #[arg(long = "onnx-precision", value_name = "PRECISION", value_enum)]
    precision: Option<As>,
    /// What an ONNX file gives, separated by commas [default: logits for floats, probabilities for bytes]
    #[arg(long = "onnx-output", value_name = "OUTPUT", value_enum, value_delimiter = ',')]
    outputs: Vec<Out>,
}

#[derive(Clone, Copy, ValueEnum)]
enum In {
    /// [batch, channels, height, width], normalised
    Float,
    /// [batch, height, width, 3]; normalising is inside
    Uint8,
}

#[derive(Clone, Copy, ValueEnum)]
enum As {
    Fp32,
    Fp16,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Out {
    Logits,
    /// With the fitted temperature
    Probabilities,
    /// The maps at strides 8, 16 and 32, beside the others
    Features,
}

impl OnnxOptions {
    pub fn are_given(&self) -> bool {
        self.input.is_some() || self.precision.is_some() || !self.outputs.is_empty()
    }

    pub fn checked(&self) -> Options {
        let input = match self.input {
            None | Some(In::Float) => Input::Float,
            Some(In::Uint8) => Input::Uint8,
        };
        let precision = match self.precision {
            None | Some(As::Fp32) => Precision::Fp32,
            Some(As::Fp16) => Precision::Fp16,
        };
        let asks = |output| self.outputs.contains(&output);
        let usual = !asks(Out::Logits) && !asks(Out::Probabilities);
        let outputs = Outputs {
            logits: asks(Out::Logits) || (usual && input == Input::Float),
            probabilities: asks(Out::Probabilities) || (usual && input == Input::Uint8),
            maps: asks(Out::Features),
        };
        Options { input, precision, outputs }
    }
}

#[cfg(not(feature = "onnx-check"))]
pub fn expect_agreement(
    _: &crate::export::Model,
    _: Options,
    _: &[u8],
    _: &std::path::Path,
) -> anyhow::Result<()> {
    Ok(())
}

/// Once for all files of an export.
pub fn tell_if_not_run(forms: &[Form]) {
    let is_network = |form: &Form| matches!(form, Form::Onnx(_) | Form::Rust | Form::Web);
    if cfg!(not(feature = "onnx-check")) && forms.iter().any(is_network) {
        super::console::tell(
            "the network in ONNX is not run again: this kiln was built without the feature `onnx-check`; \
             `cargo build --release --features onnx-check` builds one that runs every export in tract before it keeps it",
        );
    }
}
