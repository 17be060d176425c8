//! A list of what to mend: one line per file with what is wrong and what to do, to be worked off by a person or a
//! script. kiln itself changes nothing.

use std::collections::BTreeMap;

use super::report::Report;

/// File, faults and suggestions, with tabs between them; several faults of a file are set apart by "; ".
pub fn fixes(report: &Report) -> String {
    let mut lines: BTreeMap<&str, (Vec<String>, Vec<&str>)> = BTreeMap::new();
    for finding in report.findings.iter().filter(|finding| !finding.kind.is_harmless()) {
        for item in &finding.items {
            let (faults, advice) = lines.entry(&item.name).or_default();
            let gap = if item.detail.is_empty() { "" } else { ": " };
            faults.push(format!("{}{gap}{}", finding.kind.title(), item.detail));
            if !advice.contains(&finding.kind.advice()) {
                advice.push(finding.kind.advice());
            }
        }
    }
    let line = |(name, (faults, advice)): (&str, (Vec<String>, Vec<&str>))| {
        format!("{}\t{}\t{}\n", plain(name), plain(&faults.join("; ")), advice.join("; "))
    };
    lines.into_iter().map(line).collect()
}

/// Names may hold what sets lines and columns apart.
fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' | '\t' | '\n' | '\r' => out.extend(c.escape_default()),
            c if c.is_control() => out.extend(c.escape_unicode()),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_never_breaks_a_line() {
        assert_eq!(plain("a\tb\nc\\d\u{7}é"), "a\\tb\\nc\\\\d\\u{7}é");
    }
}
