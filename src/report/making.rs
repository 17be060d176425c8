//! How the run was made, so that it can be made again: commands, versions, machine, data, configuration.

use super::kept::Made;
use super::run::Run;
use super::time::moment;
use crate::page::escaped;

pub fn section(run: &Run) -> String {
    let mut facts = String::new();
    let mut fact = |name: &str, value: String| {
        facts += &format!("<dt>{name}</dt><dd>{value}</dd>\n");
    };
    for made in &run.made {
        fact(&moment(made.at), format!("<code>{}</code>", escaped(&command(made))));
    }
    if let Some(made) = run.made.last() {
        fact("kiln", escaped(&made.kiln));
        let processors = if made.processors == 1 {
            "1 processor".into()
        } else {
            format!("{} processors", made.processors)
        };
        fact("machine", escaped(&format!("{}, {}, {processors}", made.device, made.system)));
    }
    fact("data", escaped(&format!("{}, {}", run.data.origin, run.data.root)));
    fact("fingerprint of the data", format!("<code>{}</code>", escaped(&run.data.fingerprint)));
    if let Some(result) = &run.result {
        fact("best checkpoint", format!("<code>{}</code>", escaped(&result.best)));
    }
    format!(
        "<section><h2>How it was made</h2>\n<dl>{facts}</dl>\n\
         <details><summary>The whole configuration</summary><pre>{}</pre></details></section>\n\
         <footer><p>kiln {} wrote this page. CSV files of the predictions, classes and confusions lie in the folder <code>report</code> beside it.</p></footer>\n",
        escaped(&run.toml),
        env!("CARGO_PKG_VERSION")
    )
}

/// The command as it could be typed again.
pub(super) fn command(made: &Made) -> String {
    let mut words = made.command.iter();
    let program = words.next().map_or("kiln", |path| path.rsplit(['/', '\\']).next().unwrap_or(path));
    let quoted =
        words.map(|word| match word.contains(|c: char| c.is_whitespace() || "'\"$&;|<>*?()".contains(c)) {
            true => format!("'{}'", word.replace('\'', "'\\''")),
            false => word.clone(),
        });
    std::iter::once(program.to_owned()).chain(quoted).collect::<Vec<_>>().join(" ")
}
