//! What a client is told when there is no response: RFC 9457, a stable code and the request's id, never a message of the app's.

use nano_base::http::{Headers, ResponseHead};
use nano_base::status::{Error, Status};
use nano_http::h1::Fault;

/// The answer to a request that ended in an error.
pub(super) fn of_error(error: &Error, request: u64) -> (ResponseHead, Vec<u8>) {
    let status = error.http_status();
    let code = error.status.name().trim_start_matches("NANO_E_");
    // The app's own text is for its log; of the others only what the client can do something about.
    let detail = match error.status {
        Status::Invalid | Status::TooLarge | Status::Overloaded | Status::Draining => Some(error.message.as_str()),
        _ => None,
    };
    answer(status, code, detail, request)
}

/// The answer when no app is responsible.
pub(super) fn nobody(host: &str) -> (ResponseHead, Vec<u8>) {
    answer(404, "NO_APP", Some(&format!("no app answers for the host {host} and this path")), 0)
}

/// The answer to a client that is too slow.
pub(super) fn of_connection(status: u16, code: &str) -> (ResponseHead, Vec<u8>) {
    answer(status, code, None, 0)
}

/// The answer to a request that is not borne.
pub(super) fn of_fault(fault: Fault) -> (ResponseHead, Vec<u8>) {
    let code = match fault.status() {
        414 => "URI_TOO_LONG",
        417 => "EXPECTATION_FAILED",
        421 => "MISDIRECTED_REQUEST",
        431 => "HEADERS_TOO_LARGE",
        501 => "NOT_IMPLEMENTED",
        _ => "BAD_REQUEST",
    };
    answer(fault.status(), code, Some(fault.sentence()), 0)
}

fn answer(status: u16, code: &str, detail: Option<&str>, request: u64) -> (ResponseHead, Vec<u8>) {
    let mut body = format!("{{\"title\":\"{}\",\"status\":{status},\"code\":\"{code}\"", nano_http::h1::reason(status));
    if let Some(detail) = detail {
        body.push_str(",\"detail\":\"");
        escape(detail, &mut body);
        body.push('"');
    }
    let mut headers = Headers::new();
    let mut pushed = headers.push(b"content-type", b"application/problem+json");
    if request != 0 {
        let id = format!("{request:016x}");
        body.push_str(",\"request_id\":\"");
        body.push_str(&id);
        body.push('"');
        pushed &= headers.push(b"x-request-id", id.as_bytes());
    }
    debug_assert!(pushed, "all of it is tokens");
    body.push_str("}\n");
    (ResponseHead { status, status_text: String::new(), headers }, body.into_bytes())
}

/// Appends text as the inside of a JSON string.
fn escape(text: &str, into: &mut String) {
    for character in text.chars() {
        match character {
            '"' => into.push_str("\\\""),
            '\\' => into.push_str("\\\\"),
            control if control < ' ' => into.push_str(&format!("\\u{:04x}", u32::from(control))),
            other => into.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_app_says_of_itself_stays_in_its_log() {
        let error = Error::new(Status::Exception, "TypeError: the secret \"x\"").with_stack("at secret.js:1");
        let (head, body) = of_error(&error, 0x12);
        assert_eq!(head.status, 500);
        let text = String::from_utf8(body).unwrap();
        assert_eq!(
            text,
            "{\"title\":\"Internal Server Error\",\"status\":500,\"code\":\"EXCEPTION\",\"request_id\":\"0000000000000012\"}\n"
        );
        let (_, body) = of_error(&Error::new(Status::Invalid, "a \"quoted\"\nline"), 0);
        assert!(String::from_utf8(body).unwrap().contains(r#""detail":"a \"quoted\"\u000aline""#));
    }
}
