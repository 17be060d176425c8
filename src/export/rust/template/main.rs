//! Names the classes of pictures: a line for each picture with its path, the most probable class, its probability, the next
//! class and so on, tabs in between. What cannot be read is reported, and the rest goes on.

use std::io::{Write, stderr, stdout};
use std::process::ExitCode;

use CRATE::{Classifier, Error};

/// Classes shown for each picture where `--top` says nothing.
const SHOWN: usize = 3;

fn main() -> Result<ExitCode, Error> {
    let mut arguments = std::env::args_os().skip(1).peekable();
    let mut shown = SHOWN;
    if arguments.next_if(|word| word == "--top").is_some() {
        let count = arguments.next().and_then(|count| count.to_str()?.parse().ok());
        shown = count.ok_or("--top takes a number")?;
    }
    if arguments.peek().is_none() {
        return Err("usage: CRATE [--top N] PICTURE...".into());
    }
    let classifier = Classifier::new()?;
    let mut ended = ExitCode::SUCCESS;
    for path in arguments {
        let name = std::path::Path::new(&path).display();
        match std::fs::read(&path).map_err(Error::from).and_then(|file| classifier.classify(&file)) {
            Ok(classes) => {
                let guesses = classes.iter().take(shown);
                let guesses = guesses.map(|(class, probability)| format!("\t{class}\t{probability:.6}"));
                writeln!(stdout(), "{name}{}", guesses.collect::<String>())?;
            }
            Err(error) => {
                let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
                writeln!(stderr(), "{name}: {error}{cause}")?;
                ended = ExitCode::FAILURE;
            }
        }
    }
    Ok(ended)
}
