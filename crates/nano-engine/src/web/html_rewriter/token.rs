//! What a rewriter shows its handlers - elements, texts, comments - and what they make of it. Tokens own what they hold, so a handler
//! may take its time. Nothing here knows V8.
//!
//! The rules of what goes where, what is escaped and what is kept as it was written are lol_html's; the tests compare.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::ops::Range;

use encoding_rs::{Encoding, UTF_8};

/// What is inserted: text as markup or to be escaped, or a stream that JavaScript reads when its turn comes.
#[derive(Debug)]
pub(super) enum Content {
    Text(String, bool),
    Stream(u32),
}

impl Content {
    /// What it is charged for.
    pub(super) fn bytes(&self) -> usize {
        size_of::<Self>() + if let Self::Text(text, _) = self { text.len() } else { 0 }
    }
}

/// What surrounds or replaces a token.
#[derive(Debug, Default)]
pub(super) struct Mutations {
    pub before: VecDeque<Content>,
    pub replacement: Option<Content>,
    pub after: VecDeque<Content>,
    pub removed: bool,
}

impl Mutations {
    fn replace(&mut self, content: Content) {
        self.removed = true;
        self.replacement = Some(content);
    }
}

/// Where content goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Before,
    After,
    Replace,
    Prepend,
    Append,
    SetInner,
}

/// A list that rarely has more than one: that one needs no memory of its own.
#[derive(Debug)]
pub(super) struct Few<T> {
    first: Option<T>,
    others: Vec<T>,
}

impl<T: Copy + PartialEq> Few<T> {
    pub(super) fn one(first: T) -> Self {
        Self { first: Some(first), others: Vec::new() }
    }

    pub(super) fn push(&mut self, item: T) {
        match self.first {
            None => self.first = Some(item),
            Some(_) => self.others.push(item),
        }
    }

    pub(super) fn get(&self, index: usize) -> Option<T> {
        if index == 0 { self.first } else { self.others.get(index - 1).copied() }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = T> {
        self.first.into_iter().chain(self.others.iter().copied())
    }

    pub(super) fn contains(&self, item: &T) -> bool {
        self.first.as_ref() == Some(item) || self.others.contains(item)
    }

    pub(super) fn len(&self) -> usize {
        usize::from(self.first.is_some()) + self.others.len()
    }
}

/// A name or a value: a place in the tag as it was written, or what has been set.
#[derive(Debug)]
enum Piece {
    Written(Range<usize>),
    Set(Vec<u8>),
}

impl Piece {
    fn bytes<'a>(&'a self, raw: &'a [u8]) -> &'a [u8] {
        match self {
            Self::Written(range) => raw.get(range.clone()).unwrap_or_default(),
            Self::Set(bytes) => bytes,
        }
    }
}

/// One attribute: as it was written, or as it has been set.
#[derive(Debug)]
struct Attribute {
    name: Piece,
    value: Piece,
    /// Its part of the tag as it was written; none once it has been set.
    written: Option<Range<usize>>,
}

impl Attribute {
    fn is_named(&self, name: &[u8], raw: &[u8]) -> bool {
        self.name.bytes(raw).eq_ignore_ascii_case(name)
    }
}

/// Where an attribute is in its tag.
#[derive(Debug)]
pub(super) struct Written {
    pub name: Range<usize>,
    pub value: Option<Range<usize>>,
}

/// What happens at an element's end tag.
#[derive(Debug, Default)]
pub(super) struct End {
    pub mutations: Option<Mutations>,
    pub name: Option<Vec<u8>>,
    /// Whether JavaScript has a handler for it.
    pub handler: bool,
}

/// A start tag, standing for its element.
#[derive(Debug)]
pub(super) struct Element {
    /// Its number in the document.
    pub id: u64,
    pub can_have_content: bool,
    pub self_closing: bool,
    pub namespace: &'static str,
    pub written: Vec<Written>,
    /// Name and attributes, from the first look at an attribute or the first change.
    name: Option<Vec<u8>>,
    attributes: Option<Vec<Attribute>>,
    changed: bool,
    pub end: End,
    pub removes_content: bool,
}

impl Element {
    pub(super) fn new(id: u64, can_have_content: bool, self_closing: bool, namespace: &'static str, written: Vec<Written>) -> Self {
        Self {
            id,
            can_have_content,
            self_closing,
            namespace,
            written,
            name: None,
            attributes: None,
            changed: false,
            end: End::default(),
            removes_content: false,
        }
    }

    fn end_mutations(&mut self) -> &mut Mutations {
        self.end.mutations.get_or_insert_default()
    }
}

/// What kind of token, with what is particular to it.
#[derive(Debug)]
pub(super) enum Kind {
    Element(Box<Element>),
    Text { text: String, last: bool },
    Comment { text: String, changed: bool },
    Doctype { name: Option<String>, public_id: Option<String>, system_id: Option<String> },
    EndTag { elements: Few<u64>, name: Option<Vec<u8>> },
    End,
}

/// A piece of the document that handlers see.
#[derive(Debug)]
pub(super) struct Token {
    pub kind: Kind,
    /// The bytes it was written with; none for text, which has been decoded.
    pub raw: Vec<u8>,
    /// The handlers that want it, in order.
    pub handlers: Few<u32>,
    pub mutations: Mutations,
    pub encoding: &'static Encoding,
}

/// What a handler asked for and cannot have.
pub(super) type Refused = &'static str;

impl Token {
    pub(super) fn new(kind: Kind, handler: Option<u32>, encoding: &'static Encoding) -> Self {
        let handlers = Few { first: handler, others: Vec::new() };
        Self { kind, raw: Vec::new(), handlers, mutations: Mutations::default(), encoding }
    }

    /// What it is charged for while it waits.
    pub(super) fn bytes(&self) -> usize {
        let own = match &self.kind {
            Kind::Element(element) => size_of::<Element>() + element.written.len() * (size_of::<Written>() + size_of::<Attribute>()),
            Kind::Text { text, .. } | Kind::Comment { text, .. } => text.len(),
            Kind::EndTag { elements, .. } => elements.len() * 8,
            Kind::Doctype { .. } | Kind::End => 0,
        };
        // An element's name and attributes are copied out of the raw bytes when somebody looks.
        size_of::<Self>() + own + 2 * self.raw.len() + 4 * self.handlers.len()
    }

    /// The name of an element, in lower case.
    pub(super) fn name(&mut self) -> Option<String> {
        let encoding = self.encoding;
        let name = match &mut self.kind {
            Kind::Element(element) => element.name.get_or_insert_with(|| written_name(&self.raw, 1)),
            Kind::EndTag { name, .. } => name.get_or_insert_with(|| written_name(&self.raw, 2)),
            Kind::Doctype { name, .. } => return name.clone(),
            _ => return None,
        };
        Some(lower(name, encoding))
    }

    /// Renames an element or an end tag.
    pub(super) fn set_name(&mut self, new: &str) -> Result<(), Refused> {
        let encoding = self.encoding;
        match &mut self.kind {
            Kind::Element(element) => {
                match new.bytes().next() {
                    None => return Err("Tag name can't be empty."),
                    Some(first) if !first.is_ascii_alphabetic() => {
                        return Err("The first character of the tag name should be an ASCII alphabetical character.");
                    }
                    _ => {}
                }
                if new.bytes().any(|byte| matches!(byte, b' ' | b'\n' | b'\r' | b'\t' | 0x0c | b'/' | b'>')) {
                    return Err("The tag name contains a character that is forbidden in it.");
                }
                let new = encode_exactly(new, encoding)
                    .ok_or("The tag name contains a character that can't be represented in the document's character encoding.")?;
                if element.can_have_content {
                    element.end.name = Some(new.to_vec());
                }
                element.name = Some(new.into_owned());
                element.changed = true;
                Ok(())
            }
            Kind::EndTag { name, .. } => {
                *name = Some(encode(new, encoding));
                // What is written is forgotten: from now on the tag is made of its name.
                self.raw.clear();
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// The attributes of an element, and the bytes they may be places in.
    fn attributes(&mut self) -> Option<(&mut Vec<Attribute>, &[u8])> {
        let raw = &self.raw;
        let Kind::Element(element) = &mut self.kind else { return None };
        let written = &element.written;
        let attributes = element.attributes.get_or_insert_with(|| written.iter().map(|written| attribute(raw, written)).collect());
        Some((attributes, raw))
    }

    /// Names, in lower case, and values.
    pub(super) fn attribute_list(&mut self) -> Vec<(String, String)> {
        let encoding = self.encoding;
        let Some((attributes, raw)) = self.attributes() else { return Vec::new() };
        let text = |attribute: &Attribute| (lower(attribute.name.bytes(raw), encoding), decode(attribute.value.bytes(raw), encoding));
        attributes.iter().map(text).collect()
    }

    /// The value of an attribute.
    pub(super) fn attribute(&mut self, name: &str) -> Option<String> {
        let encoding = self.encoding;
        let name = encode_exactly(name, encoding)?;
        let (attributes, raw) = self.attributes()?;
        let found = attributes.iter().find(|attribute| attribute.is_named(&name, raw))?;
        Some(decode(found.value.bytes(raw), encoding))
    }

    /// Adds an attribute or changes its value.
    pub(super) fn set_attribute(&mut self, name: &str, value: &str) -> Result<(), Refused> {
        let encoding = self.encoding;
        let name = name.to_ascii_lowercase();
        if name.is_empty() {
            return Err("Attribute name can't be empty.");
        }
        if name.bytes().any(|byte| matches!(byte, b' ' | b'\n' | b'\r' | b'\t' | 0x0c | b'/' | b'>' | b'=')) {
            return Err("The attribute name contains a character that is forbidden in it.");
        }
        let bytes = encode_exactly(&name, encoding)
            .ok_or("The attribute name contains a character that can't be represented in the document's character encoding.")?;
        let value = Piece::Set(encode(value, encoding));
        let Some((attributes, raw)) = self.attributes() else { return Ok(()) };
        match attributes.iter_mut().find(|attribute| attribute.is_named(&bytes, raw)) {
            Some(attribute) => {
                attribute.value = value;
                attribute.written = None;
            }
            None => attributes.push(Attribute { name: Piece::Set(bytes.into_owned()), value, written: None }),
        }
        self.mark_changed();
        Ok(())
    }

    pub(super) fn remove_attribute(&mut self, name: &str) {
        let Some(name) = encode_exactly(name, self.encoding) else { return };
        let Some((attributes, raw)) = self.attributes() else { return };
        let before = attributes.len();
        attributes.retain(|attribute| !attribute.is_named(&name, raw));
        if attributes.len() != before {
            self.mark_changed();
        }
    }

    fn mark_changed(&mut self) {
        if let Kind::Element(element) = &mut self.kind {
            element.changed = true;
        }
    }

    /// Changes a comment.
    pub(super) fn set_text(&mut self, new: &str) -> Result<(), Refused> {
        let Kind::Comment { text, changed } = &mut self.kind else { return Ok(()) };
        if new.contains("-->") || new.contains("--!>") || new.starts_with('>') || new.starts_with("->") {
            return Err("Comment text shouldn't contain a comment-closing sequence.");
        }
        if encode_exactly(new, self.encoding).is_none() {
            return Err("Comment text contains a character that can't be represented in the document's character encoding.");
        }
        *text = new.into();
        *changed = true;
        Ok(())
    }

    /// Inserts content; false if there is no such place, as inside an element that cannot have content.
    pub(super) fn insert(&mut self, place: Place, content: Content) -> bool {
        let mutations = &mut self.mutations;
        let Kind::Element(element) = &mut self.kind else {
            match place {
                Place::Before => mutations.before.push_back(content),
                Place::After => mutations.after.push_front(content),
                Place::Replace => mutations.replace(content),
                // Of the document's end.
                Place::Append => mutations.before.push_back(content),
                Place::Prepend | Place::SetInner => return false,
            }
            return true;
        };
        let inside = element.can_have_content;
        match place {
            Place::Before => mutations.before.push_back(content),
            Place::After if inside => element.end_mutations().after.push_front(content),
            Place::After => mutations.after.push_front(content),
            Place::Replace => {
                mutations.replace(content);
                if inside {
                    remove_content(element, mutations);
                    element.end_mutations().removed = true;
                }
            }
            _ if !inside => return false,
            Place::Prepend => {
                element.self_closing = false;
                mutations.after.push_front(content);
            }
            Place::Append => {
                element.self_closing = false;
                element.end_mutations().before.push_back(content);
            }
            Place::SetInner => {
                element.self_closing = false;
                remove_content(element, mutations);
                mutations.after.push_front(content);
            }
        }
        true
    }

    /// Removes the token; of an element, its content as well unless that is kept.
    pub(super) fn remove(&mut self, keep_content: bool) {
        self.mutations.removed = true;
        if let Kind::Element(element) = &mut self.kind
            && element.can_have_content
        {
            if !keep_content {
                remove_content(element, &mut self.mutations);
            }
            element.end_mutations().removed = true;
        }
    }

    /// Writes what has become of the token, if there is where to; the buffer that held its bytes comes back.
    pub(super) fn write(self, out: Option<&mut Output>) -> Vec<u8> {
        let Self { kind, raw, mutations, encoding, .. } = self;
        let Some(out) = out else { return raw };
        for content in mutations.before {
            out.content(content, encoding);
        }
        if !mutations.removed {
            write_self(kind, &raw, encoding, out);
        } else if let Some(content) = mutations.replacement {
            out.content(content, encoding);
        }
        for content in mutations.after {
            out.content(content, encoding);
        }
        raw
    }
}

fn remove_content(element: &mut Element, mutations: &mut Mutations) {
    mutations.after.clear();
    if let Some(end) = &mut element.end.mutations {
        end.before.clear();
    }
    element.removes_content = true;
}

fn write_self(kind: Kind, raw: &[u8], encoding: &'static Encoding, out: &mut Output) {
    match kind {
        Kind::Element(element) if element.changed => {
            out.bytes(b"<");
            out.bytes(&element.name.unwrap_or_else(|| written_name(raw, 1)));
            let attributes = element.attributes.unwrap_or_else(|| element.written.iter().map(|written| attribute(raw, written)).collect());
            for attribute in &attributes {
                out.bytes(b" ");
                match &attribute.written {
                    Some(range) => out.bytes(raw.get(range.clone()).unwrap_or_default()),
                    None => {
                        out.bytes(attribute.name.bytes(raw));
                        out.bytes(b"=\"");
                        for (index, piece) in attribute.value.bytes(raw).split(|byte| *byte == b'"').enumerate() {
                            out.bytes(if index > 0 { b"&quot;" } else { b"" });
                            out.bytes(piece);
                        }
                        out.bytes(b"\"");
                    }
                }
            }
            // A slash right after a value without quotes would belong to the value.
            out.bytes(match (element.self_closing, attributes.is_empty()) {
                (true, true) => b"/>",
                (true, false) => b" />",
                (false, _) => b">",
            });
        }
        Kind::Text { text, .. } => out.text(&text, true, encoding),
        Kind::Comment { text, changed: true } => {
            out.bytes(b"<!--");
            out.bytes(&encode(&text, encoding));
            out.bytes(b"-->");
        }
        Kind::EndTag { name: Some(name), .. } if raw.is_empty() => {
            out.bytes(b"</");
            out.bytes(&name);
            out.bytes(b">");
        }
        Kind::End => {}
        Kind::Element(_) | Kind::Comment { .. } | Kind::Doctype { .. } | Kind::EndTag { .. } => out.bytes(raw),
    }
}

/// The name in a tag, which begins at `start`.
fn written_name(raw: &[u8], start: usize) -> Vec<u8> {
    let rest = raw.get(start..).unwrap_or_default();
    let end = rest.iter().position(|byte| matches!(byte, b' ' | b'\n' | b'\r' | b'\t' | 0x0c | b'/' | b'>')).unwrap_or(rest.len());
    rest[..end].to_vec()
}

fn attribute(raw: &[u8], written: &Written) -> Attribute {
    let mut end = written.name.end;
    if let Some(value) = &written.value {
        end = value.end;
        let quote = value.start.checked_sub(1).and_then(|before| raw.get(before)).filter(|byte| matches!(byte, b'"' | b'\''));
        if quote.is_some() && raw.get(end) == quote {
            end += 1;
        }
    }
    Attribute {
        name: Piece::Written(written.name.clone()),
        value: Piece::Written(written.value.clone().unwrap_or(0..0)),
        written: Some(written.name.start..end),
    }
}

/// Bytes of the document as text.
pub(super) fn decode(bytes: &[u8], encoding: &'static Encoding) -> String {
    encoding.decode(bytes).0.into_owned()
}

fn lower(bytes: &[u8], encoding: &'static Encoding) -> String {
    let mut text = decode(bytes, encoding);
    text.make_ascii_lowercase();
    text
}

/// Text in the document's encoding; what it lacks becomes a numeric character reference.
fn encode(text: &str, encoding: &'static Encoding) -> Vec<u8> {
    encoding.encode(text).0.into_owned()
}

/// Text in the document's encoding, if it has all the characters.
fn encode_exactly<'a>(text: &'a str, encoding: &'static Encoding) -> Option<Cow<'a, [u8]>> {
    let (bytes, _, lossy) = encoding.encode(text);
    (!lossy).then_some(bytes)
}

/// A piece of the result.
#[derive(Debug)]
pub(super) enum Part {
    Bytes(Vec<u8>),
    /// Here goes what a stream gives.
    Stream(u32),
}

/// Room for a part from its start, which spares it most of its growing.
const PART_BYTES: usize = 4 << 10;

/// The result, until it is taken away.
#[derive(Debug, Default)]
pub(super) struct Output {
    parts: VecDeque<Part>,
    len: usize,
}

impl Output {
    /// Bytes that wait.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// The next part.
    pub(super) fn take(&mut self) -> Option<Part> {
        let part = self.parts.pop_front();
        if let Some(Part::Bytes(bytes)) = &part {
            self.len -= bytes.len();
        }
        part
    }

    /// Whether JavaScript must act before there can be more.
    pub(super) fn has_stream(&self) -> bool {
        self.parts.iter().any(|part| matches!(part, Part::Stream(_)))
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        self.len += bytes.len();
        match self.parts.back_mut() {
            Some(Part::Bytes(last)) => last.extend_from_slice(bytes),
            _ => {
                let mut first = Vec::with_capacity(bytes.len().max(PART_BYTES));
                first.extend_from_slice(bytes);
                self.parts.push_back(Part::Bytes(first));
            }
        }
    }

    /// Text as markup, or escaped.
    pub(super) fn text(&mut self, text: &str, html: bool, encoding: &'static Encoding) {
        if html {
            self.encoded(text, encoding);
            return;
        }
        let mut rest = text;
        while let Some(at) = rest.find(['&', '<', '>']) {
            self.encoded(&rest[..at], encoding);
            self.bytes(match rest.as_bytes()[at] {
                b'&' => b"&amp;",
                b'<' => b"&lt;",
                _ => b"&gt;",
            });
            rest = &rest[at + 1..];
        }
        self.encoded(rest, encoding);
    }

    fn encoded(&mut self, text: &str, encoding: &'static Encoding) {
        if encoding == UTF_8 {
            self.bytes(text.as_bytes());
        } else {
            self.bytes(&encoding.encode(text).0);
        }
    }

    fn content(&mut self, content: Content, encoding: &'static Encoding) {
        match content {
            Content::Text(text, html) => self.text(&text, html, encoding),
            Content::Stream(id) => self.parts.push_back(Part::Stream(id)),
        }
    }
}
