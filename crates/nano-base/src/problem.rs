//! What a client of HTTP is told when its request has no answer of an app's: RFC 9457, with a code for machines and the request's id for
//! whoever reads the log. Never a message or a stack, for these are the app's. The one table of it, for all servers here.

use crate::http::{Headers, ResponseHead};
use crate::limits::REQUEST_ID_BYTES_MAX;
use crate::status::{Error, Status};

/// The media type of the body.
pub const CONTENT_TYPE: &str = "application/problem+json";

/// Something that went wrong, for a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The status of HTTP.
    pub status: u16,
    /// The stable code.
    pub code: &'static str,
    /// What happened; nothing of an app's making.
    pub detail: &'static str,
    /// When it is worth trying again, in seconds, for `Retry-After`; zero for nothing to say.
    pub retry_after_s: u32,
}

/// Defines the problems that are not the outcome of a request: a name here, the code of the same name, and what it says.
macro_rules! problems {
    ($($(#[$doc:meta])* $name:ident = $status:literal, $retry:literal, $detail:literal;)*) => {
        impl Problem {
            $($(#[$doc])*
            pub const $name: Self = Self { status: $status, code: stringify!($name), detail: $detail, retry_after_s: $retry };)*

            /// All of these, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];
        }
    };
}

problems! {
    /// No route leads to an app.
    NO_APP = 404, 0, "No app answers for this host and path.";
    /// The app's folder has an error, and it was never deployed.
    NOT_DEPLOYED = 503, 5, "The app is not deployed.";
    /// The app has ended the server's process again and again.
    QUARANTINED = 503, 60, "The app has been stopped, because it broke the server.";
    /// One app's requests hold as many connections as one app may.
    TOO_MANY_CONNECTIONS = 503, 1, "The app holds as many connections as it may. Send the request again later.";
    /// The request is not HTTP.
    BAD_REQUEST = 400, 0, "The request is not valid HTTP.";
    /// A WebSocket is asked for by another method than GET.
    METHOD_NOT_ALLOWED = 405, 0, "The method is not one of those that there are here.";
    /// What is there is a WebSocket, and the request does not ask for one as it has to.
    UPGRADE_REQUIRED = 426, 0, "This is a WebSocket.";
    /// Not all of the request arrived in time.
    REQUEST_TIMEOUT = 408, 0, "The request took too long to arrive.";
    /// `Expect` says something else than `100-continue`.
    EXPECTATION = 417, 0, "The expectation cannot be met.";
    /// The request is for a server that is somewhere else.
    MISDIRECTED = 421, 0, "This is not the server for the request.";
    /// CONNECT and the like.
    NOT_IMPLEMENTED = 501, 0, "The server does not do this.";
    /// What an app or another server answered is not HTTP.
    BAD_RESPONSE = 502, 0, "The response cannot be sent.";
    /// A version of HTTP that is not spoken.
    HTTP_VERSION = 505, 0, "The server does not speak this version of HTTP.";
}

impl Problem {
    /// What a client may know of an error.
    pub fn of(error: &Error) -> Self {
        let status = error.http_status();
        let code = error.status.name();
        let code = code.strip_prefix("NANO_E_").or(code.strip_prefix("NANO_")).unwrap_or(code);
        let retry_after_s = if status == 503 { 1 } else { 0 };
        Self { status, code, detail: detail(error.status, status), retry_after_s }
    }

    /// The same problem, told more exactly.
    #[must_use]
    pub const fn because(mut self, detail: &'static str) -> Self {
        self.detail = detail;
        self
    }

    /// The body. Of the id only what an id is made of is repeated: it may have come from the client.
    pub fn body(&self, request_id: &str) -> String {
        let mut body = String::with_capacity(192);
        body.push_str("{\"title\":\"");
        body.push_str(phrase(self.status));
        body.push_str("\",\"status\":");
        body.push_str(&self.status.to_string());
        body.push_str(",\"code\":\"");
        body.push_str(self.code);
        body.push_str("\",\"detail\":\"");
        self.detail.chars().for_each(|character| match character {
            '"' | '\\' => body.extend(['\\', character]),
            _ => body.push(character),
        });
        body.push('"');
        if is_id(request_id) {
            body.push_str(",\"request_id\":\"");
            body.push_str(request_id);
            body.push('"');
        }
        body.push_str("}\n");
        body
    }

    /// The whole response; the id may be empty.
    pub fn answer(&self, request_id: &str) -> (ResponseHead, Vec<u8>) {
        let mut headers = Headers::new();
        let mut pushed = headers.push(b"content-type", CONTENT_TYPE.as_bytes());
        if self.retry_after_s > 0 {
            pushed &= headers.push(b"retry-after", self.retry_after_s.to_string().as_bytes());
        }
        if is_id(request_id) {
            pushed &= headers.push(b"x-request-id", request_id.as_bytes());
        }
        debug_assert!(pushed, "all of it is tokens");
        (ResponseHead { status: self.status, status_text: String::new(), headers }, self.body(request_id).into_bytes())
    }
}

fn is_id(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b':');
    !text.is_empty() && text.len() <= REQUEST_ID_BYTES_MAX && text.bytes().all(plain)
}

/// A sentence that says nothing of the app's making.
fn detail(status: Status, http_status: u16) -> &'static str {
    match (status, http_status) {
        (Status::TooLarge, 414) => "The URL is too long.",
        (Status::TooLarge, 431) => "The headers are too large.",
        (Status::TooLarge, 413) => "The body is too large.",
        (Status::Invalid, 400) => "The request is not valid.",
        (Status::Draining | Status::Shutdown, _) => "The server is stopping. Send the request again.",
        (_, 502) => "The app's response cannot be sent.",
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
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        413 => "Content Too Large",
        414 => "URI Too Long",
        417 => "Expectation Failed",
        421 => "Misdirected Request",
        426 => "Upgrade Required",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
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
            "{\"title\":\"Internal Server Error\",\"status\":500,\"code\":\"EXCEPTION\",\"detail\":\"The app failed.\",\
             \"request_id\":\"01J-a.b_c:9\"}\n"
        );
    }

    #[test]
    fn every_status_has_a_problem_that_keeps_the_message_to_itself() {
        for status in Status::ALL {
            for http in [0, 414, 431, 502] {
                let error = Error::new(*status, "inner message").with_stack("inner stack").with_http_status(http);
                let problem = Problem::of(&error);
                assert!(status.name().ends_with(problem.code) && !problem.code.starts_with("NANO"));
                assert!(!problem.body("id").contains("inner") && phrase(problem.status) != "Error" && problem.detail.len() > 10);
                assert_eq!(problem.retry_after_s > 0, error.http_status() == 503);
            }
        }
        for own in Problem::ALL {
            assert!(phrase(own.status) != "Error" && !Status::ALL.iter().any(|status| status.name().ends_with(&format!("_{}", own.code))));
        }
    }

    #[test]
    fn an_id_that_could_break_out_is_left_out() {
        for id in ["\"", "a b", "a\\", "<x>", "ü", "", &"x".repeat(REQUEST_ID_BYTES_MAX + 1)] {
            let (head, body) = Problem::NO_APP.answer(id);
            assert!(!body.windows(10).any(|word| word == b"request_id") && head.headers.value(b"x-request-id").is_none(), "{id}");
        }
        assert!(Problem::BAD_REQUEST.because("a \"b\" \\ c").body("").contains(r#""detail":"a \"b\" \\ c""#));
    }

    #[test]
    fn what_is_worth_trying_again_says_when() {
        let (head, _) = Problem::NOT_DEPLOYED.answer("");
        assert_eq!((head.status, head.headers.value(b"retry-after")), (503, Some(&b"5"[..])));
    }
}
