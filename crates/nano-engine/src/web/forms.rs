//! What forms and typed bodies are read with: MIME types and `multipart/form-data`.

use nano_base::limits::FORM_PAIRS_MAX;
use nano_base::mime::Mime;
use nano_base::multipart;

use super::blob::{Shared, range};
use super::ops::{byte_string, integer};
use crate::engine::{exceptions, resources};
use crate::isolate::state::State;

type Args<'s> = v8::FunctionCallbackArguments<'s>;
type Return<'s> = v8::ReturnValue<'s>;

/// `mimeExtract(headers)` -> `[essence, type, boundary or null, charset or null]` of a header list in its native form, or undefined
pub(super) fn mime_extract(scope: &mut v8::PinScope, args: Args, mut rv: Return) {
    let Some(flat) = byte_string(scope, args.get(0)) else { return };
    let mut lines = flat.split(|byte| *byte == b'\n');
    let values = std::iter::from_fn(|| Some((lines.next()?, lines.next().unwrap_or_default())))
        .filter_map(|(name, value)| (name == b"content-type").then_some(value));
    let Some(mime) = Mime::extract(values) else { return };
    let Some(essence) = latin1(scope, &mime.essence) else { return };
    let Some(text) = latin1(scope, &mime.serialize()) else { return };
    let mut parameter = |name| match mime.parameter(name) {
        Some(value) => latin1(scope, value),
        None => Some(v8::null(scope).into()),
    };
    let (Some(boundary), Some(charset)) = (parameter("boundary"), parameter("charset")) else { return };
    rv.set(v8::Array::new_with_elements(scope, &[essence, text, boundary, charset]).into());
}

/// `multipartParse(resource, boundary)` -> `[name, filename or null, type or null, start, end, ...]`; a field has no file name, and its value
/// as a string in place of `start`. A TypeError if it is malformed.
pub(super) fn multipart_parse(scope: &mut v8::PinScope, args: Args, mut rv: Return) {
    let Some(shared) = resources::get::<Shared>(scope, args.get(0)) else { return };
    let Some(boundary) = byte_string(scope, args.get(1)) else { return };
    let parts = match multipart::parse(shared.bytes(), &boundary) {
        Ok(parts) => parts,
        Err(multipart::Malformed(why)) => {
            exceptions::throw_type_error(scope, &format!("the body is not valid multipart/form-data: {why}"));
            return;
        }
    };
    // Names are copied twice on their way; the body bounds them.
    let mut items: Vec<v8::Local<v8::Value>> = Vec::with_capacity(parts.len() * 5);
    for part in parts {
        if State::is_stopping(scope) {
            break;
        }
        let value = &shared.bytes()[part.value.clone()];
        let Some(name) = utf8(scope, &part.name) else { return };
        items.push(name);
        if let Some(filename) = &part.filename {
            let Some(filename) = utf8(scope, filename) else { return };
            let Some(content_type) = part.content_type.as_deref().map_or(Some(v8::null(scope).into()), |bytes| one_byte(scope, bytes))
            else {
                return;
            };
            let start = v8::Number::new(scope, part.value.start as f64);
            let end = v8::Number::new(scope, part.value.end as f64);
            items.extend([filename, content_type, start.into(), end.into()]);
        } else {
            let Some(text) = utf8(scope, value) else { return };
            let null = v8::null(scope).into();
            items.extend([null, null, text, null]);
        }
    }
    rv.set(v8::Array::new_with_elements(scope, &items).into());
}

/// `urlencodedParse(resource, start, end, count)` -> `[next, name, value, ...]`: some of the pairs between two places, after so many before
/// them, and where the rest begins. A step is short, so that a turn can be stopped between two of them: a body may have a pair for every
/// other byte. A TypeError if there are too many.
pub(super) fn urlencoded_parse(scope: &mut v8::PinScope, args: Args, mut rv: Return) {
    let Some(shared) = resources::get::<Shared>(scope, args.get(0)) else { return };
    let (start, end) = range(scope, args.get(1), args.get(2), shared.bytes().len());
    let (pairs, next) = urlencoded_step(&shared.bytes()[..end], start);
    if integer(scope, &args, 3) as usize + pairs.len() > FORM_PAIRS_MAX {
        exceptions::throw_type_error(scope, &format!("the body has more than {FORM_PAIRS_MAX} fields"));
        return;
    }
    let next = v8::Number::new(scope, next as f64);
    let mut items: Vec<v8::Local<v8::Value>> = vec![next.into()];
    for pair in pairs {
        // Where the heap is nearly full, each string may cost a garbage collection.
        if State::is_stopping(scope) {
            break;
        }
        for (name, value) in form_urlencoded::parse(pair) {
            let (Some(name), Some(value)) = (utf8(scope, name.as_bytes()), utf8(scope, value.as_bytes())) else { return };
            items.extend([name, value]);
        }
    }
    rv.set(v8::Array::new_with_elements(scope, &items).into());
}

/// Pairs that one step reads.
const STEP_PAIRS: usize = 512;
/// Bytes after which it ends.
const STEP_BYTES: usize = 64 << 10;

/// The pairs of one step from a place on, still encoded, and where the next one begins: beyond the end after the last.
fn urlencoded_step(body: &[u8], start: usize) -> (Vec<&[u8]>, usize) {
    let mut pairs = Vec::new();
    let mut at = start;
    while at < body.len() && at - start < STEP_BYTES && pairs.len() < STEP_PAIRS {
        let length = body[at..].iter().position(|byte| *byte == b'&').unwrap_or(body.len() - at);
        if length > 0 {
            pairs.push(&body[at..at + length]);
        }
        at += length + 1;
    }
    (pairs, at)
}

/// `formText(string, kind)` -> string. Kind 0 is a value, 1 a name, 2 a file's name, as multipart/form-data carries them:
/// <https://html.spec.whatwg.org/#multipart-form-data>
pub(super) fn form_text(scope: &mut v8::PinScope, args: Args, mut rv: Return) {
    let kind = integer(scope, &args, 1);
    let text = super::ops::text(scope, &args, 0);
    let text = if kind == 2 { text } else { line_breaks(&text) };
    let text = if kind == 0 { text } else { text.replace('\n', "%0A").replace('\r', "%0D").replace('"', "%22") };
    if let Some(text) = utf8(scope, text.as_bytes()) {
        rv.set(text);
    }
}

/// Every line break becomes CRLF.
fn line_breaks(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['\r', '\n']) {
        out.push_str(&rest[..at]);
        out.push_str("\r\n");
        rest = &rest[at + if rest[at..].starts_with("\r\n") { 2 } else { 1 }..];
    }
    out.push_str(rest);
    out
}

/// Malformed UTF-8 becomes U+FFFD. `None` with a RangeError pending if no string can be so long.
fn utf8<'s>(scope: &mut v8::PinScope<'s, '_>, bytes: &[u8]) -> Option<v8::Local<'s, v8::Value>> {
    let string = v8::String::new_from_utf8(scope, bytes, v8::NewStringType::Normal);
    if string.is_none() {
        exceptions::throw_range_error(scope, "the text is longer than a string can be");
    }
    string.map(Into::into)
}

fn one_byte<'s>(scope: &mut v8::PinScope<'s, '_>, bytes: &[u8]) -> Option<v8::Local<'s, v8::Value>> {
    v8::String::new_from_one_byte(scope, bytes, v8::NewStringType::Normal).map(Into::into)
}

/// A string whose characters are all below U+0100.
fn latin1<'s>(scope: &mut v8::PinScope<'s, '_>, text: &str) -> Option<v8::Local<'s, v8::Value>> {
    v8::String::new(scope, text).map(Into::into)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_steps_of_a_body_are_short_and_together_all_of_it() {
        let body = [b"&".repeat(STEP_BYTES), b"a&b=1&&".repeat(STEP_PAIRS), b"c=2".to_vec()].concat();
        let (mut all, mut at) = (Vec::new(), 0);
        while at < body.len() {
            let (pairs, next) = urlencoded_step(&body, at);
            assert!(pairs.len() <= STEP_PAIRS && next - at <= STEP_BYTES + 4 && next > at);
            all.extend(pairs);
            at = next;
        }
        assert_eq!(all.len(), 2 * STEP_PAIRS + 1);
        assert_eq!([all[0], all[1], all[2 * STEP_PAIRS]], [&b"a"[..], b"b=1", b"c=2"]);
    }

    #[test]
    fn line_breaks_become_crlf_once() {
        assert_eq!(line_breaks("a\nb\rc\r\nd\n\r\r\n"), "a\r\nb\r\nc\r\nd\r\n\r\n\r\n");
    }
}
