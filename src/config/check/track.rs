//! Who is told of a run.

use toml::Spanned;

use crate::config::checked::Track;
use crate::config::faults::Faults;
use crate::config::keeping::NOBODY;
use crate::config::raw;

pub(super) fn track(raw: &raw::Track, faults: &mut Faults<'_>) -> Track {
    let address = raw.mlflow.as_ref().filter(|given| given.get_ref() != NOBODY);
    let default = Track::default();
    Track {
        tensorboard: raw.tensorboard.as_ref().is_some_and(|given| *given.get_ref()),
        mlflow: address.map(|given| address_of(given, faults)),
        experiment: raw.experiment.as_ref().map_or(default.experiment, |given| faults.text(given)),
    }
}

/// With a scheme and a host, and without the slash at the end.
fn address_of(given: &Spanned<String>, faults: &mut Faults<'_>) -> String {
    let address = given.get_ref().trim_end_matches('/');
    let rest = address.strip_prefix("http://").or_else(|| address.strip_prefix("https://"));
    let is_plain =
        |rest: &str| !rest.is_empty() && !rest.contains(|c: char| c.is_whitespace() || c.is_control());
    if !rest.is_some_and(is_plain) {
        let reason = "must be the address of a server, such as \"http://localhost:5000\", or \"none\"";
        faults.refuse(given.span(), reason);
    } else if rest.is_some_and(|rest| rest.split('/').next().is_some_and(|host| host.contains('@'))) {
        // The configuration is written into the run folder.
        let reason = "holds a user or a password; take it out and set MLFLOW_TRACKING_USERNAME and \
                      MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN";
        faults.refuse(given.span(), reason);
    }
    address.to_string()
}
