//! The `URL` class's native half: parsing and setting, by `nano_base::url`.

use nano_base::data_url::DataUrl;
use nano_base::url::{Part, Url, Written};

use super::ops::{byte_string, integer, text, with_text};
use crate::engine::{bytes, exceptions};

/// What `urlSet` calls by number.
const PARTS: [Part; 10] = [
    Part::Href,
    Part::Protocol,
    Part::Username,
    Part::Password,
    Part::Host,
    Part::Hostname,
    Part::Port,
    Part::Pathname,
    Part::Search,
    Part::Hash,
];

/// `domainToAscii(domain)`: any name in the form it travels in; "" if it has none.
pub(super) fn domain_to_ascii(scope: &mut v8::PinScope, args: v8::FunctionCallbackArguments, mut rv: v8::ReturnValue) {
    let domain = nano_base::url::domain_to_ascii(&text(scope, &args, 0)).unwrap_or_default();
    if let Some(string) = v8::String::new(scope, &domain) {
        rv.set(string.into());
    }
}

/// `domainToUnicode(domain)`: a valid name as people read it.
pub(super) fn domain_to_unicode(scope: &mut v8::PinScope, args: v8::FunctionCallbackArguments, mut rv: v8::ReturnValue) {
    let domain = nano_base::url::domain_to_unicode(&text(scope, &args, 0));
    if let Some(string) = v8::String::new(scope, &domain) {
        rv.set(string.into());
    }
}

/// What a text is, by the URL parser.
enum Parsed {
    /// A URL, written as it would be written out.
    Plain([usize; 9]),
    Url(Url),
    Nothing,
}

/// `urlParse(input, base, written)`: the parts, or undefined; if `written`, the URL written out and the places of its parts.
pub(super) fn parse(scope: &mut v8::PinScope, args: v8::FunctionCallbackArguments, mut rv: v8::ReturnValue) {
    let (input, base, written) = (args.get(0), args.get(1), args.get(2).is_true());
    let base = if base.is_undefined() {
        None
    } else {
        let Some(base) = with_text(scope, base, |base| Url::parse(base, None)) else { return };
        Some(base)
    };
    let parsed = with_text(scope, input, |input| {
        if written
            && base.is_none()
            && let Some(places) = Url::places_if_plain(input)
        {
            return Parsed::Plain(places);
        }
        Url::parse(input, base.as_ref()).map_or(Parsed::Nothing, Parsed::Url)
    });
    match parsed {
        Parsed::Nothing => {}
        Parsed::Plain(places) => return_written(scope, &mut rv, input, places),
        Parsed::Url(url) if written => return_url(scope, &mut rv, &url),
        Parsed::Url(url) => return_parts(scope, &mut rv, &url),
    }
}

/// `urlSet(href, part, value, written)`: the same of the URL afterwards, or undefined when the value is refused.
pub(super) fn set(scope: &mut v8::PinScope, args: v8::FunctionCallbackArguments, mut rv: v8::ReturnValue) {
    let Some(mut url) = with_text(scope, args.get(0), |href| Url::parse(href, None)) else { return };
    let Some(part) = PARTS.get(integer(scope, &args, 1) as usize) else { return };
    let value = text(scope, &args, 2);
    if url.set(*part, &value).is_none() {
        return;
    }
    if args.get(3).is_true() {
        return_url(scope, &mut rv, &url);
    } else {
        return_parts(scope, &mut rv, &url);
    }
}

/// `dataUrl(url)` -> `[type, bytes]`, or undefined if it is malformed; the URL has no fragment
pub(super) fn data(scope: &mut v8::PinScope, args: v8::FunctionCallbackArguments, mut rv: v8::ReturnValue) {
    let Some(url) = byte_string(scope, args.get(0)) else { return };
    let url = String::from_utf8(url).unwrap_or_default();
    let Some(data) = DataUrl::parse(&url) else { return };
    let Some(array) = bytes::to_array(scope, data.body) else {
        return exceptions::throw_range_error(scope, "the app's memory outside the heap is used up (limit external_bytes)");
    };
    let content_type: Vec<u8> = data.content_type.chars().map(|char| char as u8).collect();
    let Some(content_type) = v8::String::new_from_one_byte(scope, &content_type, v8::NewStringType::Normal) else { return };
    rv.set(v8::Array::new_with_elements(scope, &[content_type.into(), array.into()]).into());
}

fn return_url(scope: &mut v8::PinScope, rv: &mut v8::ReturnValue, url: &Url) {
    let Written { href, places } = url.written();
    // What a string cannot hold is refused like any other text that is no URL.
    let Some(href) = v8::String::new_from_one_byte(scope, href.as_bytes(), v8::NewStringType::Normal) else { return };
    return_written(scope, rv, href.into(), places);
}

/// One string and nine small integers, because most parts of most URLs are never looked at.
fn return_written(scope: &mut v8::PinScope, rv: &mut v8::ReturnValue, href: v8::Local<v8::Value>, places: [usize; 9]) {
    let mut values = [href; 10];
    for (value, place) in values[1..].iter_mut().zip(places) {
        *value = v8::Integer::new_from_unsigned(scope, place as u32).into();
    }
    rv.set(v8::Array::new_with_elements(scope, &values).into());
}

fn return_parts(scope: &mut v8::PinScope, rv: &mut v8::ReturnValue, url: &Url) {
    let marked = |mark: char, part: Option<&str>| match part {
        None | Some("") => String::new(),
        Some(part) => format!("{mark}{part}"),
    };
    let parts = [
        &url.href(),
        &url.origin(),
        &format!("{}:", url.scheme()),
        url.username(),
        url.password(),
        &url.host(),
        url.hostname().unwrap_or_default(),
        &url.port().map(|port| port.to_string()).unwrap_or_default(),
        url.path(),
        &marked('?', url.query()),
        &marked('#', url.fragment()),
    ];
    let mut values = Vec::with_capacity(parts.len());
    for part in parts {
        // A URL is ASCII: its parser encodes the rest. What a string cannot hold is refused like any other text that is no URL.
        let Some(value) = v8::String::new_from_one_byte(scope, part.as_bytes(), v8::NewStringType::Normal) else { return };
        values.push(value.into());
    }
    rv.set(v8::Array::new_with_elements(scope, &values).into());
}
