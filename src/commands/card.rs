//! The model card that lies beside what `kiln export` writes, and in the folders that are passed on whole.

use std::path::{Path, PathBuf};

use anyhow::Result;

use super::console::tell;
use crate::checkpoint::{Identity, RunFolder};
use crate::config::Config;
use crate::durable;
use crate::report::{Card, Run};

/// What the card is called where nothing is in its way.
pub const NAME: &str = "MODEL_CARD.md";

/// The text of a model's card.
pub fn text(model: &str, step: Option<usize>, identity: &Identity) -> String {
    let path = Path::new(model);
    let run = if RunFolder::is_one(path) { read(path) } else { None };
    // The name of `.` is known to the system alone.
    let whole = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let name = whole.file_stem().map_or_else(|| model.to_owned(), |name| name.to_string_lossy().into_owned());
    Card { name: &name, identity, run: run.as_ref(), is_tested: is_tested(run.as_ref(), step) }.markdown()
}

/// Puts the licence of the data into a description that may be older than what the run's settings say of it now.
pub fn state_licence(model: &str, identity: &mut Identity) {
    let path = Path::new(model);
    let run = RunFolder::is_one(path).then(|| RunFolder::open(path).ok()).flatten();
    if let Some(config) = run.and_then(|run| Config::load(&run.config_path(), &[]).ok()) {
        identity.state_licence(config.data.licence.as_deref());
    }
}

/// Writes a card into a folder and says where. One that is there already and says the same serves again.
pub fn put(folder: &Path, text: &str) -> Result<PathBuf> {
    let mut number = 1;
    loop {
        let path = folder.join(if number == 1 { NAME.to_owned() } else { format!("MODEL_CARD-{number}.md") });
        match durable::write_new(&path, text.as_bytes()) {
            Err(durable::Error::Exists { .. }) if is_same(&path, text) => return Ok(path),
            Err(durable::Error::Exists { .. }) => number += 1,
            done => return Ok(done.map(|()| path)?),
        }
    }
}

/// What the run's own records say. An export does not fail for want of them.
fn read(path: &Path) -> Option<Run> {
    let run = Run::read(path);
    if let Err(error) = &run {
        tell(&format!("the model card says little, because the run's records cannot be read: {error}"));
    }
    run.ok()
}

/// Without a step it is the best checkpoint, which the test is made with.
fn is_tested(run: Option<&Run>, step: Option<usize>) -> bool {
    let best = run.and_then(|run| run.result.as_ref()).map(|result| result.best.as_str());
    step.is_none_or(|step| best.is_some_and(|best| best.ends_with(&format!("{step:06}"))))
}

fn is_same(path: &Path, text: &str) -> bool {
    std::fs::read(path).is_ok_and(|bytes| bytes == text.as_bytes())
}
