//! Runs an ONNX file in tract, a runtime that shares nothing with kiln.

use tract_onnx::prelude::*;

use super::check::{Numbers, Question};

/// The numbers of every output, or why there are none.
pub fn run(bytes: &[u8], question: &Question) -> Result<Vec<Vec<f32>>, String> {
    answer(bytes, question).map_err(|error| format!("{error:#}"))
}

fn answer(mut bytes: &[u8], question: &Question) -> TractResult<Vec<Vec<f32>>> {
    let input = match &question.numbers {
        Numbers::Float(values) => Tensor::from_shape(&question.shape, values)?,
        Numbers::Uint8(values) => Tensor::from_shape(&question.shape, values)?,
    };
    let fact = TypedFact::dt_shape(input.datum_type(), &question.shape);
    let model = tract_onnx::onnx().model_for_read(&mut bytes)?.with_input_fact(0, fact.into())?;
    let outputs = model.into_optimized()?.into_runnable()?.run(tvec!(input.into()))?;
    outputs.iter().map(|output| Ok(output.to_plain_array_view::<f32>()?.iter().copied().collect())).collect()
}
