//! Who is told of a run: nobody unless it is asked for.

use super::{DATA, MODEL, STAGE, parse, with};
use crate::config::Track;

#[test]
fn nobody_is_told_unless_asked_for() {
    assert_eq!(with("").track, Track { tensorboard: false, mlflow: None, experiment: "kiln".into() });
    let asked =
        with("[track]\ntensorboard = true\nmlflow = \"http://localhost:5000/\"\nexperiment = \"pets\"");
    let address = Some("http://localhost:5000".to_string());
    assert_eq!(asked.track, Track { tensorboard: true, mlflow: address, experiment: "pets".into() });
    assert_eq!(with("[track]\nmlflow = \"none\"").track, Track::default());
}

#[test]
fn what_is_no_address_is_refused() {
    let check = |section: &str, part: &str| {
        let error = parse(&format!("{MODEL}{DATA}{STAGE}[track]\n{section}"), &[]).unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    };
    for address in ["localhost:5000", "", "http://", "ftp://x", "http://a b", "file:///mlruns"] {
        check(&format!("mlflow = {address:?}"), "track.mlflow: must be the address of a server");
    }
    check("mlflow = \"https://me:secret@host\"", "MLFLOW_TRACKING_TOKEN");
    check("mlflow = 5000", "track.mlflow: ");
    check("experiment = \" \"", "track.experiment: is empty");
    check("tensorboard = 1", "track.tensorboard: is number `1`, expected true or false");
    check("tensorbord = true", "did you mean `tensorboard`?");
}
