//! A page that opens anywhere, without a network: the frame of the document, the colours of both schemes, and escaping.
//! Knows nothing of what stands on a page.

const BASE: &str = include_str!("base.css");

/// What a document is made of. `style` and `body` are markup already.
#[derive(Debug, Clone, Copy)]
pub struct Document<'a> {
    pub title: &'a str,
    pub style: &'a str,
    pub body: &'a str,
    /// After how many seconds an open page looks again.
    pub refresh: Option<u32>,
}

impl Document<'_> {
    pub fn html(&self) -> String {
        let Self { title, style, body, refresh } = self;
        let refresh = refresh.map_or_else(String::new, |seconds| {
            format!("<meta http-equiv=\"refresh\" content=\"{seconds}\">\n")
        });
        format!(
            "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n{refresh}\
             <title>{}</title>\n<style>\n{BASE}{style}</style>\n{body}</html>\n",
            escaped(title)
        )
    }
}

/// Text that stays text, in elements and in quoted attributes.
pub fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out += "&amp;",
            '<' => out += "&lt;",
            '>' => out += "&gt;",
            '"' => out += "&quot;",
            '\'' => out += "&#39;",
            // Marks that turn the direction of writing could make a name read as another.
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => out.push('\u{fffd}'),
            '\n' => out.push('\n'),
            c if c.is_control() => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_become_markup() {
        assert_eq!(
            escaped("<img src='x' onerror=\"y\">&"),
            "&lt;img src=&#39;x&#39; onerror=&quot;y&quot;&gt;&amp;"
        );
        assert_eq!(escaped("a\u{202e}b\u{0}"), "a\u{fffd}b\u{fffd}");
    }

    #[test]
    fn only_an_unfinished_page_looks_again() {
        let page = Document { title: "<a>", style: "", body: "", refresh: None };
        assert!(!page.html().contains("http-equiv"));
        assert!(page.html().contains("<title>&lt;a&gt;</title>"));
        assert!(Document { refresh: Some(5), ..page }.html().contains("content=\"5\""));
    }
}
