//! A server that answers as MLflow's does, as far as kiln asks, and remembers what it was told.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

pub struct Server {
    address: SocketAddr,
    heard: Arc<Mutex<Heard>>,
}

#[derive(Default)]
struct Heard {
    /// Calls and their bodies, in order.
    calls: Vec<(String, Value)>,
    /// How many calls are still to fail.
    failures: usize,
    /// A parameter that is never taken, nor what comes with it.
    refused: Option<&'static str>,
    has_experiment: bool,
}

impl Server {
    pub fn start() -> Self {
        Self::failing(0)
    }

    /// The first calls fail.
    pub fn failing(failures: usize) -> Self {
        Self::of(Heard { failures, ..Heard::default() })
    }

    /// One parameter is not taken, as MLflow does with names that it does not allow.
    pub fn refusing(parameter: &'static str) -> Self {
        Self::of(Heard { refused: Some(parameter), ..Heard::default() })
    }

    fn of(heard: Heard) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let heard = Arc::new(Mutex::new(heard));
        let shared = Arc::clone(&heard);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let heard = Arc::clone(&shared);
                std::thread::spawn(move || serve(&stream, &heard));
            }
        });
        Self { address, heard }
    }

    pub fn address(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The bodies of a kind of call.
    pub fn bodies(&self, call: &str) -> Vec<Value> {
        let heard = self.heard.lock().unwrap();
        heard.calls.iter().filter(|(name, _)| name == call).map(|(_, body)| body.clone()).collect()
    }

    /// All `metrics` or `params` that were logged.
    pub fn logged(&self, kind: &str) -> Vec<Value> {
        let bodies = self.bodies("runs/log-batch");
        bodies.iter().filter_map(|body| body[kind].as_array()).flatten().cloned().collect()
    }
}

/// Requests of a connection, one after the other.
fn serve(stream: &TcpStream, heard: &Mutex<Heard>) {
    let mut reader = BufReader::new(stream);
    while let Some((path, body)) = request(&mut reader) {
        let (code, answer) = heard.lock().unwrap().answer(&path, body);
        let text = answer.to_string();
        let head = format!(
            "HTTP/1.1 {code} X\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            text.len()
        );
        let mut writer = stream;
        if writer.write_all((head + &text).as_bytes()).is_err() {
            return;
        }
    }
}

fn request(reader: &mut impl BufRead) -> Option<(String, Value)> {
    let mut first = String::new();
    reader.read_line(&mut first).ok()?;
    let path = first.split(' ').nth(1)?.to_owned();
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.split_once(':') else { break };
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some((path, serde_json::from_slice(&body).unwrap_or_default()))
}

impl Heard {
    fn answer(&mut self, path: &str, body: Value) -> (u16, Value) {
        if self.failures > 0 {
            self.failures -= 1;
            return (
                503,
                json!({ "error_code": "TEMPORARILY_UNAVAILABLE", "message": "out of order for a while" }),
            );
        }
        let call = path.strip_prefix("/api/2.0/mlflow/").unwrap_or(path);
        let call = call.split('?').next().unwrap_or(call).to_owned();
        let answer = match call.as_str() {
            "experiments/get-by-name" if self.has_experiment => {
                (200, json!({ "experiment": { "experiment_id": "7" } }))
            }
            "experiments/get-by-name" => {
                (404, json!({ "error_code": "RESOURCE_DOES_NOT_EXIST", "message": "no such experiment" }))
            }
            "experiments/create" => {
                self.has_experiment = true;
                (200, json!({ "experiment_id": "7" }))
            }
            "runs/create" => (200, json!({ "run": { "info": { "run_id": "abc" } } })),
            "runs/log-batch" if self.refuses(&body) => {
                (400, json!({ "error_code": "INVALID_PARAMETER_VALUE", "message": "invalid name" }))
            }
            "runs/log-batch" | "runs/update" => (200, json!({})),
            _ => (404, json!({ "error_code": "ENDPOINT_NOT_FOUND", "message": call })),
        };
        self.calls.push((call, body));
        answer
    }

    fn refuses(&self, body: &Value) -> bool {
        let mut parameters = body["params"].as_array().into_iter().flatten();
        self.refused.is_some_and(|name| parameters.any(|parameter| parameter["key"] == name))
    }
}
