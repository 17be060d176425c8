//! The secret that clients show where the server is reached from elsewhere. It is compared by its hash, in a time that
//! tells nothing of it, and never printed.

use std::fmt;

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;

#[derive(Clone)]
pub struct Token(blake3::Hash);

impl Token {
    /// Nothing of an empty one.
    pub fn new(text: &str) -> Option<Self> {
        let text = text.trim();
        (!text.is_empty()).then(|| Self(blake3::hash(text.as_bytes())))
    }

    pub fn is_shown_in(&self, headers: &HeaderMap) -> bool {
        let header = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let Some((scheme, shown)) = header.and_then(|text| text.split_once(' ')) else { return false };
        // Comparing hashes of this kind takes the same time wherever they differ.
        scheme.eq_ignore_ascii_case("bearer") && blake3::hash(shown.trim().as_bytes()) == self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_very_token_is_one() {
        let token = Token::new(" secret\n").unwrap();
        let check = |header: &str, expected: bool| {
            let headers = HeaderMap::from_iter([(AUTHORIZATION, header.parse().unwrap())]);
            assert_eq!(token.is_shown_in(&headers), expected, "{header}");
        };
        check("Bearer secret", true);
        check("bearer secret", true);
        check("Bearer secrets", false);
        check("Bearer", false);
        check("Basic secret", false);
        assert!(!token.is_shown_in(&HeaderMap::new()));
        assert!(Token::new(" \n").is_none());
        assert_eq!(format!("{token:?}"), "Token");
    }
}
