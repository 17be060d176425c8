//! The Hugging Face Hub through hf-hub, with what that crate lacks: HF_HUB_OFFLINE, HF_HUB_CACHE, HF_TOKEN, an end
//! to waiting, and a look at the checksum. Which repository holds what is the catalogue's knowledge.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread;
use std::time::Duration;

use hf_hub::Cache;
use hf_hub::api::Progress;
use hf_hub::api::sync::{ApiBuilder, ApiError};
use thiserror::Error;

use crate::durable;

const ENDPOINT: &str = "https://huggingface.co";

/// Without a single byte for so long, the Hub counts as not answering. hf-hub itself waits for ever.
const SILENCE: Duration = Duration::from_secs(30);

/// How the Hub is reached.
#[derive(Debug, Clone)]
pub struct Hub {
    pub endpoint: String,
    /// The cache that Python's huggingface_hub shares.
    pub cache: Option<PathBuf>,
    pub token: Option<String>,
    pub offline: bool,
}

#[derive(Debug, Error)]
pub enum HubError {
    #[error("HF_HUB_OFFLINE is set")]
    Offline,
    #[error("HF_ENDPOINT is {0:?}, which is no http:// or https:// address")]
    Endpoint(String),
    #[error("there is no folder for its cache: set HF_HOME to one")]
    NoCache,
    #[error("{url} answers with status {status}: it is not there, or not for everybody")]
    Status { url: String, status: u16 },
    #[error("{url} sent nothing for {} seconds", SILENCE.as_secs())]
    Silent { url: String },
    #[error("{url}: {why}")]
    Failed { url: String, why: String },
    #[error("{url} sent something else than it announced (wrong SHA-256); it was removed")]
    Wrong { url: String },
}

impl HubError {
    /// Whether a download without hf-hub could succeed where this failed.
    pub fn another_client_may_do(&self) -> bool {
        matches!(self, HubError::Failed { .. } | HubError::NoCache)
    }
}

impl Hub {
    pub fn from_env() -> Self {
        Self::from_variables(&|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
    }

    /// The variables that Python's huggingface_hub reads, in its order.
    fn from_variables(variable: &dyn Fn(&str) -> Option<String>) -> Self {
        let home = || variable("HF_HOME").map(PathBuf::from);
        let shared = || variable("XDG_CACHE_HOME").map(|folder| PathBuf::from(folder).join("huggingface"));
        let default = || dirs::home_dir().map(|folder| folder.join(".cache/huggingface"));
        let below = |folder: PathBuf| folder.join("hub");
        Self {
            endpoint: variable("HF_ENDPOINT").unwrap_or_else(|| ENDPOINT.into()).trim_end_matches('/').into(),
            cache: variable("HF_HUB_CACHE")
                .map(PathBuf::from)
                .or_else(|| home().or_else(shared).or_else(default).map(below)),
            token: variable("HF_TOKEN"),
            offline: variable("HF_HUB_OFFLINE").is_some_and(|value| is_yes(&value)),
        }
    }

    /// The address of a file.
    pub fn url(&self, repo: &str, file: &str) -> String {
        format!("{}/{repo}/resolve/main/{file}", self.endpoint)
    }

    /// A file that is here already, and whole as far as can be told.
    pub fn cached(&self, repo: &str, file: &str) -> Option<PathBuf> {
        let path = Cache::new(self.cache.clone()?).model(repo.to_string()).get(file)?;
        is_as_announced(&path).then_some(path)
    }

    /// Fetches a file into the Hub's cache.
    pub fn download(
        &self,
        repo: &str,
        file: &str,
        progress: &mut dyn FnMut(u64, Option<u64>),
    ) -> Result<PathBuf, HubError> {
        if self.offline {
            return Err(HubError::Offline);
        }
        if !is_address(&self.endpoint) {
            return Err(HubError::Endpoint(self.endpoint.clone()));
        }
        let url = self.url(repo, file);
        let path = self.watched(repo, file, progress)?;
        if is_as_announced(&path) {
            return Ok(path);
        }
        remove(&path);
        Err(HubError::Wrong { url })
    }

    /// hf-hub works in a thread of its own: it knows no time limit, and gives up on some answers by panicking.
    fn watched(
        &self,
        repo: &str,
        file: &str,
        progress: &mut dyn FnMut(u64, Option<u64>),
    ) -> Result<PathBuf, HubError> {
        let url = self.url(repo, file);
        let builder = self.builder()?;
        let (sender, news) = mpsc::channel();
        let (repo, file) = (repo.to_string(), file.to_string());
        thread::spawn(move || {
            let watcher = Watcher { done: 0, total: None, sender: sender.clone() };
            let result =
                builder.build().and_then(|api| api.model(repo).download_with_progress(&file, watcher));
            // Nobody listens any more where the wait was given up.
            let _ = sender.send(News::Ended(result));
        });
        loop {
            match news.recv_timeout(SILENCE) {
                Ok(News::Bytes(done, total)) => progress(done, total),
                Ok(News::Ended(result)) => return result.map_err(|error| explain(url, &error)),
                Err(RecvTimeoutError::Timeout) => return Err(HubError::Silent { url }),
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(HubError::Failed { url, why: "its answer is not the Hub's".into() });
                }
            }
        }
    }

    fn builder(&self) -> Result<ApiBuilder, HubError> {
        let cache = Cache::new(self.cache.clone().ok_or(HubError::NoCache)?);
        let builder = ApiBuilder::from_cache(cache).with_endpoint(self.endpoint.clone()).with_progress(false);
        Ok(match &self.token {
            Some(token) => builder.with_token(Some(token.clone())),
            None => builder,
        })
    }
}

enum News {
    Bytes(u64, Option<u64>),
    Ended(Result<PathBuf, ApiError>),
}

struct Watcher {
    done: u64,
    total: Option<u64>,
    sender: Sender<News>,
}

impl Watcher {
    fn tell(&self) {
        let _ = self.sender.send(News::Bytes(self.done, self.total));
    }
}

impl Progress for Watcher {
    fn init(&mut self, size: usize, _file: &str) {
        self.done = 0;
        self.total = Some(size as u64);
        self.tell();
    }

    fn update(&mut self, size: usize) {
        self.done += size as u64;
        self.tell();
    }

    fn finish(&mut self) {
        self.tell();
    }
}

fn explain(url: String, error: &ApiError) -> HubError {
    match error {
        ApiError::RequestError(inner) => match **inner {
            ureq::Error::StatusCode(status @ (401 | 403 | 404 | 410 | 451)) => {
                HubError::Status { url, status }
            }
            ref other => HubError::Failed { url, why: other.to_string() },
        },
        other => HubError::Failed { url, why: other.to_string() },
    }
}

/// The Hub names large files by their SHA-256, and the cache keeps that as the name behind the link.
fn is_as_announced(path: &Path) -> bool {
    let Ok(blob) = path.canonicalize() else { return false };
    match blob.file_name().and_then(|name| name.to_str()) {
        Some(name) if name.len() == 64 && name.bytes().all(|b| b.is_ascii_hexdigit()) => {
            durable::sha256_file(&blob).is_ok_and(|found| found == name.to_ascii_lowercase())
        }
        _ => true,
    }
}

/// Takes a wrong file and the link to it out of the cache; what cannot be removed is refused again next time.
fn remove(path: &Path) {
    if let Ok(blob) = path.canonicalize() {
        let _ = std::fs::remove_file(blob);
    }
    let _ = std::fs::remove_file(path);
}

fn is_address(endpoint: &str) -> bool {
    let parsed = endpoint.parse::<ureq::http::Uri>();
    parsed.is_ok_and(|uri| matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some())
}

fn is_yes(value: &str) -> bool {
    ["1", "on", "yes", "true"].iter().any(|yes| value.eq_ignore_ascii_case(yes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hub(variables: &[(&str, &str)]) -> Hub {
        Hub::from_variables(&|name| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.to_string())
        })
    }

    // As documented for huggingface_hub's environment variables.
    #[test]
    fn the_environment_is_read_as_python_reads_it() {
        let cache = |variables: &[(&str, &str)]| hub(variables).cache.unwrap();
        assert_eq!(cache(&[("HF_HOME", "/h")]), Path::new("/h/hub"));
        assert_eq!(cache(&[("HF_HOME", "/h"), ("HF_HUB_CACHE", "/c")]), Path::new("/c"));
        assert_eq!(cache(&[("XDG_CACHE_HOME", "/x")]), Path::new("/x/huggingface/hub"));
        assert_eq!(hub(&[]).endpoint, ENDPOINT);
        assert_eq!(hub(&[("HF_ENDPOINT", "http://m:1/")]).url("a/b", "c"), "http://m:1/a/b/resolve/main/c");
        let offline = |value| hub(&[("HF_HUB_OFFLINE", value)]).offline;
        assert!(offline("1") && offline("True") && offline("YES"));
        assert!(!offline("0") && !hub(&[]).offline);
    }

    #[test]
    fn only_addresses_are_addresses() {
        assert!(is_address("https://huggingface.co") && is_address("http://127.0.0.1:80"));
        assert!(!is_address("huggingface.co") && !is_address("file:///x") && !is_address("http://"));
    }
}
