//! Pictures out of a request: its body is read within limits of size, time and memory, then taken apart. What the bytes
//! hold is not looked at here.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::body::{Body, BodyDataStream, Bytes};
use axum::extract::{FromRequest, Multipart, Request};
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::request::Parts;
use futures_core::Stream;
use tokio::time::timeout;

use super::fault::Fault;
use super::settings::PICTURES;

/// A file that a client sent.
#[derive(Debug)]
pub struct Upload {
    /// As the client calls it; only a multipart form has names.
    pub name: Option<String>,
    pub file: Picture,
}

/// A file's bytes, which count as long as they lie in memory.
#[derive(Debug, Clone)]
pub struct Picture {
    pub bytes: Bytes,
    _held: Arc<Held>,
}

/// Bytes of uploads that may lie in memory at once, whoever sends them.
#[derive(Debug)]
pub struct Memory {
    free: AtomicUsize,
    all: usize,
}

#[derive(Debug)]
struct Held {
    memory: Arc<Memory>,
    bytes: usize,
}

/// What one request may cost.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    pub bytes: usize,
    pub time: Duration,
}

impl Memory {
    pub fn new(bytes: usize) -> Arc<Self> {
        Arc::new(Self { free: AtomicUsize::new(bytes), all: bytes })
    }

    pub fn used(&self) -> usize {
        self.all - self.free.load(Ordering::Relaxed)
    }
}

impl Held {
    fn more(&mut self, bytes: usize) -> Result<(), Fault> {
        let left = |free: usize| free.checked_sub(bytes);
        let taken = self.memory.free.fetch_update(Ordering::Relaxed, Ordering::Relaxed, left);
        taken.map_err(|_| Fault::Busy)?;
        self.bytes += bytes;
        Ok(())
    }

    fn release(&mut self) {
        self.memory.free.fetch_add(std::mem::take(&mut self.bytes), Ordering::Relaxed);
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.release();
    }
}

/// The files of a request: those of a multipart form, or its body.
pub async fn uploads(request: Request, limits: Limits, memory: &Arc<Memory>) -> Result<Vec<Upload>, Fault> {
    let (parts, body) = request.into_parts();
    let mut held = Held { memory: Arc::clone(memory), bytes: 0 };
    let mut body = body.into_data_stream();
    let seconds = limits.time.as_secs();
    let bytes = timeout(limits.time, read(&parts, &mut body, limits.bytes, &mut held));
    let bytes = bytes.await.map_err(|_| Fault::Slow { seconds })??;
    let held = Arc::new(held);
    let kept = |name, bytes| Upload { name, file: Picture { bytes, _held: Arc::clone(&held) } };
    if is_form(&parts) {
        let files = files(parts, bytes).await?;
        return Ok(files.into_iter().map(|(name, bytes)| kept(Some(name), bytes)).collect());
    }
    if bytes.is_empty() {
        return Err(Fault::Malformed(
            "the body is empty; send a picture, or a multipart form of pictures".into(),
        ));
    }
    Ok(vec![kept(None, bytes)])
}

async fn read(
    parts: &Parts,
    body: &mut BodyDataStream,
    limit: usize,
    held: &mut Held,
) -> Result<Bytes, Fault> {
    let read = collect(parts, body, limit, held).await;
    if let Err(Fault::TooLarge(_) | Fault::Busy) = read {
        held.release();
        drain(body, limit).await;
    }
    read
}

async fn collect(
    parts: &Parts,
    body: &mut BodyDataStream,
    limit: usize,
    held: &mut Held,
) -> Result<Bytes, Fault> {
    let length = parts.headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    if length.is_some_and(|length: usize| length > limit) {
        return Err(too_large(limit));
    }
    // What is promised is taken on trust as far as a small picture goes.
    const TRUSTED: usize = 64 << 10;
    let mut bytes = Vec::with_capacity(length.unwrap_or(0).min(TRUSTED));
    while let Some(piece) = next(body).await? {
        if bytes.len() + piece.len() > limit {
            return Err(too_large(limit));
        }
        held.more(piece.len())?;
        bytes.extend_from_slice(&piece);
    }
    Ok(bytes.into())
}

fn too_large(limit: usize) -> Fault {
    Fault::TooLarge(format!("a request may hold {limit} bytes; send a smaller picture, or fewer at once"))
}

/// Reads a body to its end, as far as is bearable, and keeps none of it: many clients read no answer before they have
/// sent everything.
pub async fn discard(body: Body, limits: Limits) {
    let mut body = body.into_data_stream();
    // Who takes longer finds the connection closed.
    let _ = timeout(limits.time, drain(&mut body, limits.bytes)).await;
}

async fn drain(body: &mut BodyDataStream, limit: usize) {
    const BEARABLE: usize = 4;
    let mut dropped = 0;
    while let Ok(Some(piece)) = next(body).await {
        dropped += piece.len();
        if dropped > BEARABLE * limit {
            return;
        }
    }
}

async fn next(body: &mut BodyDataStream) -> Result<Option<Bytes>, Fault> {
    let mut body = pin!(body);
    let piece = poll_fn(|context| body.as_mut().poll_next(context)).await;
    piece.transpose().map_err(|error| Fault::Malformed(format!("the body broke off: {error}")))
}

fn is_form(parts: &Parts) -> bool {
    let kind = parts.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    kind.trim_start().to_ascii_lowercase().starts_with("multipart/form-data")
}

/// The files of a form that lies in memory, with their names. What is no file is passed over.
async fn files(parts: Parts, bytes: Bytes) -> Result<Vec<(String, Bytes)>, Fault> {
    let malformed =
        |error: &dyn std::fmt::Display| Fault::Malformed(format!("the multipart form is damaged: {error}"));
    let request = Request::from_parts(parts, Body::from(bytes));
    let mut form =
        Multipart::from_request(request, &()).await.map_err(|error| malformed(&error.body_text()))?;
    let mut files = Vec::new();
    while let Some(field) = form.next_field().await.map_err(|error| malformed(&error.body_text()))? {
        let Some(name) = field.file_name().map(str::to_owned) else { continue };
        if files.len() == PICTURES {
            return Err(Fault::Malformed(format!(
                "a request may hold {PICTURES} pictures; send several requests"
            )));
        }
        files.push((name, field.bytes().await.map_err(|error| malformed(&error.body_text()))?));
    }
    if files.is_empty() {
        let text = "the multipart form holds no file; send each picture as a part with a file name";
        return Err(Fault::Malformed(text.into()));
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(kind: &str, body: Vec<u8>, memory: &Arc<Memory>) -> Result<Vec<Upload>, Fault> {
        let request = Request::builder().header(CONTENT_TYPE, kind).body(Body::from(body)).unwrap();
        let limits = Limits { bytes: 1000, time: Duration::from_secs(5) };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(uploads(request, limits, memory))
    }

    fn form(parts: &[(&str, &str)]) -> Vec<u8> {
        let part = |(head, content): &(&str, &str)| {
            format!("--x\r\nContent-Disposition: form-data; {head}\r\n\r\n{content}\r\n")
        };
        (parts.iter().map(part).collect::<String>() + "--x--\r\n").into_bytes()
    }

    const FORM: &str = "multipart/form-data; boundary=x";

    #[test]
    fn a_form_gives_its_files_and_a_body_itself() {
        let memory = Memory::new(1000);
        let body = form(&[
            ("name=\"a\"; filename=\"1.jpg\"", "one"),
            ("name=\"top\"", "3"),
            ("name=\"a\"; filename=\"2.jpg\"", "two"),
        ]);
        let found = read(FORM, body, &memory).unwrap();
        let found: Vec<_> = found.iter().map(|one| (one.name.as_deref(), &*one.file.bytes)).collect();
        assert_eq!(found, [(Some("1.jpg"), &b"one"[..]), (Some("2.jpg"), b"two")]);
        let found = read("image/jpeg", b"one".to_vec(), &memory).unwrap();
        assert_eq!((found[0].name.as_deref(), &*found[0].file.bytes), (None, &b"one"[..]));
    }

    #[test]
    fn what_is_no_upload_is_the_clients_fault() {
        let check = |kind: &str, body: Vec<u8>, status: u16, part: &str| {
            let fault = read(kind, body, &Memory::new(2000)).unwrap_err();
            assert_eq!(fault.status(), status, "{fault}");
            assert!(fault.to_string().contains(part), "{fault}");
        };
        let file = ("name=\"a\"; filename=\"1\"", "");
        check("image/png", Vec::new(), 400, "empty");
        check("image/png", vec![0; 1001], 413, "1000 bytes");
        check("multipart/form-data", form(&[file]), 400, "damaged");
        check(FORM, b"--x\r\nnonsense".to_vec(), 400, "damaged");
        check(
            FORM,
            b"--x\r\nContent-Disposition: form-data; name=\"a\"; filename=\"1\"\r\n\r\ncut".to_vec(),
            400,
            "damaged",
        );
        check(FORM, form(&[("name=\"a\"", "text")]), 400, "no file");
    }

    #[test]
    fn uploads_count_as_long_as_they_are_held() {
        let memory = Memory::new(1500);
        let first = read("image/png", vec![0; 1000], &memory).unwrap();
        let bytes = first[0].file.clone();
        drop(first);
        assert_eq!(memory.used(), 1000);
        assert_eq!(read("image/png", vec![0; 600], &memory).unwrap_err(), Fault::Busy);
        assert_eq!(memory.used(), 1000);
        drop(bytes);
        assert_eq!(memory.used(), 0);
        assert!(read("image/png", vec![0; 600], &memory).is_ok());
    }
}
