//! `kiln export`
use clap::Args;
use super::Ended;
#[derive(Args)]
pub struct Export {}
impl Export { pub fn run(self) -> Ended { Ok(0) } }
