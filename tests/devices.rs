//! The self-check on every device of this machine: the processor's backends always, a GPU's driver where one
//! answers (Mesa's software driver will do: Debian's mesa-vulkan-drivers).

#[path = "studio/gpu.rs"]
mod gpu;

use kiln::devices::{Chosen, Kind, Listed, Report, check_in, halves, list};
use kiln::scaling::Float;

#[test]
fn the_processor_computes_right() {
    println!("{}", passes(&one(Kind::Cpu).expect("the processor is always there")));
}

#[test]
fn burns_reference_computes_right() {
    println!("{}", passes(&one(Kind::Ndarray).expect("ndarray is always there")));
}

#[test]
fn a_gpu_computes_right_where_one_is() {
    match one(Kind::Wgpu) {
        Some(listed) => println!("{}", passes(&listed)),
        None => println!("skipped: no graphics driver answers here ({:?})", reasons(Kind::Wgpu)),
    }
}

/// Users are refused halves on the processor; the check itself knows nothing of that. Plain Burn's forms are the same there as
/// on a GPU that kiln has no kernels for.
#[test]
fn the_forms_for_halves_compute_right_on_the_processor() {
    let chosen = one(Kind::Cpu).expect("the processor is always there").open().unwrap();
    for float in [Float::Fp16, Float::Bf16] {
        println!("{float}: {}", passes_in(float, &chosen));
    }
}

#[test]
fn a_gpu_computes_right_in_halves_where_it_has_them() {
    let Some(listed) = gpu::listed() else { return };
    let chosen = listed.open().expect("it is listed as present");
    let halves = halves(&chosen);
    println!("{} has {halves:?}", listed.name);
    for float in halves {
        println!("{float}: {}", passes_in(float, &chosen));
    }
}

#[cfg(feature = "cuda")]
#[test]
fn an_nvidia_card_computes_right_where_one_is() {
    match one(Kind::Cuda) {
        Some(listed) => println!("{}", passes(&listed)),
        None => println!("skipped: no NVIDIA card here ({:?})", reasons(Kind::Cuda)),
    }
}

fn one(kind: Kind) -> Option<Listed> {
    list().into_iter().find(|listed| listed.kind == kind && listed.is_present())
}

fn reasons(kind: Kind) -> Vec<String> {
    list().into_iter().filter(|listed| listed.kind == kind).filter_map(|listed| listed.absent).collect()
}

/// Fails where the device does; tells how it went.
fn passes(listed: &Listed) -> String {
    let chosen: Chosen = listed.open().expect("it is listed as present");
    passes_in(Float::Fp32, &chosen)
}

fn passes_in(float: Float, chosen: &Chosen) -> String {
    let (mut steps, listed) = (0, &chosen.listed);
    let report = check_in(float, &chosen.device, &mut |_, _| steps += 1);
    assert_eq!(steps, report.rows.len() + 1);
    let failures: Vec<String> = report.failures().map(|row| format!("{row:?}")).collect();
    assert!(report.passes(), "{}", failures.join("\n"));
    format!("{} ({}, {}): {}", chosen.name, listed.name, listed.driver, summary(&report))
}

fn summary(report: &Report) -> String {
    let worst =
        |errors: &dyn Fn(&kiln::devices::Row) -> f64| report.rows.iter().map(errors).fold(0.0, f64::max);
    format!(
        "{} checks in {:.1} s, worst error forward {:.1e}, backward {:.1e}",
        report.rows.len(),
        report.seconds,
        worst(&|row| row.forward),
        worst(&|row| row.backward())
    )
}
