//! The declarations in `bindings/types` say exactly what an app sees: every name, getter and number of arguments.

use std::collections::BTreeMap;
use std::path::Path;

use crate::support::*;

/// The text of all declarations that the package's index names.
fn declared_text() -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../bindings/types");
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    let index = read("index.d.ts");
    let named = index.lines().filter_map(|line| line.strip_prefix("/// <reference path=\"")?.strip_suffix("\" />"));
    let texts: Vec<String> = named.map(read).collect();
    let files = std::fs::read_dir(&folder).expect("the package").filter_map(Result::ok);
    let others = files.filter(|file| file.file_name().to_string_lossy().ends_with(".d.ts")).count() - 1;
    assert_eq!(texts.len(), others, "index.d.ts names every file");
    texts.concat()
}

/// What the language itself brings; TypeScript knows it as the library esnext.
const LANGUAGE: &str = "AggregateError Array ArrayBuffer AsyncDisposableStack Atomics BigInt BigInt64Array BigUint64Array Boolean DataView \
    Date DisposableStack Error EvalError FinalizationRegistry Float16Array Float32Array Float64Array Function Infinity Int16Array \
    Int32Array Int8Array Intl Iterator JSON Map Math NaN Number Object Promise Proxy RangeError ReferenceError Reflect RegExp Set \
    SharedArrayBuffer String SuppressedError Symbol SyntaxError TypeError URIError Uint16Array Uint32Array Uint8Array Uint8ClampedArray \
    WeakMap WeakRef WeakSet WebAssembly decodeURI decodeURIComponent encodeURI encodeURIComponent escape eval globalThis isFinite isNaN \
    parseFloat parseInt undefined unescape";

#[test]
fn the_declarations_are_what_an_app_sees() {
    let runtime = runtime(1);
    let names: Vec<String> = LANGUAGE.split_whitespace().map(|name| format!("{name:?}")).collect();
    let source = include_str!("surface.js").replace("BUILT_IN", &format!("[{}]", names.join(",")));
    let mut options = options("surface", &source);
    options.limits.cpu_ms = 5_000;
    let app = runtime.load(options).expect("loads");
    let seen: BTreeMap<String, String> = text(&app, "/").lines().map(split).collect();
    let declared = declarations(&declared_text());
    let mut wrong = Vec::new();
    for (name, what) in &seen {
        match declared.get(name) {
            None => wrong.push(format!("missing:                 {name} {what}")),
            Some(other) if other != what => wrong.push(format!("declared differently:    {name} {other}, but it is {what}")),
            Some(_) => {}
        }
    }
    wrong.extend(
        declared.iter().filter(|(name, _)| !seen.contains_key(*name)).map(|(name, what)| format!("declared but not there:  {name} {what}")),
    );
    assert!(wrong.is_empty(), "bindings/types is not what apps see:\n{}", wrong.join("\n"));
}

/// A line of `surface.js`: the name, and what it is.
fn split(line: &str) -> (String, String) {
    let words = if line.starts_with("class ") || line.starts_with("global ") || line.starts_with("static ") { 2 } else { 1 };
    let end = line.match_indices(' ').nth(words - 1).map_or(line.len(), |(at, _)| at);
    (line[..end].to_string(), line[end..].trim().to_string())
}

/// The declarations in the same words. They are written one to a line.
fn declarations(text: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut class: Option<String> = None;
    let mut of_node: Vec<String> = Vec::new();
    for line in text.lines() {
        if line == "}" {
            class = None;
        } else if let Some(rest) = line.strip_prefix("declare class ") {
            let name = word(rest);
            let mut behind = &rest[name.len()..];
            // A parameter of the class may extend something as well.
            if behind.starts_with('<') {
                behind = &behind[closing(behind, 0)..];
            }
            let parent = behind.split_once(" extends ").map(|(_, parent)| format!("extends {} ", word(parent))).unwrap_or_default();
            found.insert(format!("class {name}"), format!("{parent}(0)"));
            class = Some(name);
        } else if let Some(rest) = line.strip_prefix("declare function ") {
            if !line.ends_with("// of EventTarget") {
                callable(&mut found, format!("global {}", word(rest)), rest);
            }
        } else if let Some(name) = line.strip_prefix("declare var ").and_then(constructor_of) {
            // A class of Node that its parent does not fit: the interface NAME has its members, NAMEConstructor what is static.
            found.insert(format!("class {name}"), "()".into());
            of_node.push(name.into());
        } else if let Some(rest) = line.strip_prefix("interface ") {
            let name = word(rest);
            let instance = of_node.contains(&name);
            if instance && let Some((_, parent)) = rest.split_once(" extends ") {
                found.insert(format!("class {name}"), format!("extends {} ()", word(parent)));
            }
            let of_class = name.strip_suffix("Constructor").filter(|name| of_node.iter().any(|class| class == name));
            class = of_class.map(|name| format!("static {name}")).or(instance.then_some(name));
        } else if let Some(rest) = line.strip_prefix("declare const ").or(line.strip_prefix("declare var ")) {
            found.insert(format!("global {}", word(rest)), "get set".into());
        } else if let Some(rest) = line.strip_prefix("declare namespace ") {
            class = Some(word(rest));
        } else if let (Some(class), Some(member)) = (&class, line.strip_prefix("  ")) {
            member_of(&mut found, class, member);
        }
    }
    // Node's functions say how many parameters they have, not how many they need.
    let owner = |name: &str| name.trim_start_matches("static ").split('.').next().map(str::to_owned).unwrap_or_default();
    for (_, what) in found.iter_mut().filter(|(name, what)| what.starts_with('(') && of_node.contains(&owner(name))) {
        *what = "()".into();
    }
    found
}

/// NAME of "NAME: NAMEConstructor;".
fn constructor_of(rest: &str) -> Option<&str> {
    let (name, kind) = rest.strip_suffix("Constructor;")?.split_once(": ")?;
    (name == kind).then_some(name)
}

fn member_of(found: &mut BTreeMap<String, String>, class: &str, member: &str) {
    if let Some(rest) = member.strip_prefix("constructor(") {
        // Of overloads the last counts: it is to be the shortest.
        let parent = found[&format!("class {class}")].split('(').next().unwrap_or_default().to_string();
        found.insert(format!("class {class}"), format!("{parent}({})", required(&format!("({rest}"))));
        return;
    }
    if member.starts_with("private constructor") || member.starts_with("protected constructor") || member.starts_with('/') {
        return;
    }
    let (owner, member) = match member.strip_prefix("static ") {
        Some(member) => (format!("static {class}"), member),
        None => (class.to_string(), member.strip_prefix("function ").unwrap_or(member)),
    };
    let (readonly, member) = match member.strip_prefix("readonly ") {
        Some(member) => (true, member),
        None => (false, member),
    };
    let name = word(member);
    let key = format!("{owner}.{name}");
    if member[name.len()..].starts_with(':') {
        let constant = name.len() > 1 && name.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_');
        let what = if constant {
            "value"
        } else if readonly {
            "get"
        } else {
            "get set"
        };
        found.insert(key, what.into());
    } else {
        callable(found, key, member);
    }
}

/// Of overloads the shortest counts.
fn callable(found: &mut BTreeMap<String, String>, key: String, declaration: &str) {
    let name = word(declaration);
    let mut rest = &declaration[name.len()..];
    if rest.starts_with('<') {
        rest = &rest[closing(rest, 0)..];
    }
    let count = format!("({})", required(rest));
    found.entry(key).and_modify(|old| *old = std::cmp::min(old.clone(), count.clone())).or_insert(count);
}

/// A name; that of a symbol with its brackets.
fn word(text: &str) -> String {
    let end = |c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '$' | '.'));
    match text.strip_prefix('[') {
        Some(symbol) => format!("[{}]", word(symbol)),
        None => text[..text.find(end).unwrap_or(text.len())].to_string(),
    }
}

/// The place behind the bracket that closes the one at `open`.
fn closing(text: &str, open: usize) -> usize {
    let mut depth = 0;
    let bytes = text.as_bytes();
    for at in open..bytes.len() {
        match bytes[at] {
            b'(' | b'<' | b'[' | b'{' => depth += 1,
            b'>' if at > 0 && bytes[at - 1] == b'=' => {}
            b')' | b'>' | b']' | b'}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return at + 1;
        }
    }
    text.len()
}

/// How many parameters come before the first that may be left out.
fn required(text: &str) -> usize {
    let list = &text[1..closing(text, 0) - 1];
    let mut count = 0;
    let mut start = 0;
    while start < list.len() {
        let rest = &list[start..];
        let mut depth = 0;
        let bytes = rest.as_bytes();
        let end = (0..bytes.len()).find(|&at| {
            match bytes[at] {
                b'(' | b'<' | b'[' | b'{' => depth += 1,
                b'>' if at > 0 && bytes[at - 1] == b'=' => {}
                b')' | b'>' | b']' | b'}' => depth -= 1,
                _ => {}
            }
            depth == 0 && bytes[at] == b','
        });
        let parameter = rest[..end.unwrap_or(rest.len())].trim();
        let name = word(parameter);
        if parameter.starts_with("...") || parameter[name.len()..].starts_with('?') {
            break;
        }
        count += 1;
        start += end.map_or(rest.len(), |end| end + 1);
    }
    count
}

#[test]
fn the_reader_of_declarations_reads_them() {
    let text = "declare class A<T extends X = any> extends B<T> {\n  constructor(a: string, b?: number);\n  readonly one: 1;\n  two: () => void;\n  \
        three<U>(a: Map<string, (x: U, y: U) => void>, b: { c: 1; d: 2 }, ...rest: T[]): void;\n  static readonly FOUR: 4;\n  [Symbol.iterator](): void;\n  \
        five(a: 1, b: 2): void;\n  five(a: 1): void;\n}\ndeclare function six(a: 1): void;\ndeclare const seven: number;\n\
        declare var Eight: EightConstructor;\ninterface Eight extends A<number> {\n  nine(a: 1): void;\n  readonly ten: 1;\n}\n\
        interface EightConstructor extends X {\n  eleven: 1;\n  twelve(a: 1): void;\n}\ninterface Other {\n  thirteen: 1;\n}";
    let expected = [
        ("A.[Symbol.iterator]", "(0)"),
        ("A.five", "(1)"),
        ("A.one", "get"),
        ("A.three", "(2)"),
        ("A.two", "get set"),
        ("Eight.nine", "()"),
        ("Eight.ten", "get"),
        ("class A", "extends B (1)"),
        ("class Eight", "extends A ()"),
        ("global seven", "get set"),
        ("global six", "(1)"),
        ("static A.FOUR", "value"),
        ("static Eight.eleven", "get set"),
        ("static Eight.twelve", "()"),
    ];
    let expected: BTreeMap<String, String> = expected.iter().map(|(name, what)| ((*name).into(), (*what).into())).collect();
    assert_eq!(declarations(text), expected);
}
