//! Whatever keeps a request from its answer, as the status and the JSON that the client gets.

use axum::http::header::{ALLOW, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::answer::{SCHEMA, json_response};
use crate::dataset::{DecodeError, PictureError};

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    #[error("{0}")]
    Malformed(String),
    #[error("send the token in a header: `Authorization: Bearer TOKEN`")]
    Token,
    #[error("there is nothing at this path; /openapi.json says what there is")]
    NoSuchPath,
    #[error("this path takes {allowed} alone")]
    Method { allowed: &'static str },
    #[error("the body did not arrive within {seconds} seconds")]
    Slow { seconds: u64 },
    #[error("{0}")]
    TooLarge(String),
    #[error("{0}")]
    NoPicture(String),
    #[error("{0}")]
    Damaged(String),
    #[error("more requests than the server allows a client; try again later")]
    TooOften { seconds: u64 },
    #[error("more pictures wait than the server has room for; try again later")]
    Busy,
    #[error("the server failed on this picture; its log says why")]
    Failed,
}

impl Fault {
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Malformed(_) => StatusCode::BAD_REQUEST,
            Self::Token => StatusCode::UNAUTHORIZED,
            Self::NoSuchPath => StatusCode::NOT_FOUND,
            Self::Method { .. } => StatusCode::METHOD_NOT_ALLOWED,
            Self::Slow { .. } => StatusCode::REQUEST_TIMEOUT,
            Self::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::NoPicture(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Damaged(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::TooOften { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::Busy => StatusCode::SERVICE_UNAVAILABLE,
            Self::Failed => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        let status = self.status();
        let error = json!({ "status": status.as_u16(), "message": self.to_string() });
        let mut response = json_response(status, &json!({ "schema": SCHEMA, "error": error }));
        let headers = response.headers_mut();
        match self {
            Self::Token => {
                headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            Self::Method { allowed } => {
                headers.insert(ALLOW, HeaderValue::from_static(allowed));
            }
            Self::TooOften { seconds } => {
                headers.insert(RETRY_AFTER, seconds.into());
            }
            Self::Busy => {
                headers.insert(RETRY_AFTER, 1.into());
            }
            _ => {}
        }
        response
    }
}

impl From<DecodeError> for Fault {
    fn from(error: DecodeError) -> Self {
        let text = error.to_string();
        match error {
            DecodeError::Empty => Self::Malformed(text),
            DecodeError::NotAPicture | DecodeError::Unsupported { .. } => Self::NoPicture(text),
            DecodeError::TooLarge { .. } => Self::TooLarge(text),
            DecodeError::Truncated { .. } | DecodeError::Damaged { .. } | DecodeError::Panicked { .. } => {
                Self::Damaged(text)
            }
        }
    }
}

impl From<PictureError> for Fault {
    fn from(error: PictureError) -> Self {
        Self::Damaged(error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_of_a_picture_is_the_clients() {
        let reason = String::new();
        let check = |error: DecodeError, status: u16| assert_eq!(Fault::from(error).status(), status);
        check(DecodeError::Empty, 400);
        check(DecodeError::NotAPicture, 415);
        check(DecodeError::TooLarge { width: 9, height: 9, limit: 80 }, 413);
        check(DecodeError::Truncated { format: "PNG" }, 422);
        check(DecodeError::Panicked { reason }, 422);
        assert_eq!(Fault::from(PictureError::Channels { found: 2 }).status(), 422);
    }

    #[test]
    fn who_is_turned_away_hears_when_to_come_again() {
        let response = Fault::TooOften { seconds: 7 }.into_response();
        assert_eq!(response.headers()[RETRY_AFTER], "7");
        assert_eq!(Fault::Busy.into_response().headers()[RETRY_AFTER], "1");
        assert_eq!(Fault::Token.into_response().headers()[WWW_AUTHENTICATE], "Bearer");
        assert_eq!(Fault::Method { allowed: "POST" }.into_response().headers()[ALLOW], "POST");
    }
}
