//! Whether an ONNX file gives what its model gives: it is run again on random pictures, and on some of the run's own where
//! they are still there.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Result;

use super::console::tell;
use super::failure::Failure;
use super::prepare::labels_of;
use crate::chance::Key;
use crate::checkpoint::RunFolder;
use crate::config::{Config, Source};
use crate::dataset::{
    Limits, Location, Part, Picture, PictureError, Pictures, Preprocess, Record, Sample, Split, audit,
};
use crate::export::Model;
use crate::export::onnx::{Options, check};

/// Pictures that an export is tried on.
const RANDOM: usize = 2;
const REAL: usize = 4;

/// Runs the file again and refuses one that disagrees with the model. Where nothing can run it, that is said.
pub fn expect_agreement(model: &Model, options: Options, bytes: &[u8], from: &Path) -> Result<()> {
    let preprocess = &model.identity.preprocess;
    let mut pictures = random(preprocess)?;
    let real = real(from, preprocess);
    let count = real.len();
    pictures.extend(real);
    let wanted = check::answers(model, options, &pictures)?;
    let question = check::question(&model.identity, options, &pictures)?;
    let found = check::run(bytes, &question);
    let agreed = found.and_then(|found| check::compare(&wanted, &found, options.precision));
    let off = agreed.map_err(|reason| {
        Failure::Disagrees(format!("the ONNX file disagrees with the model: {reason}; it was not kept"))
    })?;
    let real = match count {
        0 => "; the run's own pictures are not at hand".to_owned(),
        count => format!(" and {count} of the run's own"),
    };
    tell(&format!(
        "run again in tract on {RANDOM} random pictures{real}: {off:.1e} off at most ({:.0e} allowed)",
        check::tolerance(options.precision)
    ));
    Ok(())
}

fn random(preprocess: &Preprocess) -> Result<Vec<Picture>, PictureError> {
    let side = preprocess.size;
    let picture = |number: usize| {
        let mut draws = Key::new(0).named("export").with(number as u64).draws();
        let bytes = (0..preprocess.samples()).map(|_| draws.below(256) as u8).collect();
        Picture::rgb8(side as u32, side as u32, bytes)
    };
    (0..RANDOM).map(picture).collect()
}

/// Some pictures that the run was validated or trained with, as the network sees them. Where there are none any more, none.
fn real(from: &Path, preprocess: &Preprocess) -> Vec<Picture> {
    let Ok(run) = RunFolder::open(from) else { return Vec::new() };
    let Ok(record) = Record::read(&run.dataset_path()) else { return Vec::new() };
    let of = |split| record.samples.iter().filter(move |sample| sample.split == split);
    let samples: Vec<_> = of(Split::Val).chain(of(Split::Train)).collect();
    // Spread over the classes, which lie one after the other.
    let apart = (samples.len() / REAL).max(1);
    let mut listed = None;
    let place = |sample: &&Sample| {
        let path = record.root.join(&sample.relative);
        match path.is_file() {
            true => Some(Location::File(path)),
            false => listed.get_or_insert_with(|| in_shards(&run)).get(&sample.relative).cloned(),
        }
    };
    let places = samples.iter().step_by(apart).filter_map(place);
    places.filter_map(|place| seen(&place, preprocess)).take(REAL).collect()
}

/// Where the members of a run's shards lie, by their names. The record does not say; the shards are listed again, and no
/// picture is read for that.
fn in_shards(run: &RunFolder) -> BTreeMap<String, Location> {
    let Ok(config) = Config::load(&run.config_path(), &[]) else { return BTreeMap::new() };
    let Source::Path(path) = &config.data.source else { return BTreeMap::new() };
    let found = audit::find(&Pictures::At(path.clone()), &labels_of(&config));
    let entries = found.map(|found| found.entries).unwrap_or_default();
    entries.into_iter().map(|entry| (entry.name, entry.location)).collect()
}

fn seen(place: &Location, preprocess: &Preprocess) -> Option<Picture> {
    let bytes = place.read().ok()?;
    let need = |width, height| preprocess.need(width, height);
    let part = Part::decode(&bytes, preprocess.background, &Limits::default(), &need).ok()?;
    Some(preprocess.apply_to(&part).ok()?.to_rgb8().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkpoint::Identity;
    use crate::commands::failure::{DISAGREES, exit_code};
    use crate::export::onnx::{Input, Outputs, Precision, bytes};
    use crate::model::{Array, initial};
    use crate::scaling::{Family, Plan};
    use crate::weights::expected;

    fn model(seed: u64) -> Model {
        let identity = Identity::sample(Plan::custom(Family::B, 0.1, 0.1, 32).unwrap());
        let arrays = expected(&identity.plan, 2).into_iter().map(|(name, shape)| {
            let values = initial(seed, &name, &shape);
            Array { name, shape, values }
        });
        Model { arrays: arrays.collect(), identity }
    }

    #[test]
    fn a_file_of_another_model_is_refused_with_its_own_exit_code() {
        let outputs = Outputs { logits: true, probabilities: false, maps: true };
        let options = Options { input: Input::Float, precision: Precision::Fp32, outputs };
        let nowhere = Path::new("nowhere");
        let right = bytes(&model(1), options).unwrap();
        expect_agreement(&model(1), options, &right, nowhere).unwrap();
        for wrong in [bytes(&model(2), options).unwrap(), right[..right.len() / 2].to_vec()] {
            let error = expect_agreement(&model(1), options, &wrong, nowhere).unwrap_err();
            assert_eq!(exit_code(&error), DISAGREES);
            assert!(error.to_string().starts_with("the ONNX file disagrees with the model: "), "{error}");
        }
    }
}
