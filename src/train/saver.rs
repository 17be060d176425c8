//! Puts checkpoints on the disk beside the training, one at a time, and tries again where the disk refuses. What a
//! checkpoint holds is the run's business.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

use super::observe::Observer;
use super::retry::{PAUSES, until_done};
use crate::checkpoint::{Contents, Error, Keep, Manifest, RunFolder};

pub struct Saver {
    folder: RunFolder,
    busy: Option<Busy>,
    newest: Option<PathBuf>,
}

/// A checkpoint on its way.
struct Busy {
    thread: JoinHandle<Result<PathBuf, Error>>,
    words: Receiver<String>,
}

impl Saver {
    pub fn new(folder: &RunFolder) -> Self {
        Self { folder: folder.clone(), busy: None, newest: None }
    }

    /// Takes a checkpoint over, once the one before it is on the disk.
    pub fn begin(
        &mut self,
        contents: Contents,
        manifest: Manifest,
        keep: Keep,
        observer: &mut dyn Observer,
    ) -> Result<(), Error> {
        self.settle(observer)?;
        let folder = self.folder.clone();
        let (tell, words) = channel();
        let work = move || put_down(&folder, &contents, manifest, keep, &tell);
        let thread = std::thread::Builder::new().name("checkpoint".into()).spawn(work);
        let thread = thread.map_err(|cause| Error::Read { path: self.folder.path().to_owned(), cause })?;
        self.busy = Some(Busy { thread, words });
        Ok(())
    }

    /// Passes on what has happened, without waiting.
    pub fn look(&mut self, observer: &mut dyn Observer) -> Result<(), Error> {
        let Some(busy) = &self.busy else { return Ok(()) };
        busy.words.try_iter().for_each(|line| observer.remark(&line));
        if busy.thread.is_finished() {
            self.settle(observer)?;
        }
        Ok(())
    }

    /// Waits until everything is on the disk, and names the newest checkpoint of this process.
    pub fn settle(&mut self, observer: &mut dyn Observer) -> Result<Option<&Path>, Error> {
        if let Some(Busy { thread, words }) = self.busy.take() {
            // It ends when the thread does.
            words.iter().for_each(|line| observer.remark(&line));
            let saved = thread.join().unwrap_or_else(|_| {
                let reason = "the thread that writes checkpoints has panicked".to_owned();
                Err(Error::Damaged { path: self.folder.path().to_owned(), reason })
            })?;
            observer.saved(&saved);
            self.newest = Some(saved);
        }
        Ok(self.newest.as_deref())
    }
}

impl Drop for Saver {
    fn drop(&mut self) {
        // The run's lock goes after this: nobody else comes while it still writes.
        if let Some(busy) = self.busy.take() {
            let _ = busy.thread.join();
        }
    }
}

fn put_down(
    folder: &RunFolder,
    contents: &Contents,
    manifest: Manifest,
    keep: Keep,
    tell: &Sender<String>,
) -> Result<PathBuf, Error> {
    let mut warn = |line: &str| {
        // Nobody listens any more where the run is ending.
        let _ = tell.send(line.to_owned());
    };
    let saved = until_done(&PAUSES, &mut warn, || folder.write(contents, manifest.clone()))?;
    until_done(&PAUSES, &mut warn, || folder.point_at(&saved, &contents.progress))?;
    // What cannot be removed only takes room.
    if let Err(error) = folder.prune(&saved, keep) {
        warn(&format!("WARNING: an old checkpoint stays: {error}"));
    }
    Ok(saved)
}
