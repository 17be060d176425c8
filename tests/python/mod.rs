//! A Python that has certain packages, for the tests that ask others for their opinion.

use std::process::Command;

/// Looks for packages without the seconds that importing them takes.
const PROBE: &str = "import importlib.util as u, sys; sys.exit(not all(map(u.find_spec, sys.argv[1:])))";

/// A Python with these packages, or None, said aloud. KILN_PYTHON names one.
pub fn python(packages: &[&str]) -> Option<String> {
    let python = std::env::var("KILN_PYTHON").unwrap_or_else(|_| "python3".into());
    let found = Command::new(&python).args(["-c", PROBE]).args(packages).output();
    if found.is_ok_and(|output| output.status.success()) {
        return Some(python);
    }
    println!("skipped: {python} has not all of {packages:?} (set KILN_PYTHON to a Python that has)");
    None
}

/// What a script of tests/golden says, as JSON.
pub fn said(python: &str, script: &str, arguments: &[&str], input: &str) -> serde_json::Value {
    use std::io::Write;
    use std::process::Stdio;
    let script = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(script);
    let mut child = Command::new(python)
        .arg(script)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{arguments:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}
