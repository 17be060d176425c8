//! Fetches one file over HTTP: once, verified, resumed where it was cut, by one process at a time.
//! Used for archives and for weights alike; knows nothing of what is in the file.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use ureq::http::{HeaderMap, Response, header};
use ureq::{Agent, Body};

use super::http;
pub use super::http::Patience;
use crate::durable::{self, Lock};

/// What is known of a file before it is fetched.
#[derive(Debug, Clone, Default)]
pub struct Expected {
    pub size: Option<u64>,
    /// In hexadecimal.
    pub sha256: Option<String>,
}

/// Called with the bytes that are there, and with how many there will be where that is known.
pub type Progress<'a> = dyn FnMut(u64, Option<u64>) + 'a;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{url} cannot be reached: {reason}; check the network, and HTTPS_PROXY where there is a proxy")]
    Unreachable { url: String, reason: String },
    #[error("'{url}' is no address that kiln can fetch from ({reason})")]
    BadAddress { url: String, reason: String },
    #[error("{url} answers with status {status} ({meaning}); the address may be out of date")]
    Status { url: String, status: u16, meaning: &'static str },
    #[error("{url} sent something else than expected: {reason}; it lies in {} and is not used", aside.display())]
    WrongContent { url: String, reason: String, aside: PathBuf },
    #[error("cannot write {}: {cause}", path.display())]
    Write { path: PathBuf, cause: std::io::Error },
    #[error(transparent)]
    Durable(#[from] durable::Error),
}

impl Error {
    /// True where nobody answered or access was refused; false where something came and was wrong, or the disk
    /// refused it.
    pub fn is_unreachable(&self) -> bool {
        matches!(self, Error::Unreachable { .. })
    }
}

/// The folder for downloads and caches: `KILN_CACHE`, or `kiln` in the platform's own.
pub fn cache_folder() -> Option<PathBuf> {
    match std::env::var_os("KILN_CACHE") {
        Some(folder) if !folder.is_empty() => Some(folder.into()),
        _ => dirs::cache_dir().map(|folder| folder.join("kiln")),
    }
}

/// Has the file at `into`, fetching it where it is not there yet.
pub fn fetch(url: &str, expected: &Expected, into: &Path, progress: &mut Progress) -> Result<(), Error> {
    fetch_patiently(url, expected, into, &Patience::default(), progress)
}

pub fn fetch_patiently(
    url: &str,
    expected: &Expected,
    into: &Path,
    patience: &Patience,
    progress: &mut Progress,
) -> Result<(), Error> {
    let _lock = wait_for_lock(&beside(into, "lock"))?;
    if into.exists() {
        if fault(expected, into)?.is_none() {
            return Ok(());
        }
        set_aside(into, &beside(into, "wrong"))?;
    }
    let job = Job::new(url, expected, into, patience)?;
    job.forget_what_cannot_be_resumed()?;
    let resumed = job.received() > 0;
    job.receive(progress)?;
    let mut wrong = fault(expected, &job.part)?;
    if resumed && wrong.is_some() {
        // What an earlier process left may be the start of another version of the file.
        job.forget()?;
        job.receive(progress)?;
        wrong = fault(expected, &job.part)?;
    }
    match wrong {
        None => Ok(durable::settle(&job.part, into)?),
        Some(reason) => {
            let aside = beside(into, "wrong");
            set_aside(&job.part, &aside)?;
            Err(Error::WrongContent { url: url.into(), reason, aside })
        }
    }
}

/// Waits while another process works in the folder.
pub(super) fn wait_for_lock(folder: &Path) -> Result<Lock, durable::Error> {
    durable::create_folders(folder)?;
    loop {
        match Lock::acquire(folder) {
            Err(error) if error.is_locked() => thread::sleep(Duration::from_millis(200)),
            done => return done,
        }
    }
}

/// `weights.pth` and `part` give `weights.pth.part`.
pub(super) fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(ending);
    name.into()
}

/// What is wrong with a file, if anything.
fn fault(expected: &Expected, path: &Path) -> Result<Option<String>, Error> {
    if let Some(size) = expected.size {
        let found = length(path);
        if found > size {
            return Ok(Some(format!("more than the {size} bytes expected")));
        }
        if found < size {
            return Ok(Some(format!("{found} bytes instead of {size}")));
        }
    }
    if let Some(sha256) = &expected.sha256 {
        let found = durable::sha256_file(path)?;
        if !found.eq_ignore_ascii_case(sha256) {
            return Ok(Some(format!("its SHA-256 is {found} instead of {sha256}")));
        }
    }
    Ok(None)
}

fn set_aside(path: &Path, aside: &Path) -> Result<(), Error> {
    remove(aside)?;
    Ok(durable::settle(path, aside)?)
}

fn remove(path: &Path) -> Result<(), Error> {
    match fs::remove_file(path) {
        Err(cause) if cause.kind() != std::io::ErrorKind::NotFound => {
            Err(Error::Write { path: path.into(), cause })
        }
        _ => Ok(()),
    }
}

fn length(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |metadata| metadata.len())
}

/// One file on its way.
struct Job<'a> {
    url: &'a str,
    expected: &'a Expected,
    part: PathBuf,
    agent: Agent,
    patience: &'a Patience,
}

/// Why an attempt ended early.
enum Stop {
    /// Nobody answered.
    NoAnswer(String),
    /// Something came, then it ended: the next attempt goes on from there.
    Cut(String),
    Final(Error),
}

impl<'a> Job<'a> {
    fn new(url: &'a str, expected: &'a Expected, into: &Path, patience: &'a Patience) -> Result<Self, Error> {
        let agent = http::agent(url, patience)
            .map_err(|reason| Error::Unreachable { url: url.to_string(), reason })?;
        Ok(Self { url, expected, part: beside(into, "part"), agent, patience })
    }

    fn received(&self) -> u64 {
        length(&self.part)
    }

    fn forget(&self) -> Result<(), Error> {
        remove(&self.part)
    }

    /// Without a checksum nothing could tell that two halves do not belong together.
    fn forget_what_cannot_be_resumed(&self) -> Result<(), Error> {
        let too_long = self.expected.size.is_some_and(|size| self.received() > size);
        if self.expected.sha256.is_none() || too_long { self.forget() } else { Ok(()) }
    }

    /// Attempt after attempt, as long as each brings more than any before it.
    fn receive(&self, progress: &mut Progress) -> Result<(), Error> {
        let (mut furthest, mut fruitless, mut answered) = (self.received(), 0, false);
        loop {
            let reason = match self.attempt(progress) {
                Ok(()) => return Ok(()),
                Err(Stop::Final(error)) => return Err(error),
                Err(Stop::NoAnswer(reason)) if !answered => return Err(self.unreachable(reason)),
                Err(Stop::NoAnswer(reason) | Stop::Cut(reason)) => reason,
            };
            answered = true;
            let gained = self.received() > furthest;
            furthest = furthest.max(self.received());
            fruitless = if gained { 0 } else { fruitless + 1 };
            if fruitless >= self.patience.attempts {
                return Err(self.unreachable(format!("{reason}, {fruitless} times; {}", self.kept())));
            }
            thread::sleep(self.patience.pause * 2u32.saturating_pow(fruitless.min(6)));
        }
    }

    fn attempt(&self, progress: &mut Progress) -> Result<(), Stop> {
        let have = self.received();
        if have > 0 && self.expected.size == Some(have) {
            return Ok(());
        }
        let mut request = self.agent.get(self.url);
        if have > 0 {
            request = request.header(header::RANGE, format!("bytes={have}-"));
        }
        let response = request.call().map_err(|error| self.stop(&error))?;
        let from = self.start_of(&response, have)?;
        let told = response.body().content_length();
        let total = self.expected.size.or(told.map(|rest| from + rest));
        let received = self.take(response.into_body(), from, total, progress)?;
        // A length that was told has been checked by ureq; without one, only the expected size shows a cut.
        match self.expected.size {
            Some(size) if told.is_none() && received < size => {
                Err(Stop::Cut(format!("the connection ended at {received} of {size} bytes")))
            }
            _ => Ok(()),
        }
    }

    /// At which byte the answer starts.
    fn start_of(&self, response: &Response<Body>, have: u64) -> Result<u64, Stop> {
        match response.status().as_u16() {
            200 => Ok(0),
            206 if range_start(response.headers()) == Some(have) => Ok(have),
            // Not the range that was asked for: from the start, then.
            206 | 416 if have > 0 => {
                self.forget().map_err(Stop::Final)?;
                Err(Stop::Cut("the server cannot go on from there".into()))
            }
            status @ (408 | 425 | 429 | 500 | 502 | 503 | 504) => {
                Err(Stop::Cut(format!("the server is not ready (status {status})")))
            }
            // A proxy or a filter on the way answers like this, and so does a server that keeps kiln out.
            status @ (401 | 403 | 407 | 451 | 511) => {
                Err(Stop::Final(self.unreachable(format!("access is refused (status {status})"))))
            }
            status => {
                let meaning = response.status().canonical_reason().unwrap_or("unknown");
                Err(Stop::Final(Error::Status { url: self.url.into(), status, meaning }))
            }
        }
    }

    /// Writes what comes, and says up to which byte the file goes. Never takes much more than is expected.
    fn take(&self, body: Body, from: u64, total: Option<u64>, progress: &mut Progress) -> Result<u64, Stop> {
        let mut file = self.open(from).map_err(Stop::Final)?;
        let mut reader = body.into_reader();
        let mut buffer = vec![0; 1 << 16];
        let mut received = from;
        progress(received, total);
        while self.expected.size.is_none_or(|size| received <= size) {
            let count = match reader.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) => return Err(self.stop(&error.into())),
            };
            file.write_all(&buffer[..count]).map_err(|cause| Stop::Final(self.unwritable(cause)))?;
            received += count as u64;
            progress(received, total);
        }
        Ok(received)
    }

    fn open(&self, from: u64) -> Result<File, Error> {
        let mut options = OpenOptions::new();
        let options = if from > 0 { options.append(true) } else { options.write(true).truncate(true) };
        options.create(true).open(&self.part).map_err(|cause| self.unwritable(cause))
    }

    fn kept(&self) -> String {
        match (self.received(), &self.expected.sha256) {
            (0, _) | (_, None) => "nothing of it is kept".into(),
            (bytes, Some(_)) => format!("the {bytes} bytes that came are kept for the next try"),
        }
    }

    fn stop(&self, error: &ureq::Error) -> Stop {
        match http::fault(error) {
            http::Fault::NoAnswer(reason) => Stop::NoAnswer(reason),
            http::Fault::Cut(reason) => Stop::Cut(reason),
            http::Fault::BadAddress(reason) => {
                Stop::Final(Error::BadAddress { url: self.url.into(), reason })
            }
        }
    }

    fn unreachable(&self, reason: String) -> Error {
        Error::Unreachable { url: self.url.into(), reason }
    }

    fn unwritable(&self, cause: std::io::Error) -> Error {
        Error::Write { path: self.part.clone(), cause }
    }
}

/// The first byte of `Content-Range: bytes 100-199/200`.
fn range_start(headers: &HeaderMap) -> Option<u64> {
    let range = headers.get(header::CONTENT_RANGE)?.to_str().ok()?.strip_prefix("bytes ")?;
    range.split_once('-')?.0.trim().parse().ok()
}
