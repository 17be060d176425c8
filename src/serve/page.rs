//! The page to drop pictures on. It asks the same interface as everybody else, and needs nothing from elsewhere.

use super::model::About;
use crate::page::{Document, escaped};

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

pub fn html(about: &About, has_token: bool) -> String {
    let body = format!(
        "<h1>{model}</h1>\n<p>{network}, {classes} classes, sees {side} x {side} pixels. {marks}</p>\n{token}\
         <label id=\"drop\" for=\"files\"><b>Drop pictures here</b><span>or choose, take or paste some</span>\n\
         <input id=\"files\" type=\"file\" accept=\"image/*\" multiple></label>\n\
         <p id=\"said\" role=\"status\"></p>\n<main id=\"pictures\"></main>\n\
         <footer><a href=\"openapi.json\">interface</a> <a href=\"health\">health</a></footer>\n\
         <script>\n{SCRIPT}</script>\n",
        model = escaped(&about.model),
        network = escaped(&about.network),
        classes = about.classes.len(),
        side = about.side,
        marks = marks(about),
        token = if has_token { TOKEN } else { "" },
    );
    let title = format!("{} · kiln", about.model);
    Document { title: &title, style: STYLE, body: &body, refresh: None }.html()
}

const TOKEN: &str = "<p><label for=\"token\">Token</label> \
                     <input id=\"token\" type=\"password\" autocomplete=\"off\"></p>\n";

fn marks(about: &About) -> String {
    let mark =
        |is: bool, text: &str| if is { format!("<b class=\"mark\">{text}</b> ") } else { String::new() };
    mark(about.drawn, "Trained on drawings, not on photographs.")
        + &mark(about.from_scratch, "Trained without the pretrained weights that were asked for.")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn about() -> About {
        let classes = vec!["a".into(), "b".into()];
        About {
            model: "<run>".into(),
            network: "b0".into(),
            classes,
            side: 224,
            drawn: true,
            from_scratch: false,
        }
    }

    #[test]
    fn the_page_needs_nothing_from_elsewhere() {
        let page = html(&about(), true);
        assert!(page.contains("&lt;run&gt;") && !page.contains("<run>"));
        assert!(page.contains("id=\"token\"") && !html(&about(), false).contains("id=\"token\""));
        assert!(page.contains("drawings") && !page.contains("pretrained"));
        for outside in ["http://", "https://", "src=\"", "@import", "url("] {
            assert!(!page.contains(outside), "{outside}");
        }
    }
}
