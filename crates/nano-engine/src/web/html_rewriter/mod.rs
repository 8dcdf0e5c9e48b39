//! HTMLRewriter: how JavaScript drives the machine that rewrites, and reads and changes the token whose turn it is.
//!
//! JavaScript keeps the one rule that is not checked here: what reads and changes a token is called between the step that gave it and
//! the next one.

mod machine;
#[cfg(test)]
mod tests;
mod token;

use std::cell::RefCell;
use std::rc::Rc;

use encoding_rs::{Decoder, Encoding, UTF_8};
use lol_html::{AsciiCompatibleEncoding, Selector};
use nano_base::limits::{REWRITER_BYTES_MAX, REWRITER_SELECTOR_BYTES_MAX, REWRITER_SELECTORS_MAX};

use self::machine::{Failure, Machine, OnDocument, OnElement, Step};
use self::token::{Content, Kind, Output, Part, Place, Token};
use super::encoding::{return_bytes, return_utf8};
use super::ops::{copy, integer, text};
use crate::engine::exceptions::{throw_range_error, throw_type_error};
use crate::engine::{bytes, resources};
use crate::isolate::state::State;

type Scope<'s, 'p> = v8::PinScope<'s, 'p>;
type Args<'s> = v8::FunctionCallbackArguments<'s>;
type Return<'s> = v8::ReturnValue<'s>;

/// What JavaScript holds.
struct Rewriting {
    machine: RefCell<Machine>,
    /// Decodes what a stream inserts; each stream's own.
    content: RefCell<Option<Decoder>>,
    /// What it is charged for from its start to its end: the memory lol_html may use, above all.
    base_bytes: usize,
}

/// Which share of the app's memory outside the heap that is free one rewriter has for itself: the first can parse giant tags, and a
/// hundred can run at once.
const SHARE: usize = 32;
/// The least that is of use.
const LEAST_BYTES: usize = 32 << 10;
/// What one handler costs.
const HANDLER_BYTES: usize = 512;
/// The least that lol_html counts for an open element.
const ELEMENT_BYTES: usize = 96;
/// What counting an open element costs.
const COUNTED_BYTES: usize = 256;
/// What lol_html holds beyond that for each combinator of a selector: where to go on looking, in a list that grows by doubling.
const COMBINATOR_BYTES: usize = 32;
/// With more combinators than this, all elements are counted, which is slower, rather than the worst charged from the start.
const FEW_COMBINATORS: usize = 4;

/// `htmlRewriter(command, ...)`: one function, because each costs every isolate.
pub(super) fn html_rewriter<'s>(scope: &mut Scope<'s, '_>, args: Args<'s>, rv: Return<'s>) {
    match integer(scope, &args, 0) {
        0 => check(scope, &args, rv),
        1 => create(scope, &args, rv),
        10 => encoding(scope, &args, rv),
        command => {
            let Some(rewriting) = resources::get::<Rewriting>(scope, args.get(1)) else {
                throw_type_error(scope, "the rewriting is over");
                return;
            };
            match command {
                2 => write(scope, &args, &rewriting),
                3 => step(rv, &rewriting),
                4 => output(scope, rv, &rewriting),
                5 => read(scope, &args, rv, &rewriting),
                6 => change(scope, &args, &rewriting),
                7 => insert(scope, &args, &rewriting),
                8 => content(scope, &args, rv, &rewriting),
                9 => on_end_tag(rv, &rewriting),
                _ => {}
            }
            // What has gone is given back; what has come was asked for before.
            recharge(scope, &args, &rewriting, 0);
        }
    }
}

/// `(0, selector, count)`: how many conditions it has, at most; or, as a string, what is wrong with it. Count is how many selectors and
/// document handlers there will be.
fn check<'s>(scope: &mut Scope<'s, '_>, args: &Args<'s>, mut rv: Return<'s>) {
    if integer(scope, args, 2) as usize > REWRITER_SELECTORS_MAX {
        throw_range_error(scope, &format!("a rewriter may have {REWRITER_SELECTORS_MAX} selectors and document handlers"));
        return;
    }
    let written = text(scope, args, 1);
    match selector(&written) {
        Ok(_) => {
            let conditions = 1 + written.bytes().filter(|byte| b" \t\n\r\x0c>+~,:[.#".contains(byte)).count();
            rv.set_uint32(conditions as u32);
        }
        Err(why) => return_utf8(scope, &mut rv, why.as_bytes()),
    }
}

fn selector(text: &str) -> Result<Selector, String> {
    if text.len() > REWRITER_SELECTOR_BYTES_MAX {
        return Err(format!("a selector may have {REWRITER_SELECTOR_BYTES_MAX} bytes, this one has {}", text.len()));
    }
    text.parse().map_err(|error: lol_html::errors::SelectorError| error.to_string())
}

/// How many combinators a selector has, at most.
fn combinators_of(selector: &str) -> usize {
    let is_part = |byte: u8| byte.is_ascii_whitespace() || b">+~".contains(&byte);
    let bytes = selector.trim().as_bytes();
    bytes.windows(2).filter(|pair| is_part(pair[1]) && !is_part(pair[0])).count()
}

/// Whether a selector may count elements by their names (`:nth-of-type`, `:first-of-type`); what is escaped may say anything.
fn may_count_types(selector: &str) -> bool {
    selector.contains('\\') || selector.to_ascii_lowercase().contains("of-type")
}

/// `(10, contentType)`: the encoding of a document of that type.
fn encoding<'s>(scope: &mut Scope<'s, '_>, args: &Args<'s>, mut rv: Return<'s>) {
    let found = match charset(&text(scope, args, 1)) {
        None => Some(UTF_8),
        Some(label) => Encoding::for_label_no_replacement(label.as_bytes()),
    };
    match found {
        None => throw_type_error(scope, "Parser error: Unknown character encoding has been provided."),
        Some(found) if !found.is_ascii_compatible() => throw_type_error(scope, "Parser error: Expected ASCII-compatible encoding."),
        Some(found) => return_utf8(scope, &mut rv, found.name().as_bytes()),
    }
}

/// `(1, [selector, element, comments, text, ...], [doctype, comments, text, end, ...], encoding)`: handlers by number, -1 for none; all
/// have been checked.
fn create<'s>(scope: &mut Scope<'s, '_>, args: &Args<'s>, mut rv: Return<'s>) {
    let on = list(scope, args.get(1));
    let on_document = list(scope, args.get(2));
    let encoding = Encoding::for_label(text(scope, args, 3).as_bytes()).and_then(AsciiCompatibleEncoding::new);
    let encoding = encoding.unwrap_or_else(AsciiCompatibleEncoding::utf_8);
    let mut selectors = Vec::new();
    let mut combinators = 0;
    let mut counts_types = false;
    let mut base_bytes = size_of::<Rewriting>();
    for handlers in on.chunks_exact(4) {
        let written = copy(scope, handlers[0]);
        base_bytes += HANDLER_BYTES + written.len() * 16;
        combinators += combinators_of(&written);
        counts_types |= may_count_types(&written);
        match selector(&written) {
            Ok(selector) => selectors.push(OnElement {
                selector,
                element: handler(scope, handlers[1]),
                comments: handler(scope, handlers[2]),
                text: handler(scope, handlers[3]),
            }),
            Err(why) => {
                throw_type_error(scope, &format!("Parser error: {why}"));
                return;
            }
        }
    }
    let on_document: Vec<_> = on_document
        .chunks_exact(4)
        .map(|handlers| OnDocument {
            doctype: handler(scope, handlers[0]),
            comments: handler(scope, handlers[1]),
            text: handler(scope, handlers[2]),
            end: handler(scope, handlers[3]),
        })
        .collect();
    base_bytes += on_document.len() * HANDLER_BYTES;
    let Some(budget) = State::of(scope).map(|state| state.budget.clone()) else { return };
    let free_bytes = budget.max().saturating_sub(budget.used());
    let memory_bytes = (free_bytes / SHARE).clamp(LEAST_BYTES, REWRITER_BYTES_MAX);
    // Half again for what its limit does not count: names, tables.
    base_bytes += memory_bytes + memory_bytes / 2;
    let mut element_bytes = combinators * COMBINATOR_BYTES;
    if combinators <= FEW_COMBINATORS {
        base_bytes += memory_bytes / ELEMENT_BYTES * element_bytes;
        element_bytes = 0;
    }
    if combinators > FEW_COMBINATORS || counts_types {
        element_bytes += COUNTED_BYTES;
    }
    let types_bytes = counts_types.then_some(memory_bytes);
    base_bytes += types_bytes.unwrap_or(0);
    // Before lol_html has anything.
    let Some(charge) = resources::charge(scope, base_bytes) else { return };
    let machine = Machine::new(selectors, on_document, encoding, memory_bytes, element_bytes, types_bytes);
    drop(charge);
    let rewriting = Rewriting { machine: RefCell::new(machine), content: RefCell::default(), base_bytes };
    if let Some(object) = resources::create(scope, Rc::new(rewriting), base_bytes) {
        rv.set(object.into());
    }
}

fn list<'s>(scope: &Scope<'s, '_>, value: v8::Local<'s, v8::Value>) -> Vec<v8::Local<'s, v8::Value>> {
    let Ok(array) = v8::Local::<v8::Array>::try_from(value) else { return Vec::new() };
    (0..array.length()).filter_map(|index| array.get_index(scope, index)).collect()
}

fn handler(scope: &Scope, value: v8::Local<v8::Value>) -> Option<u32> {
    u32::try_from(value.int32_value(scope)?).ok()
}

/// The charset of a Content-Type.
fn charset(content_type: &str) -> Option<String> {
    content_type.split(';').skip(1).find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim().eq_ignore_ascii_case("charset").then(|| value.trim().trim_matches('"').to_string())
    })
}

/// Charges for what the machine holds and `more`; false with a RangeError pending if that does not fit.
fn recharge<'s>(scope: &mut Scope<'s, '_>, args: &Args<'s>, rewriting: &Rewriting, more: usize) -> bool {
    let bytes = rewriting.base_bytes + rewriting.machine.borrow().bytes() + more;
    if resources::recharge(scope, args.get(1), bytes) {
        return true;
    }
    scope.low_memory_notification();
    if resources::recharge(scope, args.get(1), bytes) {
        return true;
    }
    throw_range_error(scope, "the app's memory outside the heap is used up (limit external_bytes)");
    false
}

/// `(2, rewriting, bytes or null)`: a piece of the document, or its end.
fn write<'s>(scope: &mut Scope<'s, '_>, args: &Args<'s>, rewriting: &Rewriting) {
    let result = if args.get(2).is_null() {
        rewriting.machine.borrow_mut().end()
    } else {
        let chunk = bytes::from_value(args.get(2)).unwrap_or_default();
        rewriting.machine.borrow_mut().write(&chunk)
    };
    match result {
        Ok(()) => {}
        Err(Failure::Memory) => throw_range_error(
            scope,
            "Parser error: The memory limit has been exceeded: a tag or comment of the document is too large, it is too deeply nested, or it has too many names for a selector that counts by them.",
        ),
        Err(Failure::Ambiguous(why)) => throw_type_error(scope, &format!("Parser error: {why}")),
    }
}

/// `(3, rewriting)`: what to do next + 16 * the handler's number: 0 input, 1 output, 2 done, 3 element, 4 text, 5 comment, 6 doctype,
/// 7 end tag (its number is the element's), 8 the document's end.
fn step(mut rv: Return, rewriting: &Rewriting) {
    let mut machine = rewriting.machine.borrow_mut();
    let (kind, handler) = match machine.step() {
        Step::Input => (0, 0),
        Step::Output => (1, 0),
        Step::Done => (2, 0),
        Step::Call(handler) => {
            let kind = match machine.current().map(|token| &token.kind) {
                Some(Kind::Element(_)) => 3,
                Some(Kind::Text { .. }) => 4,
                Some(Kind::Comment { .. }) => 5,
                Some(Kind::Doctype { .. }) => 6,
                Some(Kind::EndTag { .. }) => 7,
                Some(Kind::End) | None => 8,
            };
            (kind, handler)
        }
    };
    rv.set_double(f64::from(kind) + 16.0 * handler as f64);
}

/// `(4, rewriting)`: bytes, the number of a stream that goes here, or undefined.
fn output<'s>(scope: &mut Scope<'s, '_>, mut rv: Return<'s>, rewriting: &Rewriting) {
    let part = rewriting.machine.borrow_mut().output().take();
    match part {
        Some(Part::Bytes(bytes)) => give(scope, &mut rv, bytes),
        Some(Part::Stream(id)) => rv.set_uint32(id),
        None => {}
    }
}

/// Returns bytes, after what is only garbage has been freed if there is no room for them.
fn give(scope: &mut Scope, rv: &mut Return, bytes: Vec<u8>) {
    let full = State::of(scope).is_some_and(|state| state.budget.used().saturating_add(bytes.len()) > state.budget.max());
    if full {
        scope.low_memory_notification();
    }
    return_bytes(scope, rv, bytes);
}

/// `(5, rewriting, what, name)`: 0 the name, 1 whether it is removed, 2 the namespace, 3 an attribute or null, 4 all attributes as
/// `[name, value, ...]`, 5 the text, 6 whether it is the last of its node, 7 public id, 8 system id.
fn read<'s>(scope: &mut Scope<'s, '_>, args: &Args<'s>, mut rv: Return<'s>, rewriting: &Rewriting) {
    let what = integer(scope, args, 2);
    let name = if what == 3 { text(scope, args, 3) } else { String::new() };
    let mut machine = rewriting.machine.borrow_mut();
    let Some(token) = machine.current() else { return };
    let found = match (what, &token.kind) {
        (0, _) => token.name(),
        (1, _) => {
            rv.set_bool(token.mutations.removed);
            return;
        }
        (2, Kind::Element(element)) => Some(element.namespace.into()),
        (3, _) => token.attribute(&name),
        (4, _) => {
            let attributes = token.attribute_list();
            drop(machine);
            let mut values = Vec::with_capacity(attributes.len() * 2);
            for (name, value) in attributes {
                let (Some(name), Some(value)) = (v8::String::new(scope, &name), v8::String::new(scope, &value)) else { return };
                values.extend([v8::Local::<v8::Value>::from(name), value.into()]);
            }
            rv.set(v8::Array::new_with_elements(scope, &values).into());
            return;
        }
        (5, Kind::Text { text, .. } | Kind::Comment { text, .. }) => Some(text.clone()),
        (6, Kind::Text { last, .. }) => {
            rv.set_bool(*last);
            return;
        }
        (7, Kind::Doctype { public_id, .. }) => public_id.clone(),
        (8, Kind::Doctype { system_id, .. }) => system_id.clone(),
        _ => None,
    };
    drop(machine);
    match found {
        Some(found) => return_utf8(scope, &mut rv, found.as_bytes()),
        None => rv.set_null(),
    }
}

/// `(6, rewriting, what, a, b)`: 0 the name becomes a, 1 the attribute a becomes b, 2 the attribute a goes, 3 the token goes, 4 it goes
/// but for its content, 5 the comment's text becomes a.
fn change<'s>(scope: &mut Scope<'s, '_>, args: &Args<'s>, rewriting: &Rewriting) {
    let what = integer(scope, args, 2);
    let strings = usize::from(matches!(what, 0 | 1 | 2 | 5)) + usize::from(what == 1);
    let a = if strings > 0 { text(scope, args, 3) } else { String::new() };
    let b = if strings > 1 { text(scope, args, 4) } else { String::new() };
    // A name is kept for the end tag as well; a character may become a reference of ten.
    let bytes = 2 * a.len() + 2 * b.len() + 128;
    if !recharge(scope, args, rewriting, bytes) {
        return;
    }
    let mut machine = rewriting.machine.borrow_mut();
    machine.keep(bytes);
    let Some(token) = machine.current() else { return };
    let result = match what {
        0 => token.set_name(&a),
        1 => token.set_attribute(&a, &b),
        2 => {
            token.remove_attribute(&a);
            Ok(())
        }
        3 | 4 => {
            token.remove(what == 4);
            Ok(())
        }
        _ => token.set_text(&a),
    };
    if let Err(why) = result {
        throw_type_error(scope, &format!("Parser error: {why}"));
    }
}

/// `(7, rewriting, place, content, html)`: content a string or the number of a stream.
fn insert<'s>(scope: &mut Scope<'s, '_>, args: &Args<'s>, rewriting: &Rewriting) {
    let place = match integer(scope, args, 2) {
        0 => Place::Before,
        1 => Place::After,
        2 => Place::Replace,
        3 => Place::Prepend,
        4 => Place::Append,
        _ => Place::SetInner,
    };
    let value = args.get(3);
    if let Ok(string) = v8::Local::<v8::String>::try_from(value)
        && !recharge(scope, args, rewriting, string.length())
    {
        return;
    }
    let content =
        if value.is_string() { Content::Text(copy(scope, value), args.get(4).is_true()) } else { Content::Stream(integer(scope, args, 3)) };
    let bytes = content.bytes();
    if !recharge(scope, args, rewriting, bytes) {
        return;
    }
    let mut machine = rewriting.machine.borrow_mut();
    machine.keep(bytes);
    if let Some(token) = machine.current() {
        token.insert(place, content);
    }
}

/// `(8, rewriting, bytes or null, html)`: what a stream inserts, which is UTF-8, as it goes into the document.
fn content<'s>(scope: &mut Scope<'s, '_>, args: &Args<'s>, mut rv: Return<'s>, rewriting: &Rewriting) {
    let last = args.get(2).is_null();
    let chunk = bytes::from_value(args.get(2)).unwrap_or_default();
    // Three bytes for each that is malformed, five for one that is escaped, ten for one that the encoding lacks.
    if !recharge(scope, args, rewriting, chunk.len().saturating_mul(4)) {
        return;
    }
    let mut decoded = String::new();
    {
        let mut slot = rewriting.content.borrow_mut();
        let decoder = slot.get_or_insert_with(|| UTF_8.new_decoder_with_bom_removal());
        decoded.reserve(decoder.max_utf8_buffer_length(chunk.len()).unwrap_or(0));
        let _ = decoder.decode_to_string(&chunk, &mut decoded, last);
        if last {
            *slot = None;
        }
    }
    let mut encoded = Output::default();
    encoded.text(&decoded, args.get(3).is_true(), rewriting.machine.borrow().encoding());
    if let Some(Part::Bytes(bytes)) = encoded.take() {
        give(scope, &mut rv, bytes);
    }
}

/// `(9, rewriting)`: the number by which the current element's end tag will ask for its handler; undefined if it can have none.
fn on_end_tag(mut rv: Return, rewriting: &Rewriting) {
    if let Some(Token { kind: Kind::Element(element), .. }) = rewriting.machine.borrow_mut().current()
        && element.can_have_content
    {
        element.end.handler = true;
        rv.set_double(element.id as f64);
    }
}
