//! `train.tune`: before a GPU first trains a network with batches of a size, the kernels for its products of matrices are measured.
//! That is done by a kiln of its own, so a kernel that makes a driver hang or crash takes no run with it.

mod child;

use std::io::{BufRead, BufReader, Read, Seek, Write};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

pub use self::child::Measure;
use super::console::{Bar, tell, warn_loudly};
use super::sizes::Sizes;
use crate::config::Tune;
use crate::devices::{Chosen, Pick, Tuned, release};
use crate::kernels::{Measured, NO_NUMBER, OWN, PLAIN, Product};

/// How often the measuring kiln may end before the rest is left as it is.
const MOST_DEATHS: usize = 3;
/// No kernel takes as long, shaders compiled by the slowest of drivers included.
const PATIENCE: Duration = Duration::from_secs(300);

#[derive(Serialize, Deserialize)]
struct Request {
    sizes: Sizes,
    /// Kernels that are not to be tried, and at which product they ended the program before.
    banned: Vec<(String, Product)>,
    /// Products that are not to be tried.
    skipped: Vec<Product>,
}

impl Request {
    /// A kernel that ended the program is tried no more. Burn's own and the plainest are missed only where they did: all others are held
    /// against them.
    fn bans(&self, kernel: &str, product: Product) -> bool {
        let is_missed = [OWN, PLAIN].contains(&kernel);
        self.banned.iter().any(|(name, at)| name == kernel && (*at == product || !is_missed))
    }
}

/// What the measuring kiln says, a line each.
#[derive(Serialize, Deserialize)]
enum Line {
    /// So many products have to be measured.
    Missing(usize),
    /// The product that comes next, before any kernel tries it.
    Next(Product),
    Trying(String, Product),
    Found(Product, Vec<(String, Measured)>),
    Failed(Product, String),
}

/// Sees to it that products are multiplied by the kernels that are best for them on this device. Never fails: what could not be
/// measured is left to Burn.
pub fn settle(tune: Tune, chosen: &Chosen, sizes: &Sizes, stop: &AtomicBool) {
    let is_wanted = match tune {
        Tune::Auto => chosen.listed.is_gpu(),
        Tune::On => !chosen.listed.is_processor(),
        Tune::Off => false,
    };
    if !is_wanted {
        return;
    }
    let mut tuned = Tuned::load(&chosen.listed);
    if !tuned.is_settled(&sizes.key()) {
        release(&chosen.device);
        tell(
            "tuning products of matrices, once for a network, its batches and this driver (train.tune = \"off\" leaves it out)",
        );
        let begun = Instant::now();
        let outcome = measure(&mut tuned, chosen, sizes, stop);
        if let Err(reason) = &outcome {
            tell(&format!(
                "  tuning stopped: {reason:#}; what was not measured is left to Burn's own kernels"
            ));
        }
        if matches!(outcome, Ok(true)) {
            tuned.settle(sizes.key());
        }
        let place = tuned.save(&chosen.listed);
        let place = place.map_or_else(|| "not kept".to_owned(), |file| format!("kept in {}", file.display()));
        tell(&format!("  {} s; {place}", begun.elapsed().as_secs()));
    }
    tuned.take();
}

/// Measures what is not known yet. Gives whether all of it is known now.
fn measure(tuned: &mut Tuned, chosen: &Chosen, sizes: &Sizes, stop: &AtomicBool) -> Result<bool> {
    let mut request = Request { sizes: sizes.clone(), banned: Vec::new(), skipped: Vec::new() };
    let mut picks = Vec::new();
    for _ in 0..=MOST_DEATHS {
        let mut kiln = Command::new(std::env::current_exe().context("kiln cannot find itself")?);
        kiln.args(["tune", "--device", chosen.name]);
        let ended = Helper::start(kiln, &request)?.listen(tuned, &mut picks, stop)?;
        match ended {
            Heard::All => {
                tell(&format!("  {}", in_short(&picks)));
                return Ok(true);
            }
            Heard::Stop => {
                tell(&format!("  stopped; {}", in_short(&picks)));
                return Ok(false);
            }
            Heard::Died(kernel, product) => {
                tell(&format!(
                    "  the kernel {kernel:?} ended the program that tried it at {product}, and is left out"
                ));
                request.banned.push((kernel, product));
            }
            Heard::DiedBefore(product) => {
                tell(&format!(
                    "  {product} ended the program before a kernel tried it, and is left to Burn's own"
                ));
                request.skipped.push(product);
            }
        }
        // What was found until then is read from the cache by the next one.
        tuned.save(&chosen.listed);
    }
    anyhow::bail!("the program that tries kernels ended more than {MOST_DEATHS} times")
}

fn in_short(picks: &[Pick]) -> String {
    let others = picks.iter().filter(|pick| pick.kernel != OWN).count();
    let own: f64 = picks.iter().map(|pick| pick.own_ms.unwrap_or(pick.ms)).sum();
    let saved: f64 = picks.iter().map(Pick::saved).sum();
    let share = if own > 0.0 { saved / own * 100.0 } else { 0.0 };
    format!(
        "products measured: {}; another kernel than Burn's own choice for {others} of them, which saves {share:.0} % of their time",
        picks.len()
    )
}

/// How the measuring kiln ended.
enum Heard {
    All,
    /// Asked to.
    Stop,
    /// While it tried this kernel.
    Died(String, Product),
    /// Before it tried a kernel at this product.
    DiedBefore(Product),
}

/// The measuring kiln.
struct Helper {
    child: Child,
    lines: Receiver<Line>,
    errors: std::fs::File,
}

impl Helper {
    fn start(mut program: Command, request: &Request) -> Result<Self> {
        let errors = tempfile::tempfile()?;
        let mut child = program
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(errors.try_clone()?)
            .spawn()
            .context("kiln cannot start itself to measure")?;
        if let Some(mut input) = child.stdin.take() {
            // One that ended before it has read is told of below.
            let _ = input.write_all(serde_json::to_string(request)?.as_bytes());
        }
        let (sender, lines) = channel();
        if let Some(output) = child.stdout.take() {
            std::thread::spawn(move || {
                let said = BufReader::new(output).lines().map_while(Result::ok);
                for line in said.filter_map(|line| serde_json::from_str(&line).ok()) {
                    if sender.send(line).is_err() {
                        break;
                    }
                }
            });
        }
        Ok(Self { child, lines, errors })
    }

    fn listen(mut self, tuned: &mut Tuned, picks: &mut Vec<Pick>, stop: &AtomicBool) -> Result<Heard> {
        let mut bar = Bar::count("  products of matrices");
        let (mut missing, mut done, mut heard) = (None, 0, Instant::now());
        // Who is to blame if it ends now; nobody but itself between two products.
        let mut blamed = None;
        let ended = loop {
            if stop.load(Ordering::Relaxed) {
                break Some(Heard::Stop);
            }
            match self.lines.recv_timeout(Duration::from_millis(200)) {
                Ok(line) => {
                    heard = Instant::now();
                    match line {
                        Line::Missing(count) => missing = Some(count),
                        Line::Next(product) => blamed = Some(Heard::DiedBefore(product)),
                        Line::Trying(kernel, product) => blamed = Some(Heard::Died(kernel, product)),
                        Line::Failed(product, reason) => {
                            blamed = None;
                            bar.line(&format!("  {product} could not be measured: {reason}"));
                            done += 1;
                        }
                        Line::Found(product, measured) => {
                            blamed = None;
                            done += 1;
                            if let Some(pick) = Pick::of(product, &measured) {
                                warn_of_wrong(&pick);
                                tuned.add(pick.clone());
                                picks.push(pick);
                            }
                        }
                    }
                    bar.set(done as u64, missing.unwrap_or(0) as u64);
                }
                Err(RecvTimeoutError::Timeout) if heard.elapsed() > PATIENCE => break blamed,
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) if missing == Some(done) => break Some(Heard::All),
                Err(RecvTimeoutError::Disconnected) if stop.load(Ordering::Relaxed) => {
                    break Some(Heard::Stop);
                }
                Err(RecvTimeoutError::Disconnected) => break blamed,
            }
        };
        bar.clear();
        // One that hangs is not waited for; one that has ended does not mind.
        let _ = self.child.kill();
        let status = self.child.wait()?;
        ended.ok_or_else(|| anyhow::anyhow!("{status}: {}", self.last_words()))
    }

    fn last_words(&mut self) -> String {
        let mut said = String::new();
        // Words that cannot be read are none.
        let _ = self.errors.rewind().and_then(|()| self.errors.read_to_string(&mut said));
        said.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("it said nothing").to_owned()
    }
}

/// A kernel that Burn would have taken and that is wrong must not be passed over in silence.
fn warn_of_wrong(pick: &Pick) {
    if let Some(error) = pick.wrong.get(OWN) {
        let fault = match *error {
            NO_NUMBER => "gives what is no number, or beyond all measure,".to_owned(),
            error => format!("is {error:.1e} off"),
        };
        warn_loudly(&format!(
            "WRONG KERNEL: Burn's own choice for {} {fault} on this device; kiln multiplies by {:?} there.",
            pick.product, pick.kernel
        ));
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use crate::scaling::{Float, Plan, Variant};

    fn sizes() -> Sizes {
        Sizes {
            plan: Plan::variant(Variant::Lite0),
            side: 32,
            classes: 3,
            float: Float::Fp32,
            stored: false,
            cuts: [0].into(),
            batches: [2].into(),
            inferred: [2].into(),
        }
    }

    /// What is made of a program that says this and ends so.
    fn heard(script: &str, picks: &mut Vec<Pick>, stop: bool) -> Result<Heard> {
        let mut shell = Command::new("sh");
        shell.args(["-c", script]);
        let request = Request { sizes: sizes(), banned: Vec::new(), skipped: Vec::new() };
        Helper::start(shell, &request)?.listen(&mut Tuned::default(), picks, &AtomicBool::new(stop))
    }

    #[test]
    fn a_kernel_that_ends_its_program_is_named_and_what_was_found_before_is_kept() {
        let product = Product::SMALL;
        let line = |line: &Line| format!("echo '{}'\n", serde_json::to_string(line).unwrap());
        let measured = |ms| Measured { ms, error: 0.0 };
        let found = vec![("own".to_owned(), measured(2.0)), ("unit".to_owned(), measured(1.0))];
        let begun = line(&Line::Missing(2))
            + &line(&Line::Found(product, found))
            + &line(&Line::Trying("cmma".into(), product));
        let mut picks = Vec::new();
        let ended = heard(&(begun.clone() + "kill -9 $$"), &mut picks, false).unwrap();
        assert!(matches!(ended, Heard::Died(kernel, at) if kernel == "cmma" && at == product));
        let found: Vec<_> =
            picks.iter().map(|pick| (pick.product, pick.kernel.as_str(), pick.saved())).collect();
        assert_eq!(found, [(product, "unit", 1.0)]);
        assert_eq!(
            in_short(&picks),
            "products measured: 1; another kernel than Burn's own choice for 1 of them, which saves 50 % of their time"
        );
        let before = line(&Line::Missing(1)) + &line(&Line::Next(product));
        let ended = heard(&before, &mut Vec::new(), false).unwrap();
        assert!(matches!(ended, Heard::DiedBefore(of) if of == product));
        // A kernel that gave no numbers, of which JSON has none, is heard of all the same, and blamed for nothing that comes later.
        let none = vec![
            ("own".to_owned(), Measured { ms: 1.0, error: NO_NUMBER }),
            ("unit".to_owned(), measured(2.0)),
        ];
        let (mut picks, said) = (Vec::new(), line(&Line::Missing(2)) + &line(&Line::Found(product, none)));
        assert!(heard(&(said + "echo gone >&2; exit 3"), &mut picks, false).is_err());
        assert_eq!((picks[0].kernel.as_str(), picks[0].wrong["own"]), ("unit", NO_NUMBER));
        let whole = begun + &line(&Line::Failed(product, "too large".into()));
        assert!(matches!(heard(&whole, &mut Vec::new(), false).unwrap(), Heard::All));
        // One that hangs is ended when the run is to stop.
        assert!(matches!(heard("exec sleep 600", &mut Vec::new(), true).unwrap(), Heard::Stop));
        let silent =
            heard("echo no driver here >&2; exit 3", &mut Vec::new(), false).err().unwrap().to_string();
        assert!(silent.contains("no driver here") && silent.contains('3'), "{silent}");
    }

    #[test]
    fn burns_own_kernel_is_left_out_only_where_it_ended_the_program() {
        let (here, there) = (Product::SMALL, Product { rows: 9, ..Product::SMALL });
        let banned = [OWN, "cmma"].map(|kernel| (kernel.to_owned(), here)).into();
        let request = Request { sizes: sizes(), banned, skipped: Vec::new() };
        let check = |kernel: &str, expected: [bool; 2]| {
            assert_eq!([here, there].map(|product| request.bans(kernel, product)), expected, "{kernel}");
        };
        check(OWN, [true, false]);
        check("cmma", [true, true]);
        check(PLAIN, [false, false]);
    }

    #[test]
    fn a_training_of_other_sizes_is_another_one() {
        let other = Sizes { batches: [3].into(), ..sizes() };
        assert_eq!(sizes().key(), sizes().key());
        assert_ne!(sizes().key(), other.key());
    }
}
