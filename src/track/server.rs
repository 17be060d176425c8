//! An MLflow server, by version 2.0 of its REST interface: finds the experiment, makes the run or goes on with it, logs
//! figures. The run's number there lies in mlflow.json in the run folder, so that a resume goes on with the same.

use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use ureq::Agent;

use super::End;
use super::mlflow::{Point, now};
use crate::durable;

/// What a run is, for those who are told of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Description {
    pub name: String,
    pub experiment: String,
    /// The settings that do not stand at their defaults.
    pub told: String,
    pub tags: Vec<(String, String)>,
}

/// What the server takes in one call.
const METRICS: usize = 1000;
const PARAMETERS: usize = 100;
const LONGEST_VALUE: usize = 500;
const LONGEST_NAME: usize = 250;

const CONNECT: Duration = Duration::from_secs(3);
const ANSWER: Duration = Duration::from_secs(10);

const NOTE: &str = "mlflow.json";

pub struct Server {
    agent: Agent,
    address: String,
    about: Description,
    note: PathBuf,
    run: Option<Run>,
    /// Whether the server has said that it knows the run.
    is_known: bool,
}

/// mlflow.json.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Run {
    address: String,
    run_id: String,
    /// The mark of the last point that was told.
    told: u64,
    /// Whether its parameters were told; notes of an older kiln were only written after that.
    #[serde(default = "yes")]
    is_described: bool,
}

const fn yes() -> bool {
    true
}

/// Why the server was not told.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    #[error("{address} cannot be reached ({reason})")]
    Unreachable { address: String, reason: String },
    #[error("{address} answered {code} to {call}: {reason}")]
    Refused { address: String, call: String, code: u16, reason: String },
}

impl Fault {
    fn is_absent(&self) -> bool {
        matches!(self, Self::Refused { code: 404, .. })
    }

    /// Whether the server will not take this at any later time either.
    fn is_final(&self) -> bool {
        matches!(self, Self::Refused { code: 400, .. })
    }
}

impl Description {
    /// Settings and tags in Markdown, where four spaces begin a line as it is.
    pub fn markdown(&self) -> String {
        let tags = self.tags.iter().map(|(name, value)| format!("{name} = {value:?}\n"));
        let text: String = tags.chain([self.told.clone()]).collect();
        text.lines().map(|line| format!("    {line}\n")).collect()
    }

    fn parameters(&self) -> Vec<Value> {
        let split = self.told.lines().filter_map(|line| line.split_once(" = "));
        let short = |text: &str| text.chars().take(LONGEST_VALUE / 4).collect::<String>();
        split.map(|(key, value)| json!({ "key": name(key), "value": short(value) })).collect()
    }
}

/// A key as MLflow takes names: others than letters, digits and `_-. :/` (the brackets of a class) become `_`.
fn name(key: &str) -> String {
    let is_taken = |c: char| c.is_alphanumeric() || "_-. :/".contains(c);
    key.chars().map(|c| if is_taken(c) { c } else { '_' }).take(LONGEST_NAME).collect()
}

impl Server {
    pub fn new(address: &str, run: &Path, about: Description) -> Self {
        let config = Agent::config_builder()
            .user_agent(concat!("kiln/", env!("CARGO_PKG_VERSION")))
            .http_status_as_error(false)
            .timeout_connect(Some(CONNECT))
            .timeout_global(Some(ANSWER));
        let note = run.join(NOTE);
        let known = durable::read_words(&note).ok().and_then(|text| serde_json::from_str::<Run>(&text).ok());
        Self {
            agent: config.build().new_agent(),
            address: address.to_owned(),
            about,
            note,
            run: known.filter(|run| run.address == address),
            is_known: false,
        }
    }

    /// Tells what is new among some points. With none, only that the run is there.
    pub fn tell(&mut self, points: &[Point]) -> Result<(), Fault> {
        let mut run = self.run()?;
        let new = || points.iter().filter(|point| point.mark() > run.told);
        let metric = |point: &Point, name: &str, value: f64| {
            // JSON has no number for what is none.
            value
                .is_finite()
                .then(|| json!({ "key": name, "value": value, "timestamp": point.time, "step": point.step }))
        };
        let metrics: Vec<Value> = new()
            .flat_map(|point| {
                point.figures.iter().filter_map(move |(name, value)| metric(point, name, *value))
            })
            .collect();
        for some in metrics.chunks(METRICS) {
            self.post("runs/log-batch", &json!({ "run_id": run.run_id, "metrics": some }))?;
        }
        let last = new().map(Point::mark).max();
        if let Some(last) = last {
            run.told = last;
            self.remember(run);
        }
        Ok(())
    }

    pub fn end(&mut self, end: End) -> Result<(), Fault> {
        let run = self.run()?;
        let status = match end {
            End::Finished => "FINISHED",
            End::Stopped => "KILLED",
            End::Failed => "FAILED",
        };
        let body = json!({ "run_id": run.run_id, "status": status, "end_time": now() });
        self.post("runs/update", &body).map(drop)
    }

    /// The run, taken up where an earlier process left it.
    fn run(&mut self) -> Result<Run, Fault> {
        if let Some(run) = self.run.clone() {
            if self.is_known {
                return Ok(run);
            }
            match self.post("runs/update", &json!({ "run_id": run.run_id, "status": "RUNNING" })) {
                Err(fault) if fault.is_absent() => {}
                answer => {
                    answer?;
                    return self.described(run);
                }
            }
        }
        let run = self.created()?;
        // Before anything else is told, so that what is tried again does not make a second run.
        self.remember(run.clone());
        self.described(run)
    }

    /// The run, with its parameters on the server.
    fn described(&mut self, mut run: Run) -> Result<Run, Fault> {
        if !run.is_described {
            self.describe(&run.run_id)?;
            run.is_described = true;
            self.remember(run.clone());
        }
        self.is_known = true;
        Ok(run)
    }

    /// A parameter that the server does not take, such as one with a bracket in its name, costs no others.
    fn describe(&self, run_id: &str) -> Result<(), Fault> {
        let log = |some: &[Value]| self.post("runs/log-batch", &json!({ "run_id": run_id, "params": some }));
        for some in self.about.parameters().chunks(PARAMETERS) {
            match log(some) {
                Err(fault) if fault.is_final() => some.chunks(1).try_for_each(|one| match log(one) {
                    Err(fault) if !fault.is_final() => Err(fault),
                    _ => Ok(()),
                })?,
                answer => drop(answer?),
            }
        }
        Ok(())
    }

    fn created(&self) -> Result<Run, Fault> {
        let tags: Vec<Value> =
            self.about.tags.iter().map(|(key, value)| json!({ "key": key, "value": value })).collect();
        let body = json!({
            "experiment_id": self.experiment()?, "run_name": self.about.name, "start_time": now(), "tags": tags,
        });
        let answer = self.post("runs/create", &body)?;
        let run_id = self.text(&answer, "/run/info/run_id", "runs/create")?;
        Ok(Run { address: self.address.clone(), run_id, told: 0, is_described: false })
    }

    fn experiment(&self) -> Result<String, Fault> {
        const FIND: &str = "experiments/get-by-name";
        let name = &self.about.experiment;
        let request = self.agent.get(self.url(FIND)).query("experiment_name", name);
        let found = match authorised(request).call() {
            Ok(answer) => self.answer(FIND, answer),
            Err(error) => Err(self.unreachable(&error)),
        };
        match found {
            Ok(answer) => self.text(&answer, "/experiment/experiment_id", FIND),
            Err(fault) if fault.is_absent() => {
                let answer = self.post("experiments/create", &json!({ "name": name }))?;
                self.text(&answer, "/experiment_id", "experiments/create")
            }
            Err(fault) => Err(fault),
        }
    }

    /// What cannot be noted costs no more than a second run on the server after a resume.
    fn remember(&mut self, run: Run) {
        let _ = durable::write(&self.note, &serde_json::to_vec_pretty(&run).unwrap_or_default());
        self.run = Some(run);
    }

    fn url(&self, call: &str) -> String {
        format!("{}/api/2.0/mlflow/{call}", self.address)
    }

    fn post(&self, call: &str, body: &Value) -> Result<Value, Fault> {
        let request = self.agent.post(self.url(call)).header("Content-Type", "application/json");
        match authorised(request).send(body.to_string()) {
            Ok(answer) => self.answer(call, answer),
            Err(error) => Err(self.unreachable(&error)),
        }
    }

    fn answer(&self, call: &str, mut answer: ureq::http::Response<ureq::Body>) -> Result<Value, Fault> {
        let code = answer.status().as_u16();
        let text = answer.body_mut().read_to_string().map_err(|error| self.unreachable(&error))?;
        let value: Value = serde_json::from_str(&text).unwrap_or_default();
        if (200..300).contains(&code) {
            return Ok(value);
        }
        let reason = value["message"].as_str().unwrap_or("no reason given").chars().take(300).collect();
        Err(Fault::Refused { address: self.address.clone(), call: call.to_owned(), code, reason })
    }

    fn text(&self, answer: &Value, place: &str, call: &str) -> Result<String, Fault> {
        let refused = || Fault::Refused {
            address: self.address.clone(),
            call: call.to_owned(),
            code: 200,
            reason: format!("no {place} in the answer; is this an MLflow server?"),
        };
        answer.pointer(place).and_then(Value::as_str).map(str::to_owned).ok_or_else(refused)
    }

    fn unreachable(&self, error: &ureq::Error) -> Fault {
        Fault::Unreachable { address: self.address.clone(), reason: error.to_string() }
    }
}

/// With what MLflow's own clients take from the environment.
fn authorised<B>(request: ureq::RequestBuilder<B>) -> ureq::RequestBuilder<B> {
    let set = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    if let Some(token) = set("MLFLOW_TRACKING_TOKEN") {
        return request.header("Authorization", format!("Bearer {token}"));
    }
    match (set("MLFLOW_TRACKING_USERNAME"), set("MLFLOW_TRACKING_PASSWORD")) {
        (Some(user), Some(password)) => {
            let both = STANDARD.encode(format!("{user}:{password}"));
            request.header("Authorization", format!("Basic {both}"))
        }
        _ => request,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_become_parameters_and_a_text() {
        let told = "model.variant = \"b0\"\nstage.1.lr = 0.1\n".to_owned();
        let tags = vec![("kiln".to_owned(), "0.1.0".to_owned())];
        assert_eq!(
            name("train.class_weights.roses (wild), \u{e9}t\u{e9}"),
            "train.class_weights.roses _wild__ \u{e9}t\u{e9}"
        );
        let about = Description { name: "pets".into(), experiment: "kiln".into(), told, tags };
        let expected = [
            json!({ "key": "model.variant", "value": "\"b0\"" }),
            json!({ "key": "stage.1.lr", "value": "0.1" }),
        ];
        assert_eq!(about.parameters(), expected);
        assert_eq!(
            about.markdown(),
            "    kiln = \"0.1.0\"\n    model.variant = \"b0\"\n    stage.1.lr = 0.1\n"
        );
    }
}
