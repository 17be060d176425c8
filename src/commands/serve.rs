//! `kiln serve`: a model behind HTTP until a signal says stop. What was typed becomes settings here; serve/ does the rest.

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use clap::Args;
use serde_json::json;

use super::classifier::Classifier;
use super::console::{print, tell};
use super::failure::Failure;
use super::served::Served;
use super::start::{self, Signals};
use super::{Ended, Format, Place, at_least_one};
use crate::dataset::Limits;
use crate::devices::choose;
use crate::durable;
use crate::serve::{Patience, Server, Settings, Token};

#[derive(Args)]
pub struct Serve {
    /// A run folder, an exported file, or imagenet[:VARIANT]
    model: String,
    /// The address to listen on; all but this machine's own ask for a token
    #[arg(long, default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    address: IpAddr,
    /// 0 takes any that is free
    #[arg(long, default_value_t = 8000)]
    port: u16,
    /// What clients have to show; who sees this machine's processes sees it, so rather give a file or KILN_TOKEN
    #[arg(long, conflicts_with = "token_file")]
    token: Option<String>,
    /// A file with the token alone
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// Pictures that a thread takes through the network at once; more pay on a GPU
    #[arg(long, default_value_t = 2, value_parser = at_least_one)]
    max_batch: usize,
    /// Milliseconds that a thread waits for more pictures; with 0 it takes what is there
    #[arg(long, default_value_t = 0, value_name = "MS")]
    max_wait: u64,
    /// Pictures that may wait; who comes then is told to come again
    #[arg(long, default_value_t = 128, value_parser = at_least_one)]
    queue: usize,
    /// Megabytes of a request
    #[arg(long, default_value = "10", value_name = "MB", value_parser = megabytes)]
    max_upload: usize,
    /// Width times height of a picture, as its header states them
    #[arg(long, default_value_t = 50_000_000)]
    max_pixels: u64,
    /// Requests a second that a client may send; without it there is no limit
    #[arg(long, value_name = "PER_SECOND", value_parser = above_zero)]
    rate: Option<f64>,
    /// The checkpoint of this step instead of the best one
    #[arg(long)]
    step: Option<usize>,
    #[command(flatten)]
    format: Format,
    #[command(flatten)]
    place: Place,
}

impl Serve {
    pub fn run(self) -> Ended {
        let token = self.allowed()?;
        let signals = Signals::catch()?;
        start::threads(self.place.threads)?;
        // The address first: it costs nothing to find out that it is taken.
        let server = Server::bind(self.address, self.port)?;
        let device = choose(self.place.choice())?.device;
        let classifier = Classifier::open(&self.model, self.step, &device)?;
        super::session::marks(&classifier.identity);
        let model = Served::new(classifier, &self.model, Limits { pixels: self.max_pixels });
        let address = format!("http://{}", server.address());
        match self.format.json {
            true => print(&format!("{}\n", json!({ "schema": 1, "address": address })))?,
            false => print(&format!("serving {} on {address}\n", self.model))?,
        }
        let stop = async || {
            while !signals.asked.load(Relaxed) {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            tell("stopping: what is under way gets its answer; a second signal stops at once");
        };
        let cut = server.run(Arc::new(model), &self.settings(token), stop())?;
        if cut > 0 {
            tell(&format!("{cut} connections were cut off"));
        }
        Ok(0)
    }

    /// The token, without which only this machine may ask.
    fn allowed(&self) -> Result<Option<Token>, Failure> {
        let typed = match &self.token_file {
            Some(file) => Some(durable::read_words(file).map_err(|error| {
                Failure::Usage(format!("cannot read --token-file {}: {error}", file.display()))
            })?),
            None => self.token.clone().or_else(|| std::env::var("KILN_TOKEN").ok()),
        };
        let token = match typed {
            Some(text) => {
                let empty =
                    || Failure::Usage("the token is empty; give one of some length, or none at all".into());
                Some(Token::new(&text).ok_or_else(empty)?)
            }
            None => None,
        };
        if token.is_none() && !self.address.to_canonical().is_loopback() {
            return Err(Failure::Usage(format!(
                "--address {}: other machines reach this address, so clients have to show a token; give one with \
                 --token-file FILE or in KILN_TOKEN",
                self.address
            )));
        }
        Ok(token)
    }

    fn settings(&self, token: Option<Token>) -> Settings {
        Settings {
            workers: self.place.threads.unwrap_or_else(start::processors),
            queue: self.queue,
            most_together: self.max_batch,
            wait: Duration::from_millis(self.max_wait),
            upload: self.max_upload,
            rate: self.rate,
            token,
            patience: Patience::default(),
        }
    }
}

/// Megabytes as bytes.
fn megabytes(text: &str) -> Result<usize, String> {
    let bytes = at_least_one(text)?.checked_mul(1_000_000).filter(|&bytes| bytes <= MOST);
    bytes.ok_or_else(|| format!("must be at most {}", MOST / 1_000_000))
}

/// A larger request is no upload of pictures.
const MOST: usize = 4_000_000_000;

fn above_zero(text: &str) -> Result<f64, String> {
    let rate = text.parse().ok().filter(|rate: &f64| *rate > 0.0 && rate.is_finite());
    rate.ok_or_else(|| "must be a number above 0".into())
}
