//! What becomes of a picture that lies in several of the splits that a data set brings along. Finding them is left to
//! `split`.

use super::super::{Dataset, Error, Sample, SetAside, split};
use super::listed;

/// What to do where the data set's own splits share a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leakage {
    /// Refuse the whole data set.
    Refuse,
    /// Leave it to the later side: test before validation before training.
    SetAside,
    /// Use it on both sides.
    Allow,
}

impl Dataset {
    /// Where the user's own folders have one picture on two sides.
    pub(super) fn part_leaks(&mut self, leakage: Leakage) -> Result<(), Error> {
        let items: Vec<_> = self.samples.iter().map(|s| (s.split, s.hash.as_str())).collect();
        let kept: Vec<Option<String>> = split::leaks(&items)
            .into_iter()
            .map(|leak| leak.map(|kept| self.samples[kept].relative.clone()))
            .collect();
        match leakage {
            Leakage::Allow => return Ok(()),
            Leakage::Refuse => return refuse_leaks(&self.samples, &kept),
            Leakage::SetAside => {}
        }
        for (sample, kept) in std::mem::take(&mut self.samples).into_iter().zip(kept) {
            match kept {
                None => self.samples.push(sample),
                Some(kept) => {
                    let reason = format!("the same picture as {kept}, on the other side of the split");
                    self.set_aside.push(SetAside { relative: sample.relative, reason });
                }
            }
        }
        Ok(())
    }
}

fn refuse_leaks(samples: &[Sample], kept: &[Option<String>]) -> Result<(), Error> {
    let leaks = samples.iter().zip(kept).filter_map(|(sample, kept)| Some((sample, kept.as_ref()?)));
    let lines: Vec<_> =
        leaks.map(|(sample, kept)| format!("  {} is the same as {kept}", sample.relative)).collect();
    match lines.len() {
        0 => Ok(()),
        count => Err(Error::Leakage { count, list: listed(lines.into_iter()) }),
    }
}
