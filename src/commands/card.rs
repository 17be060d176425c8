//! The model card that lies beside what `kiln export` writes.

use std::path::{Path, PathBuf};

use anyhow::Result;

use super::console::tell;
use crate::checkpoint::{Identity, RunFolder};
use crate::durable;
use crate::report::{Card, Run};

const NAME: &str = "MODEL_CARD";

/// Writes the card of a model into a folder and says where. A card that is there already and says the same serves again.
pub fn put(folder: &Path, model: &str, step: Option<usize>, identity: &Identity) -> Result<PathBuf> {
    let path = Path::new(model);
    let run = if RunFolder::is_one(path) { read(path) } else { None };
    // The name of `.` is known to the system alone.
    let whole = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let name = whole.file_stem().map_or_else(|| model.to_owned(), |name| name.to_string_lossy().into_owned());
    let card = Card { name: &name, identity, run: run.as_ref(), is_tested: is_tested(run.as_ref(), step) };
    let text = card.markdown();
    let mut number = 1;
    loop {
        let path =
            folder.join(if number == 1 { format!("{NAME}.md") } else { format!("{NAME}-{number}.md") });
        match durable::write_new(&path, text.as_bytes()) {
            Err(durable::Error::Exists { .. }) if is_same(&path, &text) => return Ok(path),
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
