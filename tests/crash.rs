//! Kill -9 at random moments, many in one run, half of them while a checkpoint is being written: the run that was
//! resumed after each ends with the same bytes as one that was never killed.
//!
//! KILN_KILLS=1000 cargo test --release --test crash -- --nocapture   is the longer run; KILN_SEED repeats one.

// In a test a panic is the report; clippy excepts test functions by itself, but not what they call.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod studio;

use std::fs;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use kiln::chance::{Draws, Key};
use studio::Studio;

/// Some thirteen steps an epoch, each second one saved; averages, momentum and views are part of the state.
const CONFIG: &str = r#"
[model]
width = 0.1
depth = 0.1
resolution = 32
stochastic_depth = 0.2

[data]
path = "pictures"
workers = 1

[[stage]]
trains = "last 2"
epochs = 20
lr = 0.003

[[stage]]
trains = "all"
epochs = 40
lr = 0.003

[train]
batch = 2
ema = 0.9
device = "cpu"
threads = 1

[checkpoint]
every = "2 steps"
"#;

/// How many kills where nobody asks for more.
const KILLS: usize = 20;

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|text| text.parse().unwrap())
}

#[test]
fn a_run_killed_many_times_ends_as_if_it_had_not_been() {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let seed = number("KILN_SEED").unwrap_or(since.as_nanos() as u64);
    println!("KILN_SEED={seed}");
    let kills = number("KILN_KILLS").map_or(KILLS, |count| count as usize);
    let studio = Studio::new();
    studio.write("crash.toml", CONFIG);
    studio.expect(0, &["train", "crash.toml", "--run", "whole"]);
    let mut draws = Key::new(seed).draws();
    let (mut done, mut saving, mut runs) = (0, 0, 0);
    while done < kills {
        runs += 1;
        let run = format!("cut-{runs}");
        let killed = killed_until_finished(&studio, &run, kills - done, &mut draws);
        done += killed.0;
        saving += killed.1;
    }
    println!(
        "{done} kills, {saving} of them while a checkpoint was being written, in {runs} runs: no byte differs"
    );
}

/// Trains a run to its end through so many kills at most, and compares it. Gives the kills, and those during saves.
fn killed_until_finished(studio: &Studio, run: &str, most: usize, draws: &mut Draws) -> (usize, usize) {
    let folder = format!("checkpoints/{run}");
    let (mut kills, mut saving) = (0, 0);
    loop {
        let command = match studio.steps(run).is_empty() {
            false => vec!["resume", &folder],
            true => {
                // Killed before there was anything to go on from.
                let _ = fs::remove_dir_all(studio.path(&folder));
                vec!["train", "crash.toml", "--run", run]
            }
        };
        if kills == most {
            studio.expect(0, &command);
            break;
        }
        let running = studio.start(&command);
        let in_a_save = draws.chance(0.5);
        wait(studio, run, in_a_save, draws);
        running.signal("KILL");
        saving += usize::from(is_saving(studio, run));
        kills += 1;
        if running.wait().code.is_some() {
            kills -= 1;
            break;
        }
    }
    check_same(studio, run);
    (kills, saving)
}

/// Until a checkpoint is being written, or for a while.
fn wait(studio: &Studio, run: &str, in_a_save: bool, draws: &mut Draws) {
    let started = Instant::now();
    let long = Duration::from_micros(draws.between(0.0, 400_000.0) as u64);
    if !in_a_save {
        std::thread::sleep(long);
        return;
    }
    // What an earlier kill left is not a save: it is swept when the run goes on.
    while started.elapsed() < long {
        std::hint::spin_loop();
    }
    while !is_saving(studio, run) && started.elapsed() < Duration::from_secs(2) {
        std::hint::spin_loop();
    }
}

fn is_saving(studio: &Studio, run: &str) -> bool {
    let Ok(entries) = fs::read_dir(studio.path(&format!("checkpoints/{run}/steps"))) else { return false };
    entries.flatten().any(|entry| entry.file_name().to_string_lossy().starts_with(".kiln-tmp"))
}

#[track_caller]
fn check_same(studio: &Studio, run: &str) {
    for name in ["metrics.jsonl", "metrics.csv"] {
        let read = |run: &str| fs::read(studio.path(&format!("checkpoints/{run}/{name}"))).unwrap();
        assert!(read("whole") == read(run), "{name} differs");
    }
    for name in ["model.safetensors", "training.safetensors", "optimizer.safetensors", "state.json"] {
        assert!(
            fs::read(studio.newest("whole", name)).unwrap() == fs::read(studio.newest(run, name)).unwrap(),
            "{name} differs"
        );
    }
    let test = |run: &str| studio.json(&format!("checkpoints/{run}/result.json"))["test"].clone();
    assert_eq!(test("whole"), test(run));
    studio.expect(0, &["verify", &format!("checkpoints/{run}")]);
}
