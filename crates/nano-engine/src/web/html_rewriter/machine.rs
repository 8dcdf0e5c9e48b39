//! lol_html without waiting: it reads the document and finds what handlers want, and its handlers only take notes. What became of each
//! note is decided later, one handler at a time, in the order of the document; so a handler may return a promise, and neither a thread
//! nor a stack waits for it.
//!
//! That is sound because nothing a handler can do changes what lol_html finds: selectors and the parser look at the document as it was
//! written. What lol_html does after its handlers - writing, removing what is inside an element, the end tag - happens here.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::{HashMap, HashSet, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::ops::Range;
use std::rc::Rc;

use encoding_rs::Encoding;
use lol_html::errors::RewritingError;
use lol_html::html_content::{Comment, Doctype, DocumentEnd, Element as HtmlElement, EndTag, TextChunk};
use lol_html::{
    AsciiCompatibleEncoding, DocumentContentHandlers, ElementContentHandlers, HtmlRewriter, MemorySettings, OutputSink, Selector, Settings,
};
use memchr::memchr;

use super::token::{Element, End, Few, Kind, Output, Token, Written};

/// A result of this many bytes is worth being taken away before more is made.
const OUTPUT_BYTES: usize = 16 << 10;
/// Buffers that are larger are not kept for what comes next.
const BUFFER_KEPT_BYTES: usize = 32 << 10;
/// What lol_html reserves for a document's unfinished end from the start.
const PARSER_BYTES: usize = 1 << 10;
/// What lol_html holds for an element with a handler until its end tag, beside what its own limit counts.
const OPEN_BYTES: usize = 256;
/// Names of tags that are longer are copied for each open element; its limit does not count them.
const SHORT_NAME_BYTES: usize = 12;
/// How often.
const NAME_COPIES: usize = 3;
/// What lol_html holds for each name that elements have, where a selector counts elements by their names, and what counting them takes: its
/// table has none of this in its limit.
const COUNTED_NAME_BYTES: usize = 320;
/// What it holds for each of these names in each open element, in a list that grows by doubling.
const COUNTER_BYTES: usize = 32;

/// The handlers of one `on`, by number.
#[derive(Debug)]
pub(super) struct OnElement {
    pub selector: Selector,
    pub element: Option<u32>,
    pub comments: Option<u32>,
    pub text: Option<u32>,
}

/// The handlers of one `onDocument`, by number.
#[derive(Debug)]
pub(super) struct OnDocument {
    pub doctype: Option<u32>,
    pub comments: Option<u32>,
    pub text: Option<u32>,
    pub end: Option<u32>,
}

/// Why a document cannot be rewritten.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// It needs more memory than a rewriter may use.
    Memory,
    /// What it means is uncertain.
    Ambiguous(String),
}

/// What is to be done next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Call a handler with the current token; of an end tag, the handler of the element with this number.
    Call(u64),
    /// Take the output away.
    Output,
    /// Feed more of the document.
    Input,
    /// That was all.
    Done,
}

/// What lol_html has found, in order. Bytes are places in `Notes::raw`: a buffer for each would be half of the allocations there are.
#[expect(clippy::large_enum_variant, reason = "a box would be one more allocation for each token")]
enum Item {
    Raw(Range<usize>),
    /// A token, where it is in the document, and its bytes.
    Token(Token, Range<usize>, Range<usize>),
}

/// Where lol_html's handlers take their notes.
struct Notes {
    items: VecDeque<Item>,
    /// The document as it was written, from the first of the items on.
    raw: Vec<u8>,
    /// What all items are charged for, without their part of `raw`.
    bytes: usize,
    /// The last item is a token whose bytes come next.
    wants_raw: bool,
    elements: u64,
    /// Elements whose end tag would be told.
    open: usize,
    /// All elements that are open, where they are counted.
    open_all: usize,
    /// Where a selector counts elements by their names.
    types: Option<Types>,
    encoding: &'static Encoding,
}

impl Notes {
    /// Another handler for the token that is the last item, if it is the one at `range`.
    fn again(&mut self, range: &Range<usize>, handler: u32, same: fn(&Kind) -> bool) -> bool {
        match self.items.back_mut() {
            Some(Item::Token(token, place, _)) if place == range && same(&token.kind) && !token.handlers.contains(&handler) => {
                token.handlers.push(handler);
                self.bytes += 4;
                true
            }
            _ => false,
        }
    }

    fn push(&mut self, kind: Kind, handler: Option<u32>, range: Range<usize>, wants_raw: bool) {
        let token = Token::new(kind, handler, self.encoding);
        self.bytes += token.bytes();
        self.wants_raw = wants_raw;
        self.items.push_back(Item::Token(token, range, 0..0));
    }

    /// The number of the element, if this is the first handler to see it.
    fn element(&mut self, element: &HtmlElement<'_, '_>, handler: u32) -> Option<u64> {
        let range = element.source_location().bytes();
        if self.again(&range, handler, |kind| matches!(kind, Kind::Element(_))) {
            return None;
        }
        self.elements += 1;
        let relative = |place: Range<usize>| place.start.saturating_sub(range.start)..place.end.saturating_sub(range.start);
        let written = element.attributes().iter().filter_map(|attribute| {
            let name = relative(attribute.name_source_location()?.bytes());
            Some(Written { name, value: attribute.value_source_location().map(|value| relative(value.bytes())) })
        });
        let written = written.collect();
        let element = Element::new(self.elements, element.can_have_content(), element.is_self_closing(), element.namespace_uri(), written);
        self.push(Kind::Element(Box::new(element)), Some(handler), range, true);
        Some(self.elements)
    }

    fn end_tag(&mut self, end_tag: &EndTag<'_>, element: u64) {
        let range = end_tag.source_location().bytes();
        self.open = self.open.saturating_sub(1);
        if let Some(Item::Token(token, place, _)) = self.items.back_mut()
            && *place == range
            && let Kind::EndTag { elements, .. } = &mut token.kind
        {
            elements.push(element);
            self.bytes += 8;
            return;
        }
        self.push(Kind::EndTag { elements: Few::one(element), name: None }, None, range, true);
    }

    fn text(&mut self, chunk: &mut TextChunk<'_>, handler: u32) {
        let range = chunk.source_location().bytes();
        if !self.again(&range, handler, |kind| matches!(kind, Kind::Text { .. })) {
            let kind = Kind::Text { text: chunk.as_str().into(), last: chunk.last_in_text_node() };
            self.push(kind, Some(handler), range, false);
            // It has been decoded: what is written is made of the text.
            chunk.remove();
        }
    }

    fn comment(&mut self, comment: &Comment<'_>, handler: u32) {
        let range = comment.source_location().bytes();
        if !self.again(&range, handler, |kind| matches!(kind, Kind::Comment { .. })) {
            self.push(Kind::Comment { text: comment.text(), changed: false }, Some(handler), range, true);
        }
    }

    fn doctype(&mut self, doctype: &Doctype<'_>, handler: u32) {
        let range = doctype.source_location().bytes();
        if !self.again(&range, handler, |kind| matches!(kind, Kind::Doctype { .. })) {
            let kind = Kind::Doctype { name: doctype.name(), public_id: doctype.public_id(), system_id: doctype.system_id() };
            self.push(kind, Some(handler), range, true);
        }
    }

    fn end(&mut self, handler: u32) {
        let range = usize::MAX..usize::MAX;
        if !self.again(&range, handler, |kind| matches!(kind, Kind::End)) {
            self.push(Kind::End, Some(handler), range, false);
        }
    }
}

/// The names that elements have had: a bound for what lol_html counts by them.
struct Types {
    hasher: RandomState,
    /// Of the names.
    hashes: HashSet<u64>,
    elements: usize,
    depth_max: usize,
    /// The most that counting may take.
    bytes_max: usize,
    is_full: bool,
}

impl Types {
    fn new(bytes_max: usize) -> Self {
        Self { hasher: RandomState::new(), hashes: HashSet::new(), elements: 0, depth_max: 0, bytes_max, is_full: false }
    }

    /// Another element, inside of so many; whether there is room for it.
    fn see(&mut self, name: &str, depth: usize) -> bool {
        self.elements += 1;
        self.depth_max = self.depth_max.max(depth);
        self.hashes.insert(self.hasher.hash_one(name));
        let names = self.hashes.len();
        let counters = self.elements.min(names * (self.depth_max + 1));
        self.is_full |= names * COUNTED_NAME_BYTES + counters * COUNTER_BYTES > self.bytes_max;
        !self.is_full
    }
}

/// What lol_html writes: everything as it was, because nothing is changed there.
struct Sink(Rc<RefCell<Notes>>);

impl OutputSink for Sink {
    fn handle_chunk(&mut self, chunk: &[u8]) {
        if chunk.is_empty() {
            return;
        }
        let notes = &mut *self.0.borrow_mut();
        let wanted = std::mem::take(&mut notes.wants_raw);
        let start = notes.raw.len();
        notes.raw.extend_from_slice(chunk);
        let end = notes.raw.len();
        match notes.items.back_mut() {
            Some(Item::Token(_, _, raw)) if wanted => *raw = start..end,
            Some(Item::Raw(raw)) => raw.end = end,
            _ => {
                notes.items.push_back(Item::Raw(start..end));
                notes.bytes += size_of::<Item>();
            }
        }
    }
}

/// The rewriting of one document.
pub(super) struct Machine {
    rewriter: Option<HtmlRewriter<'static, Sink>>,
    notes: Rc<RefCell<Notes>>,
    encoding: &'static Encoding,
    current: Option<Token>,
    /// The buffer for the bytes of the next token.
    spare: Vec<u8>,
    /// How many of the current token's handlers, or elements, have had their turn.
    turn: usize,
    /// What is to happen at the end tags of elements that are open, and what each holds.
    ends: HashMap<u64, (End, usize)>,
    /// The open elements whose content is left out.
    removed: HashSet<u64>,
    output: Output,
    /// What the current token holds, with what its handlers have left in it.
    current_bytes: usize,
    /// What the open elements hold.
    ends_bytes: usize,
    names: Names,
    /// What each open element is charged for, where they are counted.
    element_bytes: usize,
}

/// How long the names are of all tags that have a long one: a bound for what lol_html may hold of them, because only it knows which
/// elements are still open.
#[derive(Debug, Default)]
struct Names {
    bytes: usize,
    /// Bytes from a `<` on that may begin a tag, where the input ended; zero outside of a name.
    begun: usize,
}

impl Names {
    fn see(&mut self, mut input: &[u8]) {
        while let Some((byte, rest)) = input.split_first() {
            if self.begun == 0 {
                let Some(at) = memchr(b'<', input) else { return };
                self.begun = 1;
                input = &input[at + 1..];
                continue;
            }
            input = rest;
            let ends = matches!(byte, b' ' | b'\n' | b'\r' | b'\t' | 0x0c | b'/' | b'>');
            if *byte == b'<' {
                self.begun = 1;
            } else if self.begun == 1 && !byte.is_ascii_alphabetic() || self.begun > 0 && ends {
                self.begun = 0;
            } else if self.begun > 0 {
                self.begun += 1;
                self.bytes += match self.begun {
                    length if length <= SHORT_NAME_BYTES => 0,
                    length if length == SHORT_NAME_BYTES + 1 => length,
                    _ => 1,
                };
            }
        }
    }
}

impl Machine {
    /// `element_bytes` is what lol_html may hold for each open element beyond what its limit counts, which is `memory_bytes`; unless it is
    /// zero, all elements are counted. `types_bytes` is what it may hold for names, if a selector counts elements by theirs.
    pub(super) fn new(
        on: Vec<OnElement>,
        on_document: Vec<OnDocument>,
        encoding: AsciiCompatibleEncoding,
        memory_bytes: usize,
        element_bytes: usize,
        types_bytes: Option<usize>,
    ) -> Self {
        let notes = Notes {
            items: VecDeque::new(),
            raw: Vec::new(),
            bytes: 0,
            wants_raw: false,
            elements: 0,
            open: 0,
            open_all: 0,
            types: types_bytes.map(Types::new),
            encoding: encoding.into(),
        };
        let notes = Rc::new(RefCell::new(notes));
        let memory = MemorySettings::new()
            .with_preallocated_parsing_buffer_size(PARSER_BYTES.min(memory_bytes))
            .with_max_allowed_memory_usage(memory_bytes);
        let mut settings =
            Settings::new().with_encoding(encoding).with_memory_settings(memory).with_strict(true).with_adjust_charset_on_meta_tag(false);
        for handlers in on {
            let (selector, handlers) = element_handlers(&notes, handlers);
            settings = settings.append_element_content_handler((Cow::Owned(selector), handlers));
        }
        if (element_bytes > 0 || types_bytes.is_some())
            && let Ok(every) = "*".parse()
        {
            settings = settings.append_element_content_handler((Cow::Owned(every), count_elements(&notes)));
        }
        for handlers in on_document {
            settings = settings.append_document_content_handler(document_handlers(&notes, handlers));
        }
        Self {
            rewriter: Some(HtmlRewriter::new(settings, Sink(notes.clone()))),
            notes,
            encoding: encoding.into(),
            current: None,
            spare: Vec::new(),
            turn: 0,
            ends: HashMap::new(),
            removed: HashSet::new(),
            output: Output::default(),
            current_bytes: 0,
            ends_bytes: 0,
            names: Names::default(),
            element_bytes,
        }
    }

    /// Feeds a piece of the document.
    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        let Some(rewriter) = &mut self.rewriter else { return Ok(()) };
        self.names.see(bytes);
        let written = rewriter.write(bytes);
        self.check(written)
    }

    /// The document is complete.
    pub(super) fn end(&mut self) -> Result<(), Failure> {
        let Some(rewriter) = self.rewriter.take() else { return Ok(()) };
        let ended = rewriter.end();
        self.check(ended)
    }

    fn check(&mut self, result: Result<(), RewritingError>) -> Result<(), Failure> {
        let Err(error) = result else { return Ok(()) };
        // After an error it must not be used again.
        self.rewriter = None;
        let is_full = self.notes.borrow().types.as_ref().is_some_and(|types| types.is_full);
        Err(match error {
            RewritingError::MemoryLimitExceeded(_) => Failure::Memory,
            _ if is_full => Failure::Memory,
            other => Failure::Ambiguous(other.to_string()),
        })
    }

    /// What is to be done next. The handler that was called before is done with the current token.
    pub(super) fn step(&mut self) -> Step {
        loop {
            if let Some(handler) = self.next_handler() {
                return Step::Call(handler);
            }
            if let Some(token) = self.current.take() {
                self.finish(token);
            }
            if self.output.len() >= OUTPUT_BYTES || self.output.has_stream() {
                return Step::Output;
            }
            let token = {
                let notes = &mut *self.notes.borrow_mut();
                match notes.items.pop_front() {
                    Some(Item::Raw(raw)) => {
                        notes.bytes -= size_of::<Item>();
                        if self.removed.is_empty() {
                            self.output.bytes(notes.raw.get(raw).unwrap_or_default());
                        }
                        continue;
                    }
                    Some(Item::Token(mut token, _, raw)) => {
                        notes.bytes -= token.bytes();
                        token.raw = std::mem::take(&mut self.spare);
                        token.raw.extend_from_slice(notes.raw.get(raw).unwrap_or_default());
                        token
                    }
                    None => {
                        notes.bytes = 0;
                        empty(&mut notes.raw);
                        break;
                    }
                }
            };
            self.begin(token);
        }
        match self.rewriter {
            _ if self.output.len() > 0 => Step::Output,
            Some(_) => Step::Input,
            None => {
                self.spare = Vec::new();
                self.notes.borrow_mut().raw = Vec::new();
                Step::Done
            }
        }
    }

    fn begin(&mut self, mut token: Token) {
        match &token.kind {
            Kind::Element(_) => token.mutations.removed = !self.removed.is_empty(),
            Kind::EndTag { elements, .. } => {
                for element in elements.iter() {
                    self.removed.remove(&element);
                }
            }
            _ => {}
        }
        self.turn = 0;
        self.current_bytes = token.bytes();
        self.current = Some(token);
    }

    fn next_handler(&mut self) -> Option<u64> {
        let token = self.current.as_mut()?;
        let Kind::EndTag { elements, name } = &mut token.kind else {
            let handler = token.handlers.get(self.turn);
            self.turn += 1;
            return handler.map(u64::from);
        };
        while let Some(element) = elements.get(self.turn) {
            self.turn += 1;
            let Some((end, bytes)) = self.ends.remove(&element) else { continue };
            self.ends_bytes -= bytes;
            self.current_bytes += bytes;
            if let Some(new) = end.name {
                *name = Some(new);
                token.raw.clear();
            }
            if let Some(mutations) = end.mutations {
                token.mutations = mutations;
            }
            if end.handler {
                return Some(element);
            }
        }
        None
    }

    fn finish(&mut self, mut token: Token) {
        // The document's end is inside of nothing.
        let writes = self.removed.is_empty() || matches!(token.kind, Kind::End);
        if let Kind::Element(element) = &mut token.kind {
            let end = std::mem::take(&mut element.end);
            if end.mutations.is_some() || end.name.is_some() || end.handler {
                let bytes = self.current_bytes + size_of::<(End, usize)>();
                self.ends_bytes += bytes;
                self.ends.insert(element.id, (end, bytes));
            }
            if element.removes_content {
                self.removed.insert(element.id);
            }
        }
        self.spare = token.write(writes.then_some(&mut self.output));
        empty(&mut self.spare);
        self.current_bytes = 0;
    }

    /// The token whose handlers have their turn.
    pub(super) fn current(&mut self) -> Option<&mut Token> {
        self.current.as_mut()
    }

    /// A handler is about to leave so many bytes in the current token.
    pub(super) fn keep(&mut self, bytes: usize) {
        self.current_bytes += bytes;
    }

    /// The result so far.
    pub(super) fn output(&mut self) -> &mut Output {
        &mut self.output
    }

    /// The document's encoding.
    pub(super) fn encoding(&self) -> &'static Encoding {
        self.encoding
    }

    /// What is held now, apart from lol_html's own memory.
    pub(super) fn bytes(&self) -> usize {
        let notes = self.notes.borrow();
        let lol_html = match &self.rewriter {
            Some(_) => notes.open * OPEN_BYTES + self.names.bytes * NAME_COPIES + notes.open_all * self.element_bytes,
            None => 0,
        };
        let buffers = notes.raw.capacity() + self.spare.capacity();
        notes.bytes + buffers + lol_html + self.output.len() + self.current_bytes + self.ends_bytes + self.removed.len() * 16
    }
}

/// Empties a buffer, which is kept unless it has become large.
fn empty(buffer: &mut Vec<u8>) {
    buffer.clear();
    buffer.shrink_to(BUFFER_KEPT_BYTES);
}

/// Counts the elements that are open.
fn count_elements(notes: &Rc<RefCell<Notes>>) -> ElementContentHandlers<'static> {
    let notes = notes.clone();
    ElementContentHandlers::default().element(move |element: &mut HtmlElement<'_, '_>| {
        let notes = notes.clone();
        {
            let notes = &mut *notes.borrow_mut();
            let depth = notes.open_all;
            if notes.types.as_mut().is_some_and(|types| !types.see(&element.tag_name(), depth)) {
                return Err("there are too many names to count".into());
            }
        }
        if let Some(ends) = element.end_tag_handlers() {
            notes.borrow_mut().open_all += 1;
            ends.push(Box::new(move |_: &mut EndTag<'_>| {
                notes.borrow_mut().open_all -= 1;
                Ok(())
            }));
        }
        Ok(())
    })
}

fn element_handlers(notes: &Rc<RefCell<Notes>>, on: OnElement) -> (Selector, ElementContentHandlers<'static>) {
    let mut handlers = ElementContentHandlers::default();
    if let Some(handler) = on.element {
        let notes = notes.clone();
        handlers = handlers.element(move |element: &mut HtmlElement<'_, '_>| {
            let first = notes.borrow_mut().element(element, handler);
            if let (Some(id), Some(ends)) = (first, element.end_tag_handlers()) {
                notes.borrow_mut().open += 1;
                let notes = notes.clone();
                ends.push(Box::new(move |end_tag: &mut EndTag<'_>| {
                    notes.borrow_mut().end_tag(end_tag, id);
                    Ok(())
                }));
            }
            Ok(())
        });
    }
    if let Some(handler) = on.comments {
        handlers = handlers.comments(on_comment(notes, handler));
    }
    if let Some(handler) = on.text {
        handlers = handlers.text(on_text(notes, handler));
    }
    (on.selector, handlers)
}

fn document_handlers(notes: &Rc<RefCell<Notes>>, on: OnDocument) -> DocumentContentHandlers<'static> {
    let mut handlers = DocumentContentHandlers::default();
    if let Some(handler) = on.doctype {
        let notes = notes.clone();
        handlers = handlers.doctype(move |doctype: &mut Doctype<'_>| {
            notes.borrow_mut().doctype(doctype, handler);
            Ok(())
        });
    }
    if let Some(handler) = on.comments {
        handlers = handlers.comments(on_comment(notes, handler));
    }
    if let Some(handler) = on.text {
        handlers = handlers.text(on_text(notes, handler));
    }
    if let Some(handler) = on.end {
        let notes = notes.clone();
        handlers = handlers.end(move |_: &mut DocumentEnd<'_>| {
            notes.borrow_mut().end(handler);
            Ok(())
        });
    }
    handlers
}

fn on_comment(notes: &Rc<RefCell<Notes>>, handler: u32) -> impl FnMut(&mut Comment<'_>) -> lol_html::HandlerResult + 'static {
    let notes = notes.clone();
    move |comment| {
        notes.borrow_mut().comment(comment, handler);
        Ok(())
    }
}

fn on_text(notes: &Rc<RefCell<Notes>>, handler: u32) -> impl FnMut(&mut TextChunk<'_>) -> lol_html::HandlerResult + 'static {
    let notes = notes.clone();
    move |chunk| {
        notes.borrow_mut().text(chunk, handler);
        Ok(())
    }
}
