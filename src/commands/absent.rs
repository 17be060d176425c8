//! Verbs that this kiln was built without. They say which feature of the build brings them.

use std::ffi::OsString;

use clap::Args;

use super::Ended;
use super::failure::Failure;

#[derive(Args)]
#[command(disable_help_flag = true)]
pub struct Serve {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, hide = true)]
    _anything: Vec<OsString>,
}

impl Serve {
    pub fn run(self) -> Ended {
        let text = "this kiln was built without its server; build it with `--features serve`";
        Err(Failure::Usage(text.into()).into())
    }
}
