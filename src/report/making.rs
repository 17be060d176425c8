//! How the run was made, so that it can be made again: commands, versions, machine, data, configuration.

use super::kept::Made;
use super::network;
use super::run::Run;
use super::time::moment;
use crate::page::escaped;

pub fn section(run: &Run) -> String {
    let mut facts = String::new();
    let mut fact = |name: &str, value: String| {
        facts += &format!("<dt>{name}</dt><dd>{value}</dd>\n");
    };
    for made in &run.made {
        fact(&moment(made.at), format!("<code>{}</code>", escaped(&command(&made.command))));
    }
    if let Some(made) = run.made.last() {
        fact("versions", escaped(&versions(made)));
        fact("machine", escaped(&machine(made)));
    }
    if let Some(network) = network::words(run) {
        fact("network", escaped(&network));
    }
    fact("data", escaped(&format!("{}, {}", run.data.origin, run.data.root)));
    if let Some(licence) = &run.config.data.licence {
        fact("licence of the data", escaped(&format!("{licence}, stated by the user")));
    }
    fact("fingerprint of the data", format!("<code>{}</code>", escaped(&run.data.fingerprint)));
    if let Some(result) = &run.result {
        fact("best checkpoint", format!("<code>{}</code>", escaped(&result.best)));
    }
    format!(
        "<section><h2>How it was made</h2>\n<dl>{facts}</dl>\n\
         <details><summary>The whole configuration</summary><pre>{}</pre></details></section>\n\
         <footer><p>kiln {} wrote this page. The folder <code>report</code> beside it holds its figures as CSV files (predictions, figures, classes, \
         confusions, reliability, sources where there are any) and its charts as PNG files (curves, confusions, reliability).</p></footer>\n",
        escaped(&run.toml),
        env!("CARGO_PKG_VERSION")
    )
}

/// What computed, and on what.
pub(super) fn machine(made: &Made) -> String {
    let Made { device, system, processors, processor, memory, .. } = made;
    let several = if *processors == 1 { "" } else { "s" };
    let name = processor.as_ref().map_or_else(String::new, |name| format!(" ({name})"));
    let memory = memory.map_or_else(String::new, |bytes| {
        format!(", {:.1} GiB of memory", bytes as f64 / f64::from(1 << 30))
    });
    format!("{device}, {system}, {processors} processor{several}{name}{memory}")
}

pub(super) fn versions(made: &Made) -> String {
    let burn = made.burn.as_ref().map_or_else(String::new, |burn| format!(", Burn {burn}"));
    format!("kiln {}{burn}", made.kiln)
}

/// The command as it could be typed again.
pub(super) fn command(words: &[impl AsRef<str>]) -> String {
    let mut words = words.iter().map(AsRef::as_ref);
    let program = words.next().map_or("kiln", |path| path.rsplit(['/', '\\']).next().unwrap_or(path));
    let quoted =
        words.map(|word| match word.contains(|c: char| c.is_whitespace() || "'\"$&;|<>*?()".contains(c)) {
            true => format!("'{}'", word.replace('\'', "'\\''")),
            false => word.to_owned(),
        });
    std::iter::once(program.to_owned()).chain(quoted).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_is_told_as_far_as_it_is_known() {
        let mut made = Made {
            at: 0,
            command: Vec::new(),
            kiln: "0.1.0".into(),
            burn: None,
            device: "cpu avx2".into(),
            system: "linux x86_64".into(),
            processors: 1,
            processor: None,
            memory: None,
        };
        assert_eq!(machine(&made), "cpu avx2, linux x86_64, 1 processor");
        assert_eq!(versions(&made), "kiln 0.1.0");
        made.processors = 2;
        made.processor = Some("AMD EPYC 7B13".into());
        made.memory = Some(24 << 30);
        made.burn = Some("0.22.1".into());
        let words = "cpu avx2, linux x86_64, 2 processors (AMD EPYC 7B13), 24.0 GiB of memory";
        assert_eq!(machine(&made), words);
        assert_eq!(versions(&made), "kiln 0.1.0, Burn 0.22.1");
    }

    #[test]
    fn a_command_can_be_typed_again() {
        let words = ["/usr/bin/kiln", "train", "a b.toml", "name=it's"];
        assert_eq!(command(&words), "kiln train 'a b.toml' 'name=it'\\''s'");
        assert_eq!(command(&[""; 0]), "kiln");
    }
}
