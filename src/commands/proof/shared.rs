//! Runs whose updates are shared among devices end as they do on one. Several real GPUs are nowhere at hand: here one processor stands for
//! two and four of them, and devices of two kinds show that what is shared gets across.

use super::tests::{SETTINGS, on, saved};
use super::*;
use crate::devices::{Kind, list};

fn settings(changes: &[(&str, &str)]) -> String {
    let plain = SETTINGS.replace("accumulate = 2", "accumulate = 4").replace("precision = \"fp16\"", "");
    changes.iter().fold(plain, |text, (from, to)| {
        assert!(text.contains(from), "{from}");
        text.replace(from, to)
    })
}

#[test]
fn a_run_shared_by_two_and_four_ends_with_the_bytes_of_one() {
    let device = Chosen::cpu().unwrap();
    for changes in [&[][..], &[("ema = 0.9", "batch_norm = \"stored\"")], &[("batch = 4", "batch = 3")]] {
        on(&device, &settings(changes), |both, scratch| {
            let alone = both.train(&scratch.join("alone"), None).unwrap();
            for count in [1, 3] {
                let others = vec![device.device.clone(); count];
                let both = Both { others: &others, ..*both };
                let shared = both.train(&scratch.join(format!("shared{count}")), None).unwrap();
                for file in compared(&alone.folder, &shared.folder).unwrap() {
                    assert!(file.same, "{changes:?}: {} with {count} others", file.name);
                }
            }
        });
    }
}

#[test]
fn a_shared_run_stops_and_goes_on_as_one_that_never_stopped() {
    let device = Chosen::cpu().unwrap();
    on(&device, &settings(&[]), |both, scratch| {
        let others = [device.device.clone()];
        let both = Both { others: &others, ..*both };
        let straight = both.train(&scratch.join("straight"), None).unwrap();
        let stopped = both.train(&scratch.join("stopped"), Some(&mut Bar::count("stops"))).unwrap();
        assert!(stopped.stops >= 2);
        for file in compared(&straight.folder, &stopped.folder).unwrap() {
            assert!(file.same, "{}", file.name);
        }
    });
}

/// How far apart two runs' weights and statistics are, as the largest difference of a number from one near it.
fn gap(a: &RunFolder, b: &RunFolder) -> f32 {
    let [a, b] = [a, b].map(|folder| saved(folder).model);
    let pairs = a.iter().zip(&b).flat_map(|(a, b)| a.values.iter().zip(&b.values));
    pairs.fold(0.0, |most, (a, b)| most.max((a - b).abs() / (1.0 + b.abs())))
}

#[test]
fn devices_of_two_kinds_share_a_run() {
    let all = list();
    let open = |kind: Kind| all.iter().find(|one| one.kind == kind && one.is_present())?.open().ok();
    let (cpu, ndarray) = (open(Kind::Cpu).unwrap(), open(Kind::Ndarray).unwrap());
    let wgpu = open(Kind::Wgpu);
    if wgpu.is_none() {
        eprintln!("skipped in part: there is no adapter for wgpu");
    }
    // What is cached lies as the first of them lays pictures out, and Burn's reference lays them out in its own way.
    let all = ("trains = \"last 1\"", "trains = \"all\"");
    // Adam divides by what is nearly nothing at first, so that a rounding would be the whole of a step.
    let settings = settings(&[all, ("ema = 0.9", "")]) + "[optimizer]\nkind = \"sgd\"\nmomentum = 0.9\n";
    let pairs = [Some((cpu.clone(), ndarray)), wgpu.map(|wgpu| (wgpu, cpu))];
    for (first, other) in pairs.into_iter().flatten() {
        on(&first, &settings, |both, scratch| {
            let alone = both.train(&scratch.join("alone"), None).unwrap();
            let others = [other.device.clone()];
            let both = Both { others: &others, ..*both };
            let shared = both.train(&scratch.join("shared"), None).unwrap();
            let elsewhere = Both { device: &other, ..both };
            let elsewhere =
                Both { others: &[], ..elsewhere }.train(&scratch.join("elsewhere"), None).unwrap();
            let [usual, found] = [&elsewhere, &shared].map(|run| gap(&alone.folder, &run.folder));
            let names = (first.name, other.name);
            assert!(
                found < 2.0 * usual.max(1e-6),
                "{names:?}: {found}, and {usual} between runs on one of them"
            );
            // Something was computed on either.
            assert!(found > 0.0 && usual < 0.02, "{names:?}: {found}, {usual}");
        });
    }
}
