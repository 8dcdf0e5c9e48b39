//! URLs: one parser for the platform's `URL` class and for everything of ours that reads one.

use url::{Url, quirks};

use super::ops::{integer, text};

/// `urlParse(input, base)`: the parts, or undefined.
pub(super) fn parse(scope: &mut v8::PinScope, args: v8::FunctionCallbackArguments, mut rv: v8::ReturnValue) {
    let input = text(scope, &args, 0);
    let base = args.get(1);
    let parsed = if base.is_undefined() {
        Url::parse(&input)
    } else {
        Url::parse(&base.to_rust_string_lossy(scope)).and_then(|base| base.join(&input))
    };
    if let Ok(url) = parsed {
        return_parts(scope, &mut rv, &url);
    }
}

/// `urlSet(href, part, value)`: the parts afterwards, or undefined when the value is refused.
pub(super) fn set(scope: &mut v8::PinScope, args: v8::FunctionCallbackArguments, mut rv: v8::ReturnValue) {
    let Ok(mut url) = Url::parse(&text(scope, &args, 0)) else { return };
    let part = integer(scope, &args, 1);
    let value = text(scope, &args, 2);
    let accepted = match part {
        0 => Url::parse(&value).map(|parsed| url = parsed).is_ok(),
        1 => quirks::set_protocol(&mut url, &value).is_ok(),
        2 => quirks::set_username(&mut url, &value).is_ok(),
        3 => quirks::set_password(&mut url, &value).is_ok(),
        4 => quirks::set_host(&mut url, &value).is_ok(),
        5 => quirks::set_hostname(&mut url, &value).is_ok(),
        6 => quirks::set_port(&mut url, &value).is_ok(),
        7 => {
            quirks::set_pathname(&mut url, &value);
            true
        }
        8 => {
            quirks::set_search(&mut url, &value);
            true
        }
        9 => {
            quirks::set_hash(&mut url, &value);
            true
        }
        _ => false,
    };
    if accepted {
        return_parts(scope, &mut rv, &url);
    }
}

fn return_parts(scope: &mut v8::PinScope, rv: &mut v8::ReturnValue, url: &Url) {
    let origin = quirks::origin(url);
    let parts = [
        quirks::href(url),
        &origin,
        quirks::protocol(url),
        quirks::username(url),
        quirks::password(url),
        quirks::host(url),
        quirks::hostname(url),
        quirks::port(url),
        quirks::pathname(url),
        quirks::search(url),
        quirks::hash(url),
    ];
    let mut values = Vec::with_capacity(parts.len());
    for part in parts {
        // A serialized URL is ASCII, except for nothing: the parser percent-encodes the rest.
        let Some(value) = v8::String::new(scope, part) else { return };
        values.push(value.into());
    }
    rv.set(v8::Array::new_with_elements(scope, &values).into());
}
