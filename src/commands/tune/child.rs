//! The kiln that measures: it says each step before it takes it, so whoever listens knows what ended it.

use std::io::Read;

use anyhow::Result;
use clap::Args;

use super::super::console::print;
use super::super::{Ended, Place};
use super::{Line, Request};
use crate::devices::{Chosen, Pick, Tuned, choose, on, release, tried};
use crate::kernels::{Measured, OWN, PLAIN, Product, Trial, met_by};

/// Takes what to measure as JSON on standard input.
#[derive(Args)]
pub struct Measure {
    #[command(flatten)]
    place: Place,
}

impl Measure {
    pub fn run(self) -> Ended {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text)?;
        let request: Request = serde_json::from_str(&text)?;
        let chosen = choose(self.place.choice())?;
        let mut met = Vec::new();
        on(&chosen, || met = met_by(|| request.sizes.take_steps(&chosen.device)))?;
        release(&chosen.device);
        let mut tuned = Tuned::load(&chosen.listed);
        met.retain(|product| !tuned.knows(*product) && !request.skipped.contains(product));
        // The large ones first: where memory is short they fail at once.
        met.sort_by(|a, b| b.work().total_cmp(&a.work()));
        say(&Line::Missing(met.len()))?;
        for product in met {
            say(&Line::Next(product))?;
            let like = tuned.like(product).map(|pick| pick.kernel.clone());
            let found = measured(product, like.as_deref(), &request, &chosen)?;
            if let Some(pick) = found.as_ref().ok().and_then(|found| Pick::of(product, found)) {
                tuned.add(pick);
            }
            say(&match found {
                Ok(found) => Line::Found(product, found),
                Err(reason) => Line::Failed(product, reason),
            })?;
            release(&chosen.device);
        }
        Ok(0)
    }
}

/// What the kernels that can make this product did with it: all of them, or Burn's own and the one that is best for a product like it.
/// The plainest only where all others are wrong.
fn measured(
    product: Product,
    like: Option<&str>,
    request: &Request,
    chosen: &Chosen,
) -> Result<Result<Vec<(String, Measured)>, String>> {
    let trial = match tried(|| Trial::new(product, &chosen.device)) {
        Ok(trial) => trial,
        Err(reason) => return computes(chosen).map(|()| Err(reason)),
    };
    let mut found: Vec<(String, Measured)> = Vec::new();
    let is_asked = |kernel: &str| like.is_none_or(|like| [like, OWN, PLAIN].contains(&kernel));
    let kernels =
        trial.kernels().into_iter().filter(|kernel| is_asked(kernel) && !request.bans(kernel, product));
    for kernel in kernels {
        if kernel == PLAIN && Pick::of(product, &found).is_some() {
            continue;
        }
        say(&Line::Trying(kernel.to_owned(), product))?;
        match tried(|| trial.measure(kernel)) {
            Ok(measured) => found.push((kernel.to_owned(), measured)),
            // One that cannot make this product is no loss, unless it took the device with it.
            Err(_) => computes(chosen)?,
        }
    }
    Ok(Ok(found))
}

/// Whether the device still computes: one that was lost is lost for the rest of a process, and fails at whatever comes next.
fn computes(chosen: &Chosen) -> Result<()> {
    tried(|| Trial::new(Product::SMALL, &chosen.device)).map(drop).map_err(anyhow::Error::msg)
}

fn say(line: &Line) -> Result<()> {
    print(&(serde_json::to_string(line)? + "\n"))
}
