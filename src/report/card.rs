//! A model card: one page of Markdown that goes with a model wherever it goes. A pure function of what the model file and the run
//! folder say; what nobody has told kiln or measured is said to be missing. Mitchell et al. 2019, "Model Cards for Model Reporting".

use std::fmt::Write;

use super::making::{command, machine, versions};
use super::places;
use super::run::{Data, Run};
use super::time::moment;
use crate::checkpoint::Identity;
use crate::evaluate::{Figures, Interval};

/// Test pictures of a class below which its figures say little.
const FEW: usize = 30;

/// What a card is made of.
pub struct Card<'a> {
    /// What the model is called.
    pub name: &'a str,
    pub identity: &'a Identity,
    /// The run that it comes from, where that is at hand.
    pub run: Option<&'a Run>,
    /// Whether it is the checkpoint that the run's test was made with.
    pub is_tested: bool,
}

impl Card<'_> {
    pub fn markdown(&self) -> String {
        let sections = [
            self.head(),
            self.use_of_it(),
            self.data(),
            self.figures(),
            self.limits(),
            self.licences(),
            self.again(),
        ];
        sections.concat()
    }

    fn head(&self) -> String {
        let Identity { network, classes, preprocess, drawn, start, .. } = self.identity;
        let mut text = format!(
            "# {}\n\nAn image classifier: EfficientNet {}, {} classes, pictures of {} by {} pixels. Trained with kiln {}.\n",
            plain(self.name),
            plain(network),
            classes.len(),
            preprocess.size,
            preprocess.size,
            plain(&self.identity.kiln)
        );
        if *drawn {
            text += "\n> **Drawn data.** It was trained on pictures that kiln drew itself, no photographs.\n";
        }
        if start.instead_of_pretrained {
            text += "\n> **From scratch.** Pretrained weights were asked for and could not be had.\n";
        }
        text
    }

    fn use_of_it(&self) -> String {
        let names: Vec<String> = self.identity.classes.iter().map(|class| plain(class)).collect();
        format!(
            "\n## Intended use\n\n*kiln does not know what this model is meant for. Whoever passes it on should fill in these lines.*\n\n\
             - Meant for: not stated\n- Not meant for: not stated\n- Contact: not stated\n\n\
             It gives each picture a probability of every one of its classes, and knows no others: a picture of something else is taken for one of \
             them.\n\n<details><summary>The {} classes</summary>\n\n{}\n\n</details>\n",
            names.len(),
            names.join(", ")
        )
    }

    fn data(&self) -> String {
        let mut text = String::from("\n## Data\n\n");
        let Some(run) = self.run else {
            let _ = writeln!(
                text,
                "Trained on {}. More is not known here: this card was written without the run folder.",
                plain(self.words_of_data())
            );
            return text;
        };
        let data = &run.data;
        let [train, val, test] = data.counts;
        let _ =
            writeln!(text, "Origin: {}. Fingerprint: `{}`.\n", plain(&data.origin), plain(&data.fingerprint));
        text += "| class | train | validation | test |\n|---|---:|---:|---:|\n";
        for (class, [train, val, test]) in run.classes.iter().zip(&data.classes) {
            let _ = writeln!(text, "| {} | {train} | {val} | {test} |", plain(class));
        }
        let _ = writeln!(text, "| **all** | {train} | {val} | {test} |");
        text += if data.warnings.is_empty() { "" } else { "\n" };
        for warning in &data.warnings {
            let _ = writeln!(text, "- {}", plain(&warning.words));
        }
        text + &set_aside(data)
    }

    fn figures(&self) -> String {
        let mut text = String::from("\n## Figures\n\n");
        let figures = self.run.and_then(Run::figures);
        let Some(figures) = figures else {
            return text + "None: no finished test is at hand. `kiln eval` makes one.\n";
        };
        if !self.is_tested {
            text +=
                "**These are the figures of the run's best checkpoint, and this model is another one.**\n\n";
        }
        let _ = writeln!(
            text,
            "On {} test pictures, looked at once, after the best checkpoint was chosen. Intervals hold 95 % of {} bootstrap drawings of these \
             pictures.\n",
            figures.scores.samples, figures.intervals.resamples
        );
        text + &overall(figures) + &self.per_class(figures) + &calibration(figures)
    }

    fn per_class(&self, figures: &Figures) -> String {
        let mut text =
            String::from("\n| class | precision | recall | F1 | pictures |\n|---|---:|---:|---:|---:|\n");
        for (class, of) in self.identity.classes.iter().zip(&figures.scores.classes) {
            let _ = writeln!(
                text,
                "| {} | {:.4} | {:.4} | {:.4} | {} |",
                plain(class),
                of.precision,
                of.recall,
                of.f1,
                of.support
            );
        }
        text
    }

    fn limits(&self) -> String {
        let mut text = String::from(
            "\n## Limits\n\nNot measured, and so not known:\n\n\
             - pictures from other cameras, places, times or people than those of the data;\n\
             - pictures of none of the classes, or of several;\n\
             - damaged, altered or hostile pictures;\n\
             - whether it does worse for some groups of people or things than for others within a class.\n",
        );
        if let Some(figures) = self.run.and_then(Run::figures) {
            let classes = self.identity.classes.iter().zip(&figures.scores.classes);
            let few: Vec<String> =
                classes.filter(|(_, of)| of.support < FEW).map(|(class, _)| plain(class)).collect();
            if !few.is_empty() {
                let _ = writeln!(
                    text,
                    "\nFewer than {FEW} test pictures, so that the figures of these classes say little: {}.",
                    few.join(", ")
                );
            }
        }
        text
    }

    fn licences(&self) -> String {
        let start = &self.identity.start;
        let weights = match (&start.weights, &start.licence) {
            (None, _) => "none; training started from random numbers".into(),
            (Some(weights), None) => format!("{}; its licence is not known", plain(places::name(weights))),
            (Some(weights), Some(licence)) => format!("{}, {}", plain(places::name(weights)), plain(licence)),
        };
        let data = self.licence_of_data();
        format!(
            "\n## Licences\n\n- Starting weights: {weights}\n- Data: {data}\n- This model: not stated; kiln claims nothing of what it trained.\n\n\
             Whether the licences of weights and data allow a use is not for kiln to say.\n"
        )
    }

    /// Names of recipes carry their licence; of all other pictures only the user can tell it.
    fn licence_of_data(&self) -> String {
        let (words, is_stated, by_user) = match self.run {
            Some(run) => {
                (run.data.origin.as_str(), run.data.licence.is_some(), run.config.data.licence.as_deref())
            }
            None => {
                let words = self.words_of_data();
                (words, words.ends_with(')'), self.identity.data_and_licence().1)
            }
        };
        let words = plain(words);
        match (by_user, is_stated, self.identity.drawn) {
            (Some(licence), ..) => format!("{words}; licence stated by the user: {}", plain(licence)),
            (None, true, _) => words,
            (None, false, true) => format!("{words}; kiln claims nothing of what it drew"),
            (None, false, false) => format!("{words}; licence not stated"),
        }
    }

    /// What the model was trained on, without the place where the pictures lay.
    fn words_of_data(&self) -> &str {
        let (words, _) = self.identity.data_and_licence();
        if words.starts_with("the folder ") { "the user's own pictures" } else { words }
    }

    fn again(&self) -> String {
        let mut text = String::from("\n## Making it again\n\n");
        let Some(run) = self.run else {
            return text + "Not known here: this card was written without the run folder.\n";
        };
        for made in &run.made {
            let words: Vec<String> = made.command.iter().map(|word| places::word(word)).collect();
            let _ = writeln!(
                text,
                "- {}: `{}` ({}; {})",
                moment(made.at),
                command(&words).replace('`', "'"),
                plain(&versions(made)),
                plain(&machine(made))
            );
        }
        if let Some(result) = &run.result {
            let _ = writeln!(text, "- best checkpoint: `{}`", plain(places::name(&result.best)));
        }
        let _ = writeln!(text, "- fingerprint of the data: `{}`", plain(&run.data.fingerprint));
        // Where the pictures lay is nobody's business.
        let told = places::settings(&run.config.told());
        let lines: String = told.lines().map(|line| format!("    {line}\n")).collect();
        text + "\nOn the CPU the same kiln, settings and pictures give the same bytes on the same processor. The settings that differ from the \
                defaults, without the places of pictures and files:\n\n"
            + &lines
    }
}

fn set_aside(data: &Data) -> String {
    if data.set_aside.is_empty() {
        return String::new();
    }
    let mut text = String::from("\nWhy files were set aside, and how many:\n\n");
    for (reason, count) in &data.set_aside {
        let _ = writeln!(text, "- {count}: {}", plain(&places::sentence(reason)));
    }
    text
}

fn overall(figures: &Figures) -> String {
    let Figures { scores, intervals, calibration, .. } = figures;
    let mut text = String::from("| figure | value | 95 % interval |\n|---|---:|---|\n");
    let mut line = |name: &str, value: Option<f64>, interval: Option<Interval>| {
        let value = value.map_or_else(|| "not defined".into(), |value| format!("{value:.4}"));
        let interval =
            interval.map_or_else(|| "not taken".into(), |[from, to]| format!("{from:.4} to {to:.4}"));
        let _ = writeln!(text, "| {name} | {value} | {interval} |");
    };
    line("accuracy", Some(scores.accuracy), intervals.accuracy);
    line("top-5 accuracy", Some(scores.top5), intervals.top5);
    line("balanced accuracy", Some(figures.balanced_accuracy), intervals.balanced_accuracy);
    line("macro F1", Some(scores.macro_f1), intervals.macro_f1);
    line("Cohen's kappa", figures.kappa, intervals.kappa);
    line("AUROC, mean over classes", figures.auroc.of_classes, intervals.auroc);
    line("expected calibration error", Some(calibration.error), None);
    text
}

fn calibration(figures: &Figures) -> String {
    let of = &figures.calibration;
    match of.temperature == 1.0 {
        true => "\nIts probabilities are not calibrated: no temperature could be fitted.\n".into(),
        false => format!(
            "\nProbabilities are at a temperature of {:.4}, fitted on the validation pictures; without it the calibration error is {:.4}.\n",
            of.temperature, of.error_before
        ),
    }
}

/// Text that stays text in Markdown.
fn plain(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '\\' | '|' | '*' | '_' | '`' | '[' | ']' | '#' => out.extend(['\\', c]),
            '<' => out += "&lt;",
            '&' => out += "&amp;",
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::checkpoint::Start;
    use crate::config::{Pretrained, Source};
    use crate::scaling::{Family, Plan};

    fn identity() -> Identity {
        let mut identity = Identity::sample(Plan::custom(Family::B, 0.1, 0.1, 32).unwrap());
        identity.classes = ["bars", "checks", "discs"].map(String::from).to_vec();
        identity.data = "the user's own pictures".into();
        identity.start = Start {
            weights: Some("lite0-tpu".into()),
            licence: Some("Apache-2.0".into()),
            instead_of_pretrained: false,
        };
        identity
    }

    #[test]
    fn a_finished_run_gives_this_card() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/card");
        let run = Run::read(&folder).unwrap();
        let card = Card { name: "shapes", identity: &identity(), run: Some(&run), is_tested: true };
        insta::assert_snapshot!(card.markdown());
    }

    #[test]
    fn without_its_run_a_card_says_what_is_missing() {
        let card = Card { name: "a|b", identity: &identity(), run: None, is_tested: false };
        insta::assert_snapshot!(card.markdown());
    }

    #[test]
    fn no_folder_of_the_machine_is_in_a_card() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/card");
        let mut run = Run::read(&folder).unwrap();
        let words = ["/opt/kiln", "train", "/home/me/a.toml", "data.path=/home/me/roses", "name=shapes"];
        run.made[0].command = words.map(String::from).to_vec();
        run.config.data.source = Source::Path("/home/me/roses".into());
        run.config.model.pretrained = Pretrained::File("/home/me/w.safetensors".into());
        if let Some(result) = &mut run.result {
            result.best = "/home/me/checkpoints/shapes/steps/000008".into();
        }
        let mut identity = identity();
        identity.data = "the folder /home/me/roses".into();
        identity.start.weights = Some("/home/me/w.safetensors".into());
        for run in [Some(&run), None] {
            let text = Card { name: "shapes", identity: &identity, run, is_tested: true }.markdown();
            assert!(!text.contains("/home") && !text.contains("roses"), "{text}");
            assert!(text.contains("- Starting weights: w.safetensors, Apache-2.0"), "{text}");
            assert!(text.contains("- Data: the user's own pictures; licence not stated"), "{text}");
        }
    }

    #[test]
    fn the_licence_of_the_data_is_said_or_said_to_be_unknown() {
        let check = |data: &str, drawn: bool, expected: &str| {
            let identity = Identity { data: data.into(), drawn, ..identity() };
            let card = Card { name: "a", identity: &identity, run: None, is_tested: false };
            assert_eq!(card.licence_of_data(), expected);
        };
        check("the folder /home/me", false, "the user's own pictures; licence not stated");
        check("the folder roses (2)", false, "the user's own pictures; licence not stated");
        check("flowers (CC-BY-2.0)", false, "flowers (CC-BY-2.0)");
        check("ImageNet", false, "ImageNet; licence not stated");
        check(
            "9 pictures drawn by kiln",
            true,
            "9 pictures drawn by kiln; kiln claims nothing of what it drew",
        );
    }

    #[test]
    fn the_licence_that_the_user_states_is_in_the_card() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/card");
        let mut run = Run::read(&folder).unwrap();
        let licence = "CC-BY-4.0, https://example.org/by/4.0/";
        run.config.data.licence = Some(licence.into());
        let mut identity = identity();
        identity.data = "the folder roses".into();
        identity.state_licence(Some(licence));
        for run in [Some(&run), None] {
            let text = Card { name: "shapes", identity: &identity, run, is_tested: true }.markdown();
            let line = format!("- Data: the user's own pictures; licence stated by the user: {licence}\n");
            assert!(text.contains(&line) && !text.contains("roses"), "{text}");
        }
        let text = Card { name: "shapes", identity: &identity, run: Some(&run), is_tested: true }.markdown();
        assert!(text.contains(&format!("    data.licence = \"{licence}\"\n")), "{text}");
    }

    #[test]
    fn names_stay_text() {
        assert_eq!(plain("a|b_c <img>\n# d"), "a\\|b\\_c &lt;img> \\# d");
    }
}
