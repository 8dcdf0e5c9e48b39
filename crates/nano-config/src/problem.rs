//! What a client is told when its request has no answer of an app's: RFC 9457, with a code for machines and the request's id for whoever
//! reads the log. Never a message or a stack, for these are the app's.

use std::fmt::Write;

use nano_base::limits::REQUEST_ID_BYTES_MAX;
use nano_base::status::{Error, Status};

/// The media type of the body.
pub const CONTENT_TYPE: &str = "application/problem+json";

/// Something that went wrong, for a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The status of HTTP.
    pub status: u16,
    /// The stable code.
    pub code: &'static str,
    /// One sentence, the same for all that have this code.
    pub detail: &'static str,
    /// When it is worth trying again, in seconds, for `Retry-After`; zero for nothing to say.
    pub retry_after_s: u32,
}

impl Problem {
    /// No route leads to an app.
    pub const NO_APP: Self = Self::new(404, "NANOD_NO_APP", "No app answers for this host and path.");
    /// The app's folder has an error, and it was never deployed.
    pub const NOT_DEPLOYED: Self = Self::retry(503, "NANOD_NOT_DEPLOYED", "The app is not deployed.", 5);
    /// The request is not HTTP.
    pub const BAD_REQUEST: Self = Self::new(400, "NANOD_BAD_REQUEST", "The request is not valid HTTP.");
    /// The request did not arrive in time.
    pub const SLOW_REQUEST: Self = Self::new(408, "NANOD_SLOW_REQUEST", "The request took too long to arrive.");
    /// `Expect` says something else than `100-continue`.
    pub const EXPECTATION: Self = Self::new(417, "NANOD_EXPECTATION", "The expectation cannot be met.");
    /// CONNECT and the like.
    pub const NOT_IMPLEMENTED: Self = Self::new(501, "NANOD_NOT_IMPLEMENTED", "The server does not do this.");
    /// A version of HTTP that is not spoken.
    pub const HTTP_VERSION: Self = Self::new(505, "NANOD_HTTP_VERSION", "The server speaks HTTP/1.1 and HTTP/2.");

    const fn new(status: u16, code: &'static str, detail: &'static str) -> Self {
        Self::retry(status, code, detail, 0)
    }

    const fn retry(status: u16, code: &'static str, detail: &'static str, retry_after_s: u32) -> Self {
        Self { status, code, detail, retry_after_s }
    }

    /// What a client may know of an error.
    pub fn of(error: &Error) -> Self {
        let status = error.http_status();
        let retry_after_s = if status == 503 { 1 } else { 0 };
        Self { status, code: error.status.name(), detail: detail(error.status, status), retry_after_s }
    }

    /// The body. Of the id only what an id is made of is repeated: it may have come from the client.
    pub fn body(&self, request_id: &str) -> String {
        let mut body = String::with_capacity(192);
        let _ = write!(
            body,
            "{{\"type\":\"about:blank\",\"title\":\"{}\",\"status\":{},\"detail\":\"{}\",\"code\":\"{}\"",
            phrase(self.status),
            self.status,
            self.detail,
            self.code
        );
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b':');
        if !request_id.is_empty() && request_id.len() <= REQUEST_ID_BYTES_MAX && request_id.bytes().all(plain) {
            let _ = write!(body, ",\"request_id\":\"{request_id}\"");
        }
        body.push_str("}\n");
        body
    }
}

/// A sentence that says nothing of the app's making.
fn detail(status: Status, http_status: u16) -> &'static str {
    match (status, http_status) {
        (Status::TooLarge, 414) => "The URL is too long.",
        (Status::TooLarge, 431) => "The headers are too large.",
        (Status::TooLarge, 413) => "The body is too large.",
        (Status::Invalid, 400) => "The request is not valid.",
        (Status::Draining | Status::Shutdown, _) => "The server is stopping. Send the request again.",
        (_, 503) => "The server has too much to do. Send the request again later.",
        (_, 504) => "The app took too long to answer.",
        (Status::CpuLimit | Status::MemoryLimit, _) => "The app used more than it may.",
        (Status::Exception, _) => "The app failed.",
        (Status::Compile, _) => "The app cannot be started.",
        (Status::ShardLost, _) => "The app was stopped. The request may have had effects.",
        _ => "The request could not be answered.",
    }
}

/// What HTTP calls a status that can be in a problem.
pub const fn phrase(status: u16) -> &'static str {
    match status {
        400 => "Bad Request",
        404 => "Not Found",
        408 => "Request Timeout",
        413 => "Content Too Large",
        414 => "URI Too Long",
        417 => "Expectation Failed",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        505 => "HTTP Version Not Supported",
        _ => "Error",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_says_what_a_client_may_know() {
        let error = Error::new(Status::Exception, "TypeError: secret \"x\"").with_stack("at secret.js:1");
        assert_eq!(
            Problem::of(&error).body("01J-a.b_c:9"),
            "{\"type\":\"about:blank\",\"title\":\"Internal Server Error\",\"status\":500,\"detail\":\"The app failed.\",\
             \"code\":\"NANO_E_EXCEPTION\",\"request_id\":\"01J-a.b_c:9\"}\n"
        );
    }

    #[test]
    fn every_status_has_a_problem_that_is_json_and_keeps_the_message_to_itself() {
        for status in Status::ALL {
            for http in [0, 414, 431] {
                let error = Error::new(*status, "inner message").with_stack("inner stack").with_http_status(http);
                let problem = Problem::of(&error);
                let body = problem.body("id");
                let json: serde_json::Value = serde_json::from_str(&body).expect("JSON");
                assert_eq!((json["status"].as_u64(), json["code"].as_str()), (Some(error.http_status().into()), Some(status.name())));
                assert!(!body.contains("inner") && json["title"] != "Error" && json["detail"].as_str().is_some_and(|text| text.len() > 10));
                assert_eq!(problem.retry_after_s > 0, error.http_status() == 503);
            }
        }
        for own in [
            Problem::NO_APP,
            Problem::NOT_DEPLOYED,
            Problem::BAD_REQUEST,
            Problem::SLOW_REQUEST,
            Problem::EXPECTATION,
            Problem::NOT_IMPLEMENTED,
            Problem::HTTP_VERSION,
        ] {
            let json: serde_json::Value = serde_json::from_str(&own.body("id")).expect("JSON");
            assert!(json["title"] != "Error" && json["code"].as_str().is_some_and(|code| code.starts_with("NANOD_")));
        }
    }

    #[test]
    fn an_id_that_could_break_out_is_left_out() {
        for id in ["\"", "a b", "a\\", "<x>", "ü", "", &"x".repeat(REQUEST_ID_BYTES_MAX + 1)] {
            assert!(!Problem::NO_APP.body(id).contains("request_id"), "{id}");
        }
    }
}
