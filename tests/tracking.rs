//! What others are told of a run: TensorBoard reads the event files, with every step once whatever happened to the run;
//! a server in the form of MLflow's hears the figures, and one that is not there stops nothing.

// In a test a panic is the report; clippy excepts test functions by itself, but not what they call.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod studio;
mod tracker;

use std::fs;
use std::process::Command;

use serde_json::{Value, json};
use studio::Studio;
use tracker::Server;

const TENSORBOARD: &str = "track.tensorboard=true";
const EVENTS: &str = "checkpoints/tiny/tensorboard/events.out.tfevents.kiln";

/// What the real TensorBoard reads, or nothing where there is none.
fn read(studio: &Studio) -> Option<Value> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/read_events.py");
    let python = std::env::var("KILN_PYTHON").unwrap_or_else(|_| "python3".into());
    let has = Command::new(&python).args(["-c", "import tensorboard, PIL"]).output();
    if !has.is_ok_and(|ended| ended.status.success()) {
        println!("skipped: {python} has no tensorboard (set KILN_PYTHON)");
        return None;
    }
    let ended =
        Command::new(&python).arg(script).arg(studio.path("checkpoints/tiny/tensorboard")).output().unwrap();
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    Some(studio::json(&String::from_utf8(ended.stdout).unwrap()))
}

/// The figures of the epochs as metrics.jsonl has them, and each update once.
fn check_scalars(studio: &Studio, read: &Value, steps: u64) {
    let metrics = studio.metrics("tiny");
    for name in ["learning_rate", "train_loss", "train_accuracy", "val_loss", "val_accuracy"] {
        let found: Vec<(u64, f32)> = points(&read["scalars"][name]);
        let expected =
            metrics.iter().map(|line| (line["step"].as_u64().unwrap(), line[name].as_f64().unwrap() as f32));
        assert_eq!(found, expected.collect::<Vec<_>>(), "{name}");
        let each = points(&read["scalars"][format!("step/{name}")]);
        if !name.starts_with("val") {
            assert_eq!(
                each.iter().map(|(step, _)| *step).collect::<Vec<_>>(),
                (1..=steps).collect::<Vec<_>>()
            );
        }
    }
}

fn points(list: &Value) -> Vec<(u64, f32)> {
    let point = |point: &Value| (point[0].as_u64().unwrap(), point[1].as_f64().unwrap() as f32);
    list.as_array().into_iter().flatten().map(point).collect()
}

#[test]
fn tensorboard_reads_every_step_once() {
    let studio = Studio::new();
    studio.expect(0, &["train", "tiny.toml", TENSORBOARD]);
    let metrics = studio.metrics("tiny");
    let whole = fs::read(studio.path(EVENTS)).unwrap();
    let Some(first) = read(&studio) else { return };
    check_scalars(&studio, &first, 6);
    let images = first["images"]["val_confusion"].as_array().unwrap();
    assert_eq!((images.len(), &images[0][3]), (2, &"RGB".into()));
    assert!(
        first["texts"]["configuration"].as_str().unwrap().contains("    train.batch = 8"),
        "{}",
        first["texts"]
    );
    let tested = points(&first["scalars"]["test_accuracy"]);
    let result = studio.json("checkpoints/tiny/result.json")["test"]["accuracy"].as_f64().unwrap();
    assert_eq!(tested, [(6, result as f32)]);
    // The last checkpoint is lost, and with it the second epoch; a torn record lies at the end.
    fs::remove_dir_all(studio.path("checkpoints/tiny/steps/000006")).unwrap();
    for file in ["latest", "best", "result.json"] {
        fs::remove_file(studio.path("checkpoints/tiny").join(file)).unwrap();
    }
    fs::write(studio.path(EVENTS), &whole[..whole.len() - 9]).unwrap();
    studio.expect(0, &["resume", "checkpoints/tiny"]);
    assert_eq!(studio.metrics("tiny"), metrics);
    let second = read(&studio).unwrap();
    check_scalars(&studio, &second, 6);
    let without_clock = |mut read: Value| {
        read["scalars"].as_object_mut().unwrap().remove("pictures_per_second");
        read
    };
    assert_eq!(without_clock(first), without_clock(second));
    studio.expect(0, &["resume", "checkpoints/tiny", "stage.1.epochs=3"]);
    check_scalars(&studio, &read(&studio).unwrap(), 9);
}

#[test]
fn nothing_is_written_unless_asked_for_and_what_cannot_be_stops_nothing() {
    let studio = Studio::new();
    studio.expect(0, &["train", "tiny.toml", "stage.1.epochs=1"]);
    assert!(!studio.path(EVENTS).exists());
    // Another run may be told of to others: that has no influence on its numbers.
    fs::write(studio.path("checkpoints/tiny/tensorboard"), "in the way").unwrap();
    let config = fs::read_to_string(studio.path("checkpoints/tiny/config.toml")).unwrap();
    let asked = config.replace("tensorboard = false", "tensorboard = true");
    assert_ne!(config, asked);
    studio.write("checkpoints/tiny/config.toml", asked);
    let ended = studio.expect(0, &["resume", "checkpoints/tiny", "stage.1.epochs=2"]);
    assert_eq!(ended.err.matches("WARNING: TensorBoard's events").count(), 1, "{}", ended.err);
}

#[test]
fn a_server_hears_of_the_run_and_of_each_epoch_once() {
    let (studio, server) = (Studio::new(), Server::start());
    let address = format!("track.mlflow={}", server.address());
    let args = ["train", "tiny.toml", &address, "track.experiment=small things"];
    let ended = studio.expect(0, &args);
    assert!(!ended.err.contains("WARNING"), "{}", ended.err);
    assert_eq!(server.bodies("experiments/create"), [json!({ "name": "small things" })]);
    let created = &server.bodies("runs/create")[0];
    assert_eq!((&created["experiment_id"], &created["run_name"]), (&"7".into(), &"tiny".into()));
    let parameters = server.logged("params");
    assert!(
        parameters.iter().any(|one| one["key"] == "train.batch" && one["value"] == "8"),
        "{parameters:?}"
    );
    check_losses(&studio, &server);
    assert_eq!(server.bodies("runs/update").last().unwrap()["status"], "FINISHED");
    // A resume goes on with the same run.
    studio.expect(0, &["resume", "checkpoints/tiny", "stage.1.epochs=4"]);
    assert_eq!(server.bodies("runs/create").len(), 1);
    check_losses(&studio, &server);
}

/// Every epoch's validation loss, once.
fn check_losses(studio: &Studio, server: &Server) {
    let metrics = server.logged("metrics");
    let losses = metrics.iter().filter(|metric| metric["key"] == "val_loss");
    let found: Vec<_> = losses.map(|metric| (metric["step"].clone(), metric["value"].clone())).collect();
    let lines = studio.metrics("tiny");
    let expected: Vec<_> =
        lines.iter().map(|line| (line["step"].clone(), line["val_loss"].clone())).collect();
    assert_eq!(found, expected);
    assert!(metrics.iter().any(|metric| metric["key"] == "test_accuracy"), "{metrics:?}");
}

#[test]
fn a_server_that_fails_for_a_while_misses_nothing() {
    let (studio, server) = (Studio::new(), Server::failing(1));
    let address = format!("track.mlflow={}", server.address());
    let ended = studio.expect(0, &["train", "tiny.toml", &address, "stage.1.epochs=3"]);
    assert_eq!(ended.err.matches("WARNING: MLflow").count(), 1, "{}", ended.err);
    assert!(ended.err.contains("out of order for a while"), "{}", ended.err);
    check_losses(&studio, &server);
}

#[test]
fn a_parameter_that_a_server_does_not_take_costs_nothing_else() {
    let (studio, server) = (Studio::new(), Server::refusing("train.batch"));
    let address = format!("track.mlflow={}", server.address());
    let ended = studio.expect(0, &["train", "tiny.toml", &address]);
    assert!(!ended.err.contains("WARNING: MLflow"), "{}", ended.err);
    assert_eq!(server.bodies("runs/create").len(), 1);
    let alone = |body: &Value| body["params"].as_array().is_some_and(|params| params.len() == 1);
    let batches = server.bodies("runs/log-batch");
    assert!(
        batches.iter().any(|body| alone(body) && body["params"][0]["key"] == "model.width"),
        "{batches:?}"
    );
    check_losses(&studio, &server);
    assert_eq!(server.bodies("runs/update").last().unwrap()["status"], "FINISHED");
}

#[test]
fn a_server_that_is_not_there_stops_nothing() {
    let studio = Studio::new();
    let plain = studio.expect(0, &["train", "tiny.toml", "--run", "plain"]);
    // A port that was free a moment ago.
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let ended = studio.expect(0, &["train", "tiny.toml", &format!("track.mlflow=http://{gone}")]);
    assert_eq!(ended.err.matches("WARNING: MLflow is not told").count(), 1, "{}", ended.err);
    assert!(
        ended.err.contains("cannot be reached") && ended.err.contains("3 sets of figures"),
        "{}",
        ended.err
    );
    assert!(!plain.err.contains("WARNING: MLflow"), "{}", plain.err);
    assert_eq!(studio.metrics("tiny"), studio.metrics("plain"));
}
