//! `kiln export`
use super::Ended;
use clap::Args;
#[derive(Args)]
pub struct Export {}
impl Export {
    pub fn run(self) -> Ended {
        Ok(0)
    }
}
