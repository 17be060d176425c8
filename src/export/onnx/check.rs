//! Whether an ONNX file gives what kiln gives for the same pictures, within a stated tolerance. Who runs the file is left
//! open: tract does where the feature `onnx-check` is compiled in, tests ask other runtimes too.

use burn::tensor::{Device, Tensor, TensorData};

use super::{Input, LOGITS, Options, PROBABILITIES, Precision, map_name};
use crate::checkpoint::Identity;
use crate::dataset::{Picture, PictureError};
use crate::evaluate::softmax;
use crate::export::Model;
use crate::model::{Folded, numbers};

#[cfg(feature = "onnx-check")]
pub use super::tract::run;

/// What a file is handed: pictures one after the other.
#[derive(Debug, Clone, PartialEq)]
pub struct Question {
    pub shape: Vec<usize>,
    pub numbers: Numbers,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Numbers {
    Float(Vec<f32>),
    Uint8(Vec<u8>),
}

/// One output for all pictures.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    pub name: String,
    pub values: Vec<f32>,
}

/// How far a file may be off: logits of their largest, probabilities of 1, maps by the length of the difference of that of the
/// map. Halves have 11 bits, and some runtimes add up in them.
pub fn tolerance(precision: Precision) -> f64 {
    match precision {
        Precision::Fp32 => 1e-4,
        Precision::Fp16 => 2e-2,
    }
}

/// Pictures as the file takes them; they are 8-bit RGB of the size that the network sees.
pub fn question(
    identity: &Identity,
    options: Options,
    pictures: &[Picture],
) -> Result<Question, PictureError> {
    let (count, side) = (pictures.len(), identity.preprocess.size);
    Ok(match options.input {
        Input::Float => Question {
            shape: vec![count, identity.channels, side, side],
            numbers: Numbers::Float(normalised(identity, pictures)?),
        },
        Input::Uint8 => {
            let bytes: Result<Vec<&[u8]>, _> =
                pictures.iter().map(|picture| picture.expect_rgb8("a model of bytes")).collect();
            Question { shape: vec![count, side, side, 3], numbers: Numbers::Uint8(bytes?.concat()) }
        }
    })
}

/// What kiln itself makes of the pictures, in the order of the file's outputs.
pub fn answers(model: &Model, options: Options, pictures: &[Picture]) -> Result<Vec<Answer>, PictureError> {
    let identity = &model.identity;
    let (count, side) = (pictures.len(), identity.preprocess.size);
    let data = TensorData::new(normalised(identity, pictures)?, [count, identity.channels, side, side]);
    let images = Tensor::from_data(data, &Device::flex());
    let network = Folded::new(&model.clone().network(&Device::flex()));
    let mut answers = Vec::new();
    if options.outputs.maps {
        let maps = network.maps(images.clone()).into_iter().map(numbers);
        let named = network.scales().iter().map(map_name).zip(maps);
        answers.extend(named.map(|(name, values)| Answer { name, values }));
    }
    let logits = numbers(network.infer(images));
    if options.outputs.probabilities {
        let rows = logits.chunks(identity.classes.len());
        let values = rows.flat_map(|row| softmax(row, identity.temperature)).map(|share| share as f32);
        answers.push(Answer { name: PROBABILITIES.into(), values: values.collect() });
    }
    if options.outputs.logits {
        answers.insert(
            answers.len() - usize::from(options.outputs.probabilities),
            Answer { name: LOGITS.into(), values: logits },
        );
    }
    Ok(answers)
}

/// The largest difference between what was wanted and what was found, or in what they cannot be compared or are too far apart.
pub fn compare(wanted: &[Answer], found: &[Vec<f32>], precision: Precision) -> Result<f64, String> {
    if wanted.len() != found.len() {
        return Err(format!("it has {} outputs instead of {}", found.len(), wanted.len()));
    }
    let mut most = 0.0_f64;
    for (wanted, found) in wanted.iter().zip(found) {
        let off = difference(wanted, found)?;
        let allowed = tolerance(precision);
        if off.is_nan() || off > allowed {
            return Err(format!("its {} are {off:.1e} off, more than {allowed:.0e}", wanted.name));
        }
        most = most.max(off);
    }
    Ok(most)
}

fn difference(wanted: &Answer, found: &[f32]) -> Result<f64, String> {
    let Answer { name, values } = wanted;
    if values.len() != found.len() {
        return Err(format!("its {name} are {} numbers instead of {}", found.len(), values.len()));
    }
    let wanted = values.iter().copied().map(f64::from);
    let apart = wanted.clone().zip(found).map(|(a, b)| (a - f64::from(*b)).abs());
    let off = match name.as_str() {
        PROBABILITIES => largest(apart),
        LOGITS => largest(apart) / largest(wanted.map(f64::abs)).max(f64::MIN_POSITIVE),
        _ => length(apart) / length(wanted).max(f64::MIN_POSITIVE),
    };
    Ok(off)
}

/// Unlike a fold over `max`, this keeps what is no number.
fn largest(values: impl Iterator<Item = f64>) -> f64 {
    values.fold(0.0, |most, value| if value > most || value.is_nan() { value } else { most })
}

fn length(values: impl Iterator<Item = f64>) -> f64 {
    values.map(|value| value * value).sum::<f64>().sqrt()
}

fn normalised(identity: &Identity, pictures: &[Picture]) -> Result<Vec<f32>, PictureError> {
    let preprocess = &identity.preprocess;
    let mut values = Vec::new();
    for picture in pictures {
        preprocess.normalise(picture, identity.channels, &mut values)?;
    }
    Ok(values)
}
