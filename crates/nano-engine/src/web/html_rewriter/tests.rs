//! The machine beside lol_html itself: the same documents, the same handlers, the same bytes.

use std::cell::RefCell;
use std::rc::Rc;

use encoding_rs::{Encoding, SHIFT_JIS, UTF_8, WINDOWS_1252};
use lol_html::html_content::{Comment, ContentType, Doctype, DocumentEnd, Element, EndTag, TextChunk};
use lol_html::{AsciiCompatibleEncoding, DocumentContentHandlers, ElementContentHandlers, HtmlRewriter, OutputSink, Selector, Settings};

use super::machine::{Failure, Machine, OnDocument, OnElement, Step};
use super::token::{Content, Kind, Part, Place};

/// Numbers that look random and are the same every time.
struct Random(u64);

impl Random {
    fn below(&mut self, max: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % max as u64) as usize
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len())]
    }
}

const PIECES: &[&str] = &[
    "<p>",
    "</p>",
    "<div>",
    "</div>",
    "<a href=x>",
    "<a href='q\"q' HREF=2 b>",
    "</a>",
    "<br>",
    "<br/>",
    "<b/>",
    "<B Class=\"C\" >",
    "</B >",
    "text",
    " & <",
    "ü",
    "<!-- c -->",
    "<!x>",
    "<!doctype html>",
    "<!DOCTYPE html PUBLIC \"a\" 'b'>",
    "<svg>",
    "</svg>",
    "<path d=1 />",
    "<path/>",
    "<script>a<b</script>",
    "<style>p{}</style>",
    "<li>",
    "</li>",
    "</zzz>",
    "<i a=1 a=2 x= y>",
    "</i>",
    "<custom-ä e=1>",
    "\u{3042}",
];
const SELECTORS: &[&str] = &["p", "div", "div > p", "a[href]", "*", "b", "br", "path", "i", "div *", "li:nth-child(2)", "script"];
const CONTENT: &[&str] = &["<x>", "a&b", "", "\u{2603}", "'\"'"];
const NAMES: &[&str] = &["q", "h1", "1", "a b", ""];

/// What a handler does, the same for both sides.
#[derive(Clone, Copy, Debug)]
enum Act {
    Insert(Place, &'static str, bool),
    Remove,
    RemoveAndKeep,
    SetAttribute(&'static str, &'static str),
    RemoveAttribute(&'static str),
    SetName(&'static str),
    SetText(&'static str),
    OnEndTag(u64),
    Nothing,
}

fn acts(seed: u64) -> Vec<Act> {
    let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let count = random.below(3);
    (0..count)
        .map(|_| {
            let places = [Place::Before, Place::After, Place::Replace, Place::Prepend, Place::Append, Place::SetInner];
            match random.below(12) {
                0..=5 => Act::Insert(places[random.below(6)], random.pick(CONTENT), random.below(2) == 0),
                6 => Act::Remove,
                7 => Act::RemoveAndKeep,
                8 => Act::SetAttribute(random.pick(&["href", "N", "b\"", "x y"]), random.pick(CONTENT)),
                9 => Act::RemoveAttribute(random.pick(&["HREF", "b", "a"])),
                10 => Act::SetName(random.pick(NAMES)),
                _ if random.below(2) == 0 => Act::OnEndTag(random.below(1000) as u64),
                _ if random.below(2) == 0 => Act::SetText(random.pick(&["t", "-->", "\u{2603}"])),
                _ => Act::Nothing,
            }
        })
        .collect()
}

/// One case: a document in pieces and who wants what.
struct Case {
    seed: u64,
    encoding: &'static Encoding,
    chunks: Vec<Vec<u8>>,
    selectors: Vec<(&'static str, bool, bool, bool)>,
    document: [bool; 4],
}

fn case(seed: u64) -> Case {
    let mut random = Random(seed.wrapping_mul(0x2545_f491_4f6c_dd1d) | 1);
    let encoding = [UTF_8, UTF_8, WINDOWS_1252, SHIFT_JIS][random.below(4)];
    let mut document = String::new();
    for _ in 0..random.below(40) {
        document.push_str(random.pick(PIECES));
    }
    let mut bytes = encoding.encode(&document).0.into_owned();
    if random.below(8) == 0 {
        bytes.push(0xe3);
    }
    let mut chunks = Vec::new();
    while !bytes.is_empty() {
        let rest = bytes.split_off((1 + random.below(30)).min(bytes.len()));
        chunks.push(std::mem::replace(&mut bytes, rest));
    }
    let selectors =
        (0..random.below(4)).map(|_| (random.pick(SELECTORS), random.below(4) > 0, random.below(3) == 0, random.below(3) == 0)).collect();
    let document = [random.below(3) == 0, random.below(3) == 0, random.below(3) == 0, random.below(3) == 0];
    Case { seed, encoding, chunks, selectors, document }
}

/// What is seen and what comes out.
#[derive(Debug, Default, PartialEq)]
struct Seen {
    log: Vec<String>,
    output: Vec<u8>,
    failed: bool,
}

/// A number for each call of a handler, which says what it does.
fn next(calls: &mut u64, seed: u64, handler: u64) -> u64 {
    *calls += 1;
    seed.wrapping_mul(1_000_003) ^ (handler * 7_919) ^ (*calls * 104_729)
}

struct Collect(Rc<RefCell<Vec<u8>>>);

impl OutputSink for Collect {
    fn handle_chunk(&mut self, chunk: &[u8]) {
        self.0.borrow_mut().extend_from_slice(chunk);
    }
}

fn kind(html: bool) -> ContentType {
    if html { ContentType::Html } else { ContentType::Text }
}

#[derive(Default)]
struct Shared {
    calls: u64,
    log: Vec<String>,
}

fn direct(case: &Case) -> Seen {
    let shared = Rc::new(RefCell::new(Shared::default()));
    let output = Rc::new(RefCell::new(Vec::new()));
    let seed = case.seed;
    let call = move |shared: &Rc<RefCell<Shared>>, handler: u64, seen: String| {
        let mut shared = shared.borrow_mut();
        shared.log.push(format!("{handler} {seen}"));
        let seed = next(&mut shared.calls, seed, handler);
        acts(seed)
    };
    let encoding = AsciiCompatibleEncoding::new(case.encoding).expect("ASCII-compatible");
    let mut settings = Settings::new().with_encoding(encoding).with_strict(true).with_adjust_charset_on_meta_tag(false);
    let text = |handler: u64, shared: Rc<RefCell<Shared>>| {
        move |chunk: &mut TextChunk<'_>| {
            let seen = format!("text {:?} {} {}", chunk.as_str(), chunk.last_in_text_node(), chunk.removed());
            for act in call(&shared, handler, seen) {
                match act {
                    Act::Insert(Place::Before, content, html) => chunk.before(content, kind(html)),
                    Act::Insert(Place::After, content, html) => chunk.after(content, kind(html)),
                    Act::Insert(Place::Replace, content, html) => chunk.replace(content, kind(html)),
                    Act::Remove => chunk.remove(),
                    _ => {}
                }
            }
            Ok(())
        }
    };
    let comments = |handler: u64, shared: Rc<RefCell<Shared>>| {
        move |comment: &mut Comment<'_>| {
            let seen = format!("comment {:?} {}", comment.text(), comment.removed());
            for act in call(&shared, handler, seen) {
                match act {
                    Act::Insert(Place::Before, content, html) => comment.before(content, kind(html)),
                    Act::Insert(Place::After, content, html) => comment.after(content, kind(html)),
                    Act::Insert(Place::Replace, content, html) => comment.replace(content, kind(html)),
                    Act::Remove => comment.remove(),
                    Act::SetText(new) => drop(comment.set_text(new)),
                    _ => {}
                }
            }
            Ok(())
        }
    };
    let mut handler = 0;
    for (selector, wants_element, wants_comments, wants_text) in &case.selectors {
        let mut handlers = ElementContentHandlers::default();
        if *wants_element {
            let (shared, number) = (shared.clone(), handler);
            handlers = handlers.element(move |element: &mut Element<'_, '_>| {
                let attributes: Vec<_> = element.attributes().iter().map(|a| (a.name(), a.value())).collect();
                let seen = format!("element {} {attributes:?} {} {}", element.tag_name(), element.removed(), element.namespace_uri());
                for act in call(&shared, number, seen) {
                    match act {
                        Act::Insert(place, content, html) => {
                            let html = kind(html);
                            match place {
                                Place::Before => element.before(content, html),
                                Place::After => element.after(content, html),
                                Place::Replace => element.replace(content, html),
                                Place::Prepend => element.prepend(content, html),
                                Place::Append => element.append(content, html),
                                Place::SetInner => element.set_inner_content(content, html),
                            }
                        }
                        Act::Remove => element.remove(),
                        Act::RemoveAndKeep => element.remove_and_keep_content(),
                        Act::SetAttribute(name, value) => drop(element.set_attribute(name, value)),
                        Act::RemoveAttribute(name) => element.remove_attribute(name),
                        Act::SetName(name) => drop(element.set_tag_name(name)),
                        Act::OnEndTag(number) => {
                            let shared = shared.clone();
                            if let Some(ends) = element.end_tag_handlers() {
                                ends.clear();
                                ends.push(Box::new(move |end: &mut EndTag<'_>| {
                                    for act in call(&shared, number, format!("end tag {}", end.name())) {
                                        match act {
                                            Act::Insert(Place::Before, content, html) => end.before(content, kind(html)),
                                            Act::Insert(Place::After, content, html) => end.after(content, kind(html)),
                                            Act::Remove => end.remove(),
                                            Act::SetName(name) => end.set_name(name),
                                            _ => {}
                                        }
                                    }
                                    Ok(())
                                }));
                            }
                        }
                        Act::SetText(_) | Act::Nothing => {}
                    }
                }
                Ok(())
            });
        }
        if *wants_comments {
            handlers = handlers.comments(comments(handler + 1, shared.clone()));
        }
        if *wants_text {
            handlers = handlers.text(text(handler + 2, shared.clone()));
        }
        let selector: Selector = selector.parse().expect("a selector");
        settings = settings.append_element_content_handler((std::borrow::Cow::Owned(selector), handlers));
        handler += 3;
    }
    let [wants_doctype, wants_comments, wants_text, wants_end] = case.document;
    let mut handlers = DocumentContentHandlers::default();
    if wants_doctype {
        let (shared, number) = (shared.clone(), handler);
        handlers = handlers.doctype(move |doctype: &mut Doctype<'_>| {
            let seen = format!("doctype {:?} {:?} {:?}", doctype.name(), doctype.public_id(), doctype.system_id());
            let _ = call(&shared, number, seen);
            Ok(())
        });
    }
    if wants_comments {
        handlers = handlers.comments(comments(handler + 1, shared.clone()));
    }
    if wants_text {
        handlers = handlers.text(text(handler + 2, shared.clone()));
    }
    if wants_end {
        let (shared, number) = (shared.clone(), handler + 3);
        handlers = handlers.end(move |end: &mut DocumentEnd<'_>| {
            for act in call(&shared, number, "end".into()) {
                if let Act::Insert(Place::Append, content, html) = act {
                    end.append(content, kind(html));
                }
            }
            Ok(())
        });
    }
    settings = settings.append_document_content_handler(handlers);
    let mut rewriter = HtmlRewriter::new(settings, Collect(output.clone()));
    let failed = case.chunks.iter().any(|chunk| rewriter.write(chunk).is_err()) || rewriter.end().is_err();
    let log = std::mem::take(&mut shared.borrow_mut().log);
    let output = output.borrow().clone();
    Seen { log, output, failed }
}

fn machine(case: &Case) -> Machine {
    let mut handler = 0;
    let on = case.selectors.iter().map(|(selector, element, comments, text)| {
        let on = OnElement {
            selector: selector.parse().expect("a selector"),
            element: element.then_some(handler),
            comments: comments.then_some(handler + 1),
            text: text.then_some(handler + 2),
        };
        handler += 3;
        on
    });
    let on: Vec<_> = on.collect();
    let [doctype, comments, text, end] = case.document;
    let document = OnDocument {
        doctype: doctype.then_some(handler),
        comments: comments.then_some(handler + 1),
        text: text.then_some(handler + 2),
        end: end.then_some(handler + 3),
    };
    let encoding = AsciiCompatibleEncoding::new(case.encoding).expect("ASCII-compatible");
    Machine::new(on, vec![document], encoding, 1 << 20, (case.seed % 2) as usize, None)
}

/// What the platform's JavaScript does, at once.
fn ours(case: &Case) -> Seen {
    let mut machine = machine(case);
    let mut seen = Seen::default();
    let mut calls = 0;
    let mut end_handlers = std::collections::HashMap::new();
    let mut chunks = case.chunks.iter();
    loop {
        match machine.step() {
            Step::Done => break,
            Step::Input => {
                let fed = match chunks.next() {
                    Some(chunk) => machine.write(chunk),
                    None => machine.end(),
                };
                seen.failed |= fed.is_err();
            }
            Step::Output => {
                while let Some(part) = machine.output().take() {
                    match part {
                        Part::Bytes(bytes) => seen.output.extend_from_slice(&bytes),
                        Part::Stream(_) => unreachable!("there are no streams here"),
                    }
                }
            }
            Step::Call(handler) => {
                let token = machine.current().expect("a token");
                let end_tag = matches!(token.kind, Kind::EndTag { .. });
                let handler = if end_tag { end_handlers.remove(&handler).expect("a handler") } else { handler };
                let looks = match &token.kind {
                    Kind::Element(element) => {
                        let namespace = element.namespace;
                        let removed = token.mutations.removed;
                        format!("element {} {:?} {removed} {namespace}", token.name().expect("a name"), token.attribute_list())
                    }
                    Kind::Text { text, last } => format!("text {text:?} {last} {}", token.mutations.removed),
                    Kind::Comment { text, .. } => format!("comment {text:?} {}", token.mutations.removed),
                    Kind::Doctype { name, public_id, system_id } => format!("doctype {name:?} {public_id:?} {system_id:?}"),
                    Kind::EndTag { .. } => format!("end tag {}", token.name().expect("a name")),
                    Kind::End => "end".into(),
                };
                seen.log.push(format!("{handler} {looks}"));
                let element = matches!(token.kind, Kind::Element(_));
                let end = matches!(token.kind, Kind::End);
                for act in acts(next(&mut calls, case.seed, handler)) {
                    match act {
                        Act::Insert(place, content, html) => {
                            let can = match place {
                                Place::Before | Place::After => !end,
                                Place::Replace => !end && !end_tag,
                                Place::Append => element || end,
                                Place::Prepend | Place::SetInner => element,
                            };
                            if can && !matches!(token.kind, Kind::Doctype { .. }) {
                                token.insert(place, Content::Text(content.into(), html));
                            }
                        }
                        Act::Remove if !end && !matches!(token.kind, Kind::Doctype { .. }) => token.remove(false),
                        Act::RemoveAndKeep if element => token.remove(true),
                        Act::SetAttribute(name, value) if element => drop(token.set_attribute(name, value)),
                        Act::RemoveAttribute(name) if element => token.remove_attribute(name),
                        Act::SetName(name) if element || end_tag => drop(token.set_name(name)),
                        Act::SetText(text) => drop(token.set_text(text)),
                        Act::OnEndTag(number) => {
                            if let Kind::Element(element) = &mut token.kind
                                && element.can_have_content
                            {
                                element.end.handler = true;
                                end_handlers.insert(element.id, number);
                            }
                        }
                        _ => {}
                    }
                }
            }
        }
    }
    assert!(machine.output().len() == 0);
    seen
}

#[test]
fn what_comes_out_is_what_lol_html_would_have_written() {
    for seed in 1..30_000 {
        let case = case(seed);
        let (expected, got) = (direct(&case), ours(&case));
        let document: Vec<u8> = case.chunks.concat();
        let show = |seen: &Seen| format!("{:#?}\n{}", seen.log, String::from_utf8_lossy(&seen.output));
        assert!(
            expected.failed || expected == got,
            "seed {seed} {:?} {:?}\n{}\nexpected {}\ngot {}",
            case.selectors,
            case.document,
            String::from_utf8_lossy(&document),
            show(&expected),
            show(&got)
        );
        assert_eq!(expected.failed, got.failed, "seed {seed}");
    }
}

#[test]
fn everything_held_is_let_go_of() {
    for seed in 1..3_000 {
        let case = case(seed);
        let mut machine = machine(&case);
        let mut chunks = case.chunks.iter();
        loop {
            match machine.step() {
                Step::Done => break,
                Step::Input => {
                    if let Some(chunk) = chunks.next() {
                        let _ = machine.write(chunk);
                    } else {
                        let _ = machine.end();
                    }
                }
                Step::Output => while machine.output().take().is_some() {},
                Step::Call(_) => {}
            }
        }
        assert_eq!(machine.bytes(), 0, "seed {seed}");
    }
}

#[test]
fn a_tag_larger_than_the_memory_is_a_failure() {
    let on = OnElement { selector: "*".parse().expect("a selector"), element: Some(0), comments: None, text: None };
    let mut machine = Machine::new(vec![on], Vec::new(), AsciiCompatibleEncoding::utf_8(), 4_096, 0, None);
    assert_eq!(machine.write(b"<a b='"), Ok(()));
    let failure = (0..10).find_map(|_| machine.write(&[b'x'; 1_024]).err());
    assert_eq!(failure, Some(Failure::Memory));
    // It is not used again.
    assert_eq!(machine.write(b"'>"), Ok(()));
    assert_eq!(machine.step(), Step::Done);
}

#[test]
fn open_elements_are_charged_with_their_names() {
    let on = OnElement { selector: "*".parse().expect("a selector"), element: Some(0), comments: None, text: None };
    let mut machine = Machine::new(vec![on], Vec::new(), AsciiCompatibleEncoding::utf_8(), 1 << 20, 0, None);
    let name = "x".repeat(1_000);
    let look = |machine: &mut Machine| {
        while let Step::Call(_) | Step::Output = machine.step() {
            while machine.output().take().is_some() {}
        }
        machine.bytes()
    };
    // Wherever a piece ends.
    for piece in format!("<{name}>").repeat(100).as_bytes().chunks(7) {
        assert_eq!(machine.write(piece), Ok(()));
    }
    let open = look(&mut machine);
    assert!((300_000..400_000).contains(&open), "{open}");
    assert_eq!(machine.write(b"a < b <p> <section-1> </p>"), Ok(()));
    let more = look(&mut machine) - open;
    assert!(more < 1_000, "{more}");
    assert_eq!(machine.end(), Ok(()));
    assert_eq!(look(&mut machine), 0);
}

#[test]
fn where_selectors_have_many_combinators_all_elements_are_counted() {
    let on = OnElement { selector: "* * * * * *".parse().expect("a selector"), element: None, comments: None, text: Some(0) };
    let mut machine = Machine::new(vec![on], Vec::new(), AsciiCompatibleEncoding::utf_8(), 1 << 20, 1_000, None);
    assert_eq!(machine.write(b"<p><i><b><br></b><!-- <a> -->"), Ok(()));
    assert_eq!(machine.bytes() / 1_000, 2);
    // An end tag ends what is open inside as well.
    assert_eq!(machine.write(b"<b><u></p></i>"), Ok(()));
    assert_eq!(machine.bytes() / 1_000, 0);
}
