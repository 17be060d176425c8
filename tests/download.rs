//! Downloads against a small server on the loopback address: whole, cut, resumed, wrong, refused and unreachable;
//! and from a recipe to an unpacked folder.

// In a test a panic is the report; clippy excepts test functions by itself, but not what they call.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use flate2::{Compression, write::GzEncoder};
use kiln::dataset::download::{Error, Expected, Patience, fetch_patiently};
use kiln::dataset::recipe::{Recipe, Step};
use sha2::{Digest, Sha256};

/// How the server treats one request.
#[derive(Clone, Copy)]
enum Reply {
    /// All that was asked for; the range, where one was.
    Good,
    /// Says how much will come, and ends after so many bytes.
    CutAfter(usize),
    /// As if it had never heard of ranges, whole or cut.
    NoRange(Option<usize>),
    /// Says how much will come, and then nothing more.
    Silent,
    Status(u16),
}

/// Serves one file on the loopback address; a thread that ends with the tests.
struct Server {
    port: u16,
    /// The Range header of each request so far.
    ranges: Arc<Mutex<Vec<Option<String>>>>,
}

impl Server {
    /// Answers with the replies in order, the last one again and again.
    fn start(content: Vec<u8>, replies: &[Reply]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let ranges = Arc::new(Mutex::new(Vec::new()));
        let (seen, replies) = (ranges.clone(), replies.to_vec());
        thread::spawn(move || {
            for (i, stream) in listener.incoming().enumerate() {
                let reply = replies[i.min(replies.len() - 1)];
                let (stream, content, seen) = (stream.unwrap(), content.clone(), seen.clone());
                // A client that hangs up early is no fault of the server.
                thread::spawn(move || drop(answer(&stream, &content, reply, &seen)));
            }
        });
        Self { port, ranges }
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}/file.tgz", self.port)
    }

    fn ranges(&self) -> Vec<Option<String>> {
        self.ranges.lock().unwrap().clone()
    }
}

fn answer(
    stream: &TcpStream,
    content: &[u8],
    reply: Reply,
    seen: &Mutex<Vec<Option<String>>>,
) -> std::io::Result<()> {
    let mut range = None;
    for line in BufReader::new(stream).lines() {
        let line = line?.to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        range = line.strip_prefix("range: ").map(str::to_string).or(range);
    }
    seen.lock().unwrap().push(range.clone());
    let start = match (reply, &range) {
        (Reply::NoRange(_), _) | (_, None) => None,
        (_, Some(range)) => Some(range.trim_start_matches("bytes=").trim_end_matches('-').parse().unwrap()),
    };
    let mut stream = stream;
    let rest = &content[start.unwrap_or(0)..];
    let length = rest.len();
    let close = "Connection: close\r\n";
    match (reply, start) {
        (Reply::Status(status), _) => {
            return write!(stream, "HTTP/1.1 {status} No\r\n{close}Content-Length: 0\r\n\r\n");
        }
        (_, None) => write!(stream, "HTTP/1.1 200 OK\r\n{close}Content-Length: {length}\r\n\r\n")?,
        (_, Some(start)) => write!(
            stream,
            "HTTP/1.1 206 Partial Content\r\n{close}Content-Length: {length}\r\nContent-Range: bytes {start}-{}/{}\r\n\r\n",
            content.len() - 1,
            content.len()
        )?,
    }
    match reply {
        Reply::CutAfter(bytes) | Reply::NoRange(Some(bytes)) => stream.write_all(&rest[..bytes.min(length)]),
        Reply::Silent => {
            thread::sleep(Duration::from_secs(2));
            Ok(())
        }
        _ => stream.write_all(rest),
    }
}

const HASTE: Patience = Patience {
    connect: Duration::from_secs(2),
    silence: Duration::from_millis(300),
    pause: Duration::from_millis(1),
    attempts: 3,
};

fn content() -> Vec<u8> {
    (0..1_000_000u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn expected(content: &[u8]) -> Expected {
    Expected { size: Some(content.len() as u64), sha256: Some(sha256(content)) }
}

/// A place for the file, and what fetching it there does.
struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn file(&self, ending: &str) -> PathBuf {
        self.folder.path().join(format!("file.tgz{ending}"))
    }

    fn fetch(&self, url: &str, expected: &Expected) -> Result<(), Error> {
        fetch_patiently(url, expected, &self.file(""), &HASTE, &mut |_, _| {})
    }

    fn check(&self, content: &[u8]) {
        assert!(fs::read(self.file("")).unwrap() == content, "other content");
        assert!(!self.file(".part").exists());
    }
}

#[test]
fn a_file_is_fetched_once_with_progress() {
    let (place, content) = (Place::new(), content());
    let server = Server::start(content.clone(), &[Reply::Good]);
    let mut steps = Vec::new();
    for _ in 0..2 {
        let into = place.file("");
        fetch_patiently(&server.url(), &expected(&content), &into, &HASTE, &mut |bytes, total| {
            steps.push((bytes, total));
        })
        .unwrap();
    }
    place.check(&content);
    assert_eq!(server.ranges(), [None]);
    assert_eq!(steps.first(), Some(&(0, Some(1_000_000))));
    assert_eq!(steps.last(), Some(&(1_000_000, Some(1_000_000))));
    assert!(steps.is_sorted());
}

#[test]
fn a_cut_connection_is_taken_up_where_it_ended() {
    let (place, content) = (Place::new(), content());
    let cuts = [Reply::CutAfter(300_000), Reply::CutAfter(0), Reply::CutAfter(200_000), Reply::Good];
    let server = Server::start(content.clone(), &cuts);
    place.fetch(&server.url(), &expected(&content)).unwrap();
    place.check(&content);
    let [first, second, third, fourth] = &server.ranges()[..] else { panic!("{:?}", server.ranges()) };
    assert_eq!(*first, None);
    assert_eq!(second.as_deref(), Some("bytes=300000-"));
    assert_eq!(third.as_deref(), Some("bytes=300000-"));
    assert_eq!(fourth.as_deref(), Some("bytes=500000-"));
}

#[test]
fn a_silent_server_is_left_and_asked_again() {
    let (place, content) = (Place::new(), content());
    let server = Server::start(content.clone(), &[Reply::Silent, Reply::Good]);
    place.fetch(&server.url(), &expected(&content)).unwrap();
    place.check(&content);
    assert_eq!(server.ranges().len(), 2);
}

#[test]
fn another_process_goes_on_with_what_is_there() {
    let (place, content) = (Place::new(), content());
    let server = Server::start(content.clone(), &[Reply::CutAfter(400_000), Reply::CutAfter(0)]);
    let error = place.fetch(&server.url(), &expected(&content)).unwrap_err();
    assert!(error.is_unreachable() && error.to_string().contains("400000 bytes"), "{error}");
    assert_eq!(fs::metadata(place.file(".part")).unwrap().len(), 400_000);

    let server = Server::start(content.clone(), &[Reply::Good]);
    place.fetch(&server.url(), &expected(&content)).unwrap();
    place.check(&content);
    assert_eq!(server.ranges(), [Some("bytes=400000-".to_string())]);
}

#[test]
fn the_start_of_another_version_is_not_used() {
    let (place, content) = (Place::new(), content());
    fs::write(place.file(".part"), vec![7; 400_000]).unwrap();
    let server = Server::start(content.clone(), &[Reply::Good]);
    place.fetch(&server.url(), &expected(&content)).unwrap();
    place.check(&content);
    assert_eq!(server.ranges(), [Some("bytes=400000-".to_string()), None]);
}

#[test]
fn without_ranges_it_starts_again() {
    let (place, content) = (Place::new(), content());
    let server = Server::start(content.clone(), &[Reply::CutAfter(300_000), Reply::NoRange(None)]);
    place.fetch(&server.url(), &expected(&content)).unwrap();
    place.check(&content);

    let place = Place::new();
    let server = Server::start(content.clone(), &[Reply::NoRange(Some(300_000))]);
    let error = place.fetch(&server.url(), &expected(&content)).unwrap_err();
    assert!(error.is_unreachable(), "{error}");
    assert_eq!(server.ranges().len(), 4);

    let place = Place::new();
    let replies = [Reply::CutAfter(300_000), Reply::Status(416), Reply::Good];
    let server = Server::start(content.clone(), &replies);
    place.fetch(&server.url(), &expected(&content)).unwrap();
    place.check(&content);
    assert_eq!(server.ranges()[2], None);
}

#[test]
fn wrong_content_is_set_aside_and_never_used() {
    let (place, content) = (Place::new(), content());
    let server = Server::start(content.clone(), &[Reply::Good]);
    let good = expected(&content);
    let wrong = [
        (Expected { sha256: Some("0".repeat(64)), ..good.clone() }, "SHA-256"),
        (Expected { size: Some(999_999), ..good.clone() }, "more than the 999999 bytes"),
        (Expected { size: Some(1_000_001), ..good.clone() }, "1000000 bytes instead of 1000001"),
    ];
    for (expected, reason) in wrong {
        let error = place.fetch(&server.url(), &expected).unwrap_err();
        assert!(error.to_string().contains(reason), "{error}");
        assert!(!error.is_unreachable());
        assert!(place.file(".wrong").exists() && !place.file("").exists() && !place.file(".part").exists());
    }
    // A finished file that has been damaged since is not used either.
    fs::write(place.file(""), b"damaged").unwrap();
    place.fetch(&server.url(), &good).unwrap();
    place.check(&content);
    assert_eq!(fs::read(place.file(".wrong")).unwrap(), b"damaged");
}

#[test]
fn only_what_cannot_be_reached_is_unreachable() {
    let content = content();
    let check = |replies: &[Reply], unreachable: bool, requests: usize| {
        let (place, server) = (Place::new(), Server::start(content.clone(), replies));
        let error = place.fetch(&server.url(), &expected(&content)).unwrap_err();
        assert_eq!(error.is_unreachable(), unreachable, "{error}");
        assert_eq!(server.ranges().len(), requests, "{error}");
        assert!(!place.file("").exists());
    };
    check(&[Reply::Status(404)], false, 1);
    check(&[Reply::Status(403)], true, 1);
    check(&[Reply::Status(503)], true, 3);

    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let refused = Place::new().fetch(&format!("http://127.0.0.1:{closed}/file"), &expected(&content));
    assert!(refused.unwrap_err().is_unreachable());
    let nameless = Place::new().fetch("http://no-such-host.invalid/file", &expected(&content));
    assert!(nameless.unwrap_err().is_unreachable());
    let nonsense = Place::new().fetch("ftp://127.0.0.1/file", &expected(&content));
    assert!(!nonsense.unwrap_err().is_unreachable());
}

#[test]
fn two_at_once_fetch_it_once() {
    let (place, content) = (Place::new(), content());
    let server = Server::start(content.clone(), &[Reply::Good]);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| place.fetch(&server.url(), &expected(&content)).unwrap());
        }
    });
    place.check(&content);
    assert_eq!(server.ranges().len(), 1);
}

/// A .tgz with files of these names, whatever they are.
fn tgz(names: &[&str]) -> Vec<u8> {
    let mut tar = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    for name in names {
        let mut header = tar::Header::new_ustar();
        header.set_size(1);
        header.set_mode(0o644);
        // `set_path` would refuse the names that matter here.
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_cksum();
        tar.append(&header, b"x".as_slice()).unwrap();
    }
    tar.into_inner().unwrap().finish().unwrap()
}

fn recipe(url: String, archive: &[u8]) -> Recipe {
    Recipe {
        name: "tiny".into(),
        url,
        size: archive.len() as u64,
        sha256: sha256(archive),
        root: "top".into(),
        licence: "CC0".into(),
        source: "made here".into(),
        classes: Default::default(),
    }
}

#[test]
fn a_recipe_becomes_a_folder_once() {
    let bytes = tgz(&["top/a/1.jpg", "top/b/2.jpg"]);
    let server = Server::start(bytes.clone(), &[Reply::Good]);
    let cache = tempfile::tempdir().unwrap();
    let recipe = recipe(server.url(), &bytes);
    let mut steps = Vec::new();
    for _ in 0..2 {
        let folder = recipe.obtain(cache.path(), &mut |step| steps.push(step)).unwrap();
        assert_eq!(fs::read(folder.join("b/2.jpg")).unwrap(), b"x");
    }
    assert_eq!(steps.last(), Some(&Step::Unpack { files: 2 }));
    assert_eq!(server.ranges().len(), 1);

    let elsewhere = Recipe { root: "other".into(), ..recipe };
    let message = elsewhere.obtain(cache.path(), &mut |_| {}).unwrap_err().to_string();
    assert!(message.contains("no folder 'other'"), "{message}");
}

#[test]
fn an_archive_that_would_get_out_of_its_folder_is_refused() {
    let bytes = tgz(&["top/a/1.jpg", "../../escaped.jpg"]);
    let server = Server::start(bytes.clone(), &[Reply::Good]);
    let cache = tempfile::tempdir().unwrap();
    let error = recipe(server.url(), &bytes).obtain(cache.path(), &mut |_| {}).unwrap_err();
    assert!(error.to_string().contains("'../../escaped.jpg' would be written outside"), "{error}");
    assert!(!error.is_unreachable());
    let names = |folder: &Path| -> Vec<_> {
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    };
    assert!(!names(cache.path()).contains(&"escaped.jpg".to_string()));
    assert!(names(&cache.path().join("datasets")).iter().all(|name| name.ends_with(".lock")));
}
