//! `kiln serve` as its clients meet it: the answers of `kiln predict`, and a refusal for everything that is no picture.
#![cfg(feature = "serve")]
// In a test a panic is the report; clippy excepts test functions by itself, but not what they call.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod assets;
mod studio;

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use assets::asset;
use image::{Rgb, RgbImage};
use serde_json::Value;
use studio::{Studio, json};

/// A server at work, which is killed where a test ends before it.
struct Service {
    child: Child,
    address: String,
}

struct Answer {
    status: u16,
    head: String,
    body: Vec<u8>,
}

impl Service {
    fn start(studio: &Studio, args: &[&str]) -> Self {
        let all = [&["serve", "checkpoints/tiny", "--port", "0", "--json", "--device", "cpu"], args].concat();
        let mut child = studio.command(&all).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let address = json(&line)["address"].as_str().unwrap().trim_start_matches("http://").to_owned();
        Self { child, address }
    }

    fn ask(&self, method: &str, path: &str, headers: &str, body: &[u8]) -> Answer {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        let length = body.len();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}Content-Length: {length}\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).unwrap();
        // Who is refused early need not take all of it.
        let _ = stream.write_all(body);
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let end = answer.windows(4).position(|four| four == b"\r\n\r\n").expect("a head");
        let head = String::from_utf8(answer[..end].to_vec()).unwrap().to_lowercase();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Answer { status, head, body: answer[end + 4..].to_vec() }
    }

    fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, "", &[])
    }

    fn predict(&self, body: &[u8]) -> Answer {
        self.ask("POST", "/predict?top=3", "", body)
    }

    /// The value of a line of the metrics; 0 where there is none.
    fn metric(&self, name: &str) -> f64 {
        let text = self.get("/metrics").text();
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.map_or(0.0, |value| value.parse().unwrap())
    }

    fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", name, &id]).status().unwrap().success());
    }

    /// The exit code, and what was said on standard error.
    fn end(mut self) -> (Option<i32>, String) {
        let code = self.child.wait().unwrap().code();
        let mut said = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        assert!(!said.contains("panicked"), "{said}");
        (code, said)
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Answer {
    fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    fn json(&self) -> Value {
        json(&self.text())
    }

    #[track_caller]
    fn expect(&self, status: u16, part: &str) {
        let text = self.text();
        assert!(self.status == status && text.contains(part), "{} {text}, not {status} {part}", self.status);
        if status >= 400 {
            assert_eq!(self.json()["schema"], 1);
            assert_eq!(self.json()["error"]["status"], status);
        }
    }
}

fn trained() -> Studio {
    let studio = Studio::new();
    studio.expect(0, &["train", "tiny.toml", "stage.1.epochs=1"]);
    studio
}

fn form(files: &[(&str, &[u8])]) -> (String, Vec<u8>) {
    let mut body = Vec::new();
    for (name, content) in files {
        let head = format!(
            "--frontier\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\r\n"
        );
        body.extend([head.as_bytes(), content, b"\r\n"].concat());
    }
    body.extend(b"--frontier--\r\n");
    ("Content-Type: multipart/form-data; boundary=frontier\r\n".into(), body)
}

/// Photographs of all sizes where there are some, and the studio's drawings.
fn pictures(studio: &Studio) -> Vec<PathBuf> {
    let photographs = asset("datasets/flowers12").into_iter().flat_map(|folder| {
        let mut files: Vec<_> =
            walk(&folder).into_iter().filter(|file| file.extension().is_some_and(|e| e == "jpg")).collect();
        files.sort();
        files.into_iter().step_by(40)
    });
    photographs.chain(walk(&studio.path("pictures"))).collect()
}

fn walk(folder: &Path) -> Vec<PathBuf> {
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    paths.flat_map(|path| if path.is_dir() { walk(&path) } else { vec![path] }).collect()
}

/// What `kiln predict` says of each picture.
fn predicted(studio: &Studio, files: &[PathBuf]) -> BTreeMap<PathBuf, Value> {
    let mut args = vec!["predict", "checkpoints/tiny", "--top", "3", "--json", "--device", "cpu"];
    args.extend(files.iter().map(|file| file.to_str().unwrap()));
    let lines = studio.expect(0, &args).out;
    lines
        .lines()
        .map(json)
        .map(|line| (line["path"].as_str().unwrap().into(), line["classes"].clone()))
        .collect()
}

#[test]
fn many_clients_at_once_get_what_predict_says_each_of_their_own_picture() {
    let studio = trained();
    let files = pictures(&studio);
    let expected = predicted(&studio, &files);
    let service = Service::start(&studio, &["--threads", "2", "--max-batch", "4"]);
    thread::scope(|scope| {
        for client in 0..6 {
            let (service, files, expected) = (&service, &files, &expected);
            scope.spawn(move || {
                // Everybody begins elsewhere.
                for number in 0..files.len() {
                    let file = &files[(number + client * files.len() / 6) % files.len()];
                    let answer = service.predict(&fs::read(file).unwrap());
                    answer.expect(200, "\"schema\":1");
                    assert_eq!(answer.json()["pictures"][0]["classes"], expected[file], "{}", file.display());
                }
            });
        }
    });
    let all = (6 * files.len()) as f64;
    assert_eq!(service.metric("kiln_requests_total{path=\"/predict\",status=\"200\"}"), all);
    assert_eq!(service.metric("kiln_batch_pictures_sum"), all);
    assert_eq!(service.metric("kiln_queue_pictures"), 0.0);
    assert_eq!(service.metric("kiln_upload_bytes"), 0.0);
    // The three questions above were requests as well.
    assert_eq!(service.metric("kiln_request_seconds_count"), all + 4.0);
    assert_eq!(service.metric("kiln_request_seconds_bucket{le=\"+Inf\"}"), all + 5.0);
}

#[test]
fn a_form_holds_several_pictures_and_a_bad_one_does_not_spoil_the_others() {
    let studio = trained();
    let files: Vec<PathBuf> = walk(&studio.path("pictures"));
    let expected = predicted(&studio, &files[..2]);
    let service = Service::start(&studio, &[]);
    let contents: Vec<Vec<u8>> = files[..2].iter().map(|file| fs::read(file).unwrap()).collect();
    let (kind, body) = form(&[("a.png", &contents[0]), ("b.png", b"no picture"), ("c.png", &contents[1])]);
    let answer = service.ask("POST", "/predict?top=3", &kind, &body);
    answer.expect(200, "");
    let found = &answer.json()["pictures"];
    let names: Vec<&str> = (0..3).map(|number| found[number]["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["a.png", "b.png", "c.png"]);
    assert_eq!((&found[0]["classes"], &found[2]["classes"]), (&expected[&files[0]], &expected[&files[1]]));
    assert_eq!(found[1]["error"]["status"], 415);
    let (kind, body) = form(&[("b.png", b"no picture")]);
    service.ask("POST", "/predict", &kind, &body).expect(415, "no picture that kiln reads");
}

#[test]
fn whatever_is_sent_the_answer_is_a_refusal_and_the_server_lives_on() {
    let studio = trained();
    let service = Service::start(&studio, &["--max-upload", "1", "--max-pixels", "400000", "--threads", "1"]);
    let good = fs::read(studio.path("pictures/discs/00.png")).unwrap();
    let golden = |name: &str| {
        fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/decode").join(name)).unwrap()
    };
    service.predict(b"").expect(400, "empty");
    service.predict(b"<html>").expect(415, "no picture");
    service.predict(&good[..good.len() / 2]).expect(422, "cut off");
    service.predict(&golden("bomb.png")).expect(413, "pixels");
    service.predict(&vec![0xff; 1_000_001]).expect(413, "1000000 bytes");
    service.predict(&vec![0xff; 40_000_000]).expect(413, "1000000 bytes");
    service.ask("POST", "/predict", "Content-Type: multipart/form-data\r\n", &good).expect(400, "form");
    let broken = "Content-Type: multipart/form-data; boundary=frontier\r\n";
    service.ask("POST", "/predict", broken, &good).expect(400, "form");
    let many: Vec<(&str, &[u8])> = vec![("a.png", &good); 33];
    let (kind, body) = form(&many);
    service.ask("POST", "/predict", &kind, &body).expect(400, "32 pictures");
    for query in ["top=0", "top=1000001", "top=-1", "top=many", "tops=1"] {
        service.ask("POST", &format!("/predict?{query}"), "", &good).expect(400, "top");
    }
    service.get("/nothing").expect(404, "openapi.json");
    let refused = service.get("/predict");
    refused.expect(405, "POST");
    assert!(refused.head.contains("allow: post"));
    for file in ["decode", "deep"]
        .iter()
        .flat_map(|folder| walk(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(folder)))
    {
        let answer = service.predict(&fs::read(&file).unwrap());
        assert!(
            matches!(answer.status, 200 | 400 | 413 | 415 | 422),
            "{}: {}",
            file.display(),
            answer.text()
        );
    }
    service.predict(&good).expect(200, "probability");
    service.signal("TERM");
    assert_eq!(service.end().0, Some(0));
}

#[test]
fn an_explanation_is_that_of_the_explain_verb() {
    let studio = trained();
    let picture = "pictures/discs/00.png";
    let args = ["explain", "checkpoints/tiny", picture, "--class", "bars", "--json", "--device", "cpu"];
    let expected = studio.expect(0, &args).json();
    let service = Service::start(&studio, &[]);
    let file = fs::read(studio.path(picture)).unwrap();
    let answer = service.ask("POST", "/explain?class=bars", "", &file);
    answer.expect(200, "overlay");
    for field in ["class", "probability", "predicted", "heat", "drawn", "from_scratch"] {
        assert_eq!(answer.json()[field], expected[field], "{field}");
    }
    // A PNG in base64.
    assert!(answer.json()["overlay"].as_str().unwrap().starts_with("iVBORw0KGgo"));
    let predicted = service.ask("POST", "/explain", "", &file).json();
    assert_eq!(predicted["class"], expected["predicted"]);
    service.ask("POST", "/explain?class=squares", "", &file).expect(400, "squares");
    service.ask("POST", "/explain", "", b"nothing").expect(415, "no picture");
    let (kind, body) = form(&[("a.png", &file[..]); 2]);
    service.ask("POST", "/explain", &kind, &body).expect(400, "at a time");
}

#[test]
fn other_machines_need_the_token() {
    let studio = trained();
    let refused = ["serve", "checkpoints/tiny", "--port", "0", "--address", "0.0.0.0"];
    studio.refused(2, &refused, &["0.0.0.0", "--token-file", "KILN_TOKEN"]);
    studio.write("empty", "\n");
    studio.refused(2, &[&refused[..], &["--token-file", "empty"]].concat(), &["token", "empty"]);
    studio.refused(2, &[&refused[..], &["--token-file", "absent"]].concat(), &["absent"]);
    studio.write("token", "a secret\n");
    let service = Service::start(&studio, &["--address", "0.0.0.0", "--token-file", "token"]);
    let good = fs::read(studio.path("pictures/discs/00.png")).unwrap();
    service.predict(&good).expect(401, "Bearer");
    service.ask("POST", "/predict", "Authorization: Bearer guess\r\n", &good).expect(401, "Bearer");
    service.ask("POST", "/predict", "Authorization: Bearer a secret\r\n", &good).expect(200, "probability");
    service.get("/metrics").expect(401, "");
    service.get("/health").expect(200, "\"status\":\"ok\"");
    service.get("/").expect(200, "id=\"token\"");
}

#[test]
fn a_client_that_asks_too_often_is_told_when_to_come_again() {
    let studio = trained();
    let service = Service::start(&studio, &["--rate", "0.01"]);
    let good = fs::read(studio.path("pictures/discs/00.png")).unwrap();
    service.predict(&good).expect(200, "probability");
    let refused = service.predict(&good);
    refused.expect(429, "later");
    assert!(
        refused.head.contains("retry-after: 100") || refused.head.contains("retry-after: 9"),
        "{}",
        refused.head
    );
    service.get("/health").expect(200, "");
}

#[test]
fn what_is_described_is_what_answers() {
    let studio = trained();
    let service = Service::start(&studio, &[]);
    let description = service.get("/openapi.json").json();
    assert!(description["openapi"].as_str().unwrap().starts_with("3.1"));
    for (path, methods) in description["paths"].as_object().unwrap() {
        for method in methods.as_object().unwrap().keys() {
            let answer = service.ask(&method.to_uppercase(), path, "", &[]);
            let described = &methods[method]["responses"][answer.status.to_string()];
            assert!(described.is_object(), "{method} {path}: {}", answer.status);
        }
    }
    let page = service.get("/");
    page.expect(200, "Drop pictures here");
    assert!(page.head.contains("content-security-policy: default-src 'none'"));
    service.get("/metrics").expect(200, "# TYPE kiln_request_seconds histogram");
}

#[test]
fn a_stop_while_busy_finishes_what_is_under_way() {
    let studio = trained();
    let service = Service::start(&studio, &["--threads", "1", "--max-batch", "1", "--max-upload", "100"]);
    // Large enough to take a while.
    let large = RgbImage::from_fn(1600, 1600, |x, y| Rgb([(x / 9) as u8, (y / 7) as u8, (x ^ y) as u8]));
    large.save(studio.path("large.png")).unwrap();
    let large = fs::read(studio.path("large.png")).unwrap();
    let (kind, body) = form(&[("a.png", &large[..]); 32]);
    let answer = thread::scope(|scope| {
        let client = scope.spawn(|| service.ask("POST", "/predict", &kind, &body));
        while service.metric("kiln_queue_pictures") < 1.0 && !client.is_finished() {}
        service.signal("INT");
        client.join().unwrap()
    });
    answer.expect(200, "probability");
    assert_eq!(answer.json()["pictures"].as_array().unwrap().len(), 32);
    assert!(TcpStream::connect(&service.address).is_err());
    let (code, said) = service.end();
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("stopping"), "{said}");
}

#[test]
fn an_address_that_is_taken_is_said() {
    let studio = trained();
    let service = Service::start(&studio, &[]);
    let port = service.address.rsplit(':').next().unwrap();
    studio.refused(2, &["serve", "checkpoints/tiny", "--port", port], &[port, "--port"]);
    studio.refused(2, &["serve", "checkpoints/absent", "--port", "0"], &["absent"]);
    studio.refused(2, &["serve", "checkpoints/tiny", "--rate", "0"], &["--rate", "above 0"]);
}
