//! The server with a made-up model, and with clients of all kinds: what a real model answers is held to `kiln predict` in
//! tests/serve.rs.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::*;

/// Its answer to a file is the file's first byte as a class; some bytes have a meaning of their own.
struct Parrot {
    about: About,
    looks: AtomicUsize,
    is_open: Mutex<bool>,
    opened: Condvar,
}

const PANIC: u8 = b'!';
/// Waits until the model is told to go on.
const SLOW: u8 = b'z';

impl Parrot {
    fn go_on(&self) {
        *self.is_open.lock().unwrap() = true;
        self.opened.notify_all();
    }

    fn wait(&self) {
        let is_open = self.is_open.lock().unwrap();
        drop(self.opened.wait_while(is_open, |is_open| !*is_open).unwrap());
    }
}

impl Model for Parrot {
    fn about(&self) -> &About {
        &self.about
    }

    fn see(&self, file: &[u8]) -> Result<Vec<f32>, Fault> {
        self.looks.fetch_add(1, Ordering::SeqCst);
        match file[0] {
            PANIC => panic!("a decoder that fails"),
            SLOW => self.wait(),
            _ => {}
        }
        Ok(vec![f32::from(file[0])])
    }

    fn name(&self, seen: &[Vec<f32>]) -> Vec<Ranking> {
        seen.iter().map(|one| vec![(one[0] as usize, 1.0)]).collect()
    }

    fn explain(&self, file: &[u8], class: Option<usize>) -> Result<Explained, Fault> {
        let predicted = self.see(file)?[0] as usize;
        let class = class.unwrap_or(predicted);
        Ok(Explained { class, probability: 1.0, predicted, heat: vec![vec![0.5]], overlay: b"PNG".to_vec() })
    }
}

struct House {
    address: SocketAddr,
    model: Arc<Parrot>,
    stop: Option<oneshot::Sender<()>>,
    running: Option<JoinHandle<usize>>,
}

impl House {
    fn open(change: impl FnOnce(&mut Settings)) -> Self {
        let short = Duration::from_millis(400);
        let patience = Patience {
            header: short,
            body: short,
            connection: Duration::from_secs(20),
            stop: Duration::from_secs(5),
        };
        let mut settings = Settings {
            workers: 1,
            queue: 4,
            most_together: 2,
            wait: Duration::ZERO,
            upload: 1000,
            rate: None,
            token: None,
            patience,
        };
        change(&mut settings);
        let classes = (0..=255).map(|byte| format!("class {byte}")).collect();
        let about = About {
            model: "parrot".into(),
            network: "none".into(),
            classes,
            side: 1,
            drawn: false,
            from_scratch: false,
        };
        let model = Arc::new(Parrot {
            about,
            looks: AtomicUsize::new(0),
            is_open: Mutex::new(false),
            opened: Condvar::new(),
        });
        let server = Server::bind(Ipv4Addr::LOCALHOST.into(), 0).unwrap();
        let address = server.address();
        let (stop, stopped) = oneshot::channel::<()>();
        let served = Arc::clone(&model);
        let running =
            std::thread::spawn(move || server.run(served, &settings, async { drop(stopped.await) }).unwrap());
        Self { address, model, stop: Some(stop), running: Some(running) }
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        stream
    }

    /// What comes back until the server closes the connection.
    fn say(&self, text: &str) -> String {
        let mut stream = self.connect();
        stream.write_all(text.as_bytes()).unwrap();
        rest(&mut stream)
    }

    fn predict(&self, body: &str) -> String {
        self.say(&request(body))
    }

    /// Asks the server to stop, and then lets the model go on. How many connections were cut.
    fn stop(&mut self, go_on_after: Duration) -> usize {
        self.stop.take().unwrap().send(()).unwrap();
        std::thread::sleep(go_on_after);
        self.model.go_on();
        self.running.take().unwrap().join().unwrap()
    }

    fn until_told(&self, line: &str) {
        let started = Instant::now();
        let question = "GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
        while !self.say(question).contains(line) {
            assert!(started.elapsed() < Duration::from_secs(10), "never {line}");
        }
    }

    /// Until the model has begun to look at so many pictures.
    fn until_seen(&self, count: usize) {
        let started = Instant::now();
        while self.model.looks.load(Ordering::SeqCst) < count {
            assert!(started.elapsed() < Duration::from_secs(10));
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

fn request(body: &str) -> String {
    let length = body.len();
    format!(
        "POST /predict HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
    )
}

fn rest(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    // A connection that was cut ends like one that was closed.
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8(answer).unwrap()
}

#[track_caller]
fn check(answer: &str, status: u16, part: &str) {
    assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")) && answer.contains(part), "{answer}");
}

#[test]
fn a_picture_gets_its_answer() {
    let house = House::open(|_| {});
    check(&house.predict("A"), 200, r#""classes":[{"class":"class 65","probability":1.0}]"#);
}

#[test]
fn a_panic_is_one_pictures_and_no_one_elses() {
    let house = House::open(|_| {});
    for _ in 0..3 {
        check(&house.predict("!"), 500, "log");
        check(&house.predict("B"), 200, "class 66");
    }
}

#[test]
fn who_dawdles_is_not_waited_for() {
    let house = House::open(|_| {});
    let started = Instant::now();
    // Nothing, half a header, a header without its body.
    assert_eq!(rest(&mut house.connect()), "");
    let half = house.say("POST /predict HTTP/1.1\r\nHos");
    assert!(half.is_empty() || half.starts_with("HTTP/1.1 408"), "{half}");
    check(
        &house.say("POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nAB"),
        408,
        "did not arrive",
    );
    assert!(started.elapsed() < Duration::from_secs(8));
    check(&house.predict("A"), 200, "class 65");
}

#[test]
fn what_is_no_http_is_refused() {
    let house = House::open(|_| {});
    check(&house.say("\u{1}\u{2}\u{3} hello\r\n\r\n"), 400, "");
    let long = format!("GET /{} HTTP/1.1\r\n", "x".repeat(100_000));
    let answer = house.say(&long);
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer}");
    check(&house.predict("A"), 200, "class 65");
}

#[test]
fn who_comes_to_a_full_queue_is_told_to_come_again() {
    let house = House::open(|settings| settings.queue = 2);
    let (answers, answered) = mpsc::channel();
    std::thread::scope(|scope| {
        let first = scope.spawn(|| house.predict("z"));
        house.until_seen(1);
        for _ in 0..6 {
            let (house, answers) = (&house, answers.clone());
            scope.spawn(move || answers.send(house.predict("A")).unwrap());
        }
        let refused: Vec<String> = answered.iter().take(4).collect();
        refused.iter().for_each(|text| check(text, 503, "retry-after: 1"));
        house.until_told("kiln_queue_pictures 2\n");
        house.model.go_on();
        check(&first.join().unwrap(), 200, "class 122");
    });
    house.until_told("path=\"/predict\",status=\"200\"} 3\n");
    house.until_told("kiln_rejected_total{reason=\"busy\"} 4\n");
}

#[test]
fn uploads_share_a_bounded_memory() {
    let house = House::open(|_| {});
    // Eight uploads of full size lie there unfinished.
    let head = "POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n";
    let held: Vec<TcpStream> = (0..8)
        .map(|_| {
            let mut stream = house.connect();
            stream.write_all(format!("{head}{}", "A".repeat(999)).as_bytes()).unwrap();
            stream
        })
        .collect();
    let started = Instant::now();
    while !house.predict(&"B".repeat(100)).starts_with("HTTP/1.1 503") {
        assert!(started.elapsed() < Duration::from_secs(5));
    }
    drop(held);
    let started = Instant::now();
    while !house.predict(&"B".repeat(100)).starts_with("HTTP/1.1 200") {
        assert!(started.elapsed() < Duration::from_secs(5));
    }
}

#[test]
fn what_is_under_way_is_finished_before_the_end() {
    let mut house = House::open(|_| {});
    let mut busy = house.connect();
    busy.write_all(request("z").as_bytes()).unwrap();
    let mut idle = house.connect();
    house.until_seen(1);
    assert_eq!(house.stop(Duration::from_millis(50)), 0);
    check(&rest(&mut busy), 200, "class 122");
    assert_eq!(rest(&mut idle), "");
    assert!(TcpStream::connect(house.address).is_err());
}

#[test]
fn the_end_does_not_wait_for_ever() {
    let mut house = House::open(|settings| settings.patience.stop = Duration::from_millis(50));
    let mut busy = house.connect();
    busy.write_all(request("z").as_bytes()).unwrap();
    house.until_seen(1);
    assert_eq!(house.stop(Duration::from_secs(1)), 1);
    assert_eq!(rest(&mut busy), "");
}

#[test]
fn who_has_hung_up_is_not_computed_for() {
    let house = House::open(|_| {});
    std::thread::scope(|scope| {
        let first = scope.spawn(|| house.predict("z"));
        house.until_seen(1);
        let mut gone = house.connect();
        gone.write_all(request("C").as_bytes()).unwrap();
        house.until_told("kiln_queue_pictures 1\n");
        drop(gone);
        // That of the first picture and that of the question.
        house.until_told("kiln_connections 2\n");
        house.model.go_on();
        check(&first.join().unwrap(), 200, "class 122");
    });
    check(&house.predict("A"), 200, "class 65");
    assert_eq!(house.model.looks.load(Ordering::SeqCst), 2);
}
