//! The card that is made of a C compiler (`tests/cuda`): a kernel in PTX with a warp's exchanges, a barrier and halves. Needs gcc and Python,
//! and is skipped without them.

#![cfg(all(target_os = "linux", target_arch = "x86_64"))]
// In a test a panic is the report; clippy excepts test functions by itself, but not what they call.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::path::Path;
use std::process::Command;

fn answers(program: &str) -> bool {
    Command::new(program).arg("--version").output().is_ok_and(|output| output.status.success())
}

#[test]
fn ptx_is_run_on_the_processor() {
    if !std::arch::is_x86_feature_detected!("f16c") || !["bash", "gcc", "python3"].into_iter().all(answers) {
        return println!("skipped: this needs bash, gcc, Python and a processor with F16C");
    }
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cuda");
    let folder = tempfile::tempdir().unwrap();
    let run = |command: &[&str]| {
        let output = Command::new(here.join("run"))
            .args(command)
            .env("CARD_CACHE", folder.path())
            .current_dir(folder.path())
            .output()
            .unwrap();
        assert!(output.status.success(), "{command:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let source = here.join("sums.c");
    let compile = r#"gcc -o sums "$0" -L"$CARD_CACHE" -lcuda"#;
    run(&["bash", "-c", compile, source.to_str().unwrap()]);
    let found = run(&["./sums", here.join("sums.ptx").to_str().unwrap()]);
    // Each block's sum, and its bits as fp16 by Python's struct; the third block negates its own.
    assert_eq!(found, "2016 67e0\n6112 6df8\n-10208 f0fc\n");
}
