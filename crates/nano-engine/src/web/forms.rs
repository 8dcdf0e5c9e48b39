//! What forms and typed bodies are read with: MIME types and `multipart/form-data`.

use std::rc::Rc;

use nano_base::mime::Mime;
use nano_base::multipart;

use super::blob::{Shared, range};
use super::ops::byte_string;
use crate::engine::{exceptions, resources};

type Args<'s> = v8::FunctionCallbackArguments<'s>;
type Return<'s> = v8::ReturnValue<'s>;

/// `mimeExtract(headers)` -> `[essence, type, boundary or null, charset or null]` of a header list in its native form, or undefined
pub(super) fn mime_extract(scope: &mut v8::PinScope, args: Args, mut rv: Return) {
    let flat = byte_string(scope, args.get(0));
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
    let boundary = byte_string(scope, args.get(1));
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

/// `urlencodedParse(string)` or `urlencodedParse(resource, start, end)` -> `[name, value, ...]`
pub(super) fn urlencoded_parse(scope: &mut v8::PinScope, args: Args, mut rv: Return) {
    let shared: Rc<Shared> = if args.get(0).is_string() {
        Rc::new(Shared::Owned(args.get(0).to_rust_string_lossy(scope).into_bytes()))
    } else {
        let Some(shared) = resources::get::<Shared>(scope, args.get(0)) else { return };
        shared
    };
    let (start, end) = match args.get(0).is_string() {
        true => (0, shared.bytes().len()),
        false => range(scope, args.get(1), args.get(2), shared.bytes().len()),
    };
    let mut items: Vec<v8::Local<v8::Value>> = Vec::new();
    for (name, value) in url::form_urlencoded::parse(&shared.bytes()[start..end]) {
        let (Some(name), Some(value)) = (utf8(scope, name.as_bytes()), utf8(scope, value.as_bytes())) else { return };
        items.extend([name, value]);
    }
    rv.set(v8::Array::new_with_elements(scope, &items).into());
}

/// `formText(string, kind)` -> string. Kind 0 is a value, 1 a name, 2 a file's name, as multipart/form-data carries them:
/// <https://html.spec.whatwg.org/#multipart-form-data>
pub(super) fn form_text(scope: &mut v8::PinScope, args: Args, mut rv: Return) {
    let kind = super::ops::integer(scope, &args, 1);
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
    fn line_breaks_become_crlf_once() {
        assert_eq!(line_breaks("a\nb\rc\r\nd\n\r\r\n"), "a\r\nb\r\nc\r\nd\r\n\r\n\r\n");
    }
}
