//! TypeScript and JSX to JavaScript: types are taken out, nothing else is lowered, V8 runs what the language has today.
//!
//! The parser and what comes after it recurse over the program, and cannot be stopped. So they run on a thread whose stack is
//! sized by the number of tokens in the file, each of which was measured to cost less than `STACK_PER_TOKEN`; files with more
//! tokens than the largest stack allows are refused. A file that takes too long is left behind on its thread, at idle priority.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicUsize, Ordering};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use nano_base::limits::{TYPESCRIPT_BYTES_MAX, TYPESCRIPT_LEFT_BEHIND_MAX, TYPESCRIPT_MS_MAX, TYPESCRIPT_STACK_BYTES_MAX};
use nano_base::status::{Error, Result, Status};
use nano_base::sys;
use oxc_allocator::Allocator;
use oxc_ast::AstKind;
use oxc_codegen::{Codegen, CodegenOptions};
use oxc_diagnostics::OxcDiagnostic;
use oxc_parser::Parser;
use oxc_semantic::{Semantic, SemanticBuilder};
use oxc_span::SourceType;
use oxc_transformer::{HelperLoaderMode, JsxRuntime, TransformOptions, Transformer};
use serde_json::Value;

use crate::map::SourceMap;

/// Stack that one token costs at most, whatever it is (`tests::hostile` measures it), with room to spare.
pub(crate) const STACK_PER_TOKEN: usize = 4 << 10;

/// What a program of one token needs.
pub(crate) const STACK_BYTES_MIN: usize = 4 << 20;

/// Files that need more stack than this are compiled one at a time in the process.
const STACK_BYTES_COMMON: usize = 32 << 20;

/// Held by the compilation that needs a large stack.
static LARGE: Mutex<()> = Mutex::new(());

/// Compilations that took too long and may go on for ever.
static LEFT_BEHIND: AtomicUsize = AtomicUsize::new(0);

/// What an app's tsconfig.json says about the translation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// `jsxImportSource`
    pub jsx_import_source: Option<String>,
    /// `jsx: "react"`: calls of `jsxFactory` instead of imports.
    pub jsx_classic: bool,
    /// `jsxFactory`
    pub jsx_factory: Option<String>,
    /// `jsxFragmentFactory`
    pub jsx_fragment: Option<String>,
    /// `verbatimModuleSyntax`: only what is marked `type` is dropped from imports.
    pub verbatim: bool,
    /// `experimentalDecorators`: TypeScript's older decorators, which are calls of functions.
    pub decorators: bool,
    /// `emitDecoratorMetadata`: `Reflect.metadata`, if there is one, hears of the types of what is decorated.
    pub decorator_metadata: bool,
}

impl Settings {
    /// From a tsconfig.json; what is not understood has no effect.
    pub(crate) fn parse(text: &[u8]) -> Self {
        let Ok(json) = serde_json::from_slice::<Value>(&without_comments(text)) else { return Self::default() };
        let Some(options) = json.get("compilerOptions") else { return Self::default() };
        let text = |key: &str| options.get(key).and_then(Value::as_str).map(str::to_string);
        let flag = |key: &str| options.get(key).and_then(Value::as_bool).unwrap_or(false);
        Self {
            jsx_import_source: text("jsxImportSource"),
            jsx_classic: text("jsx").as_deref() == Some("react"),
            jsx_factory: text("jsxFactory"),
            jsx_fragment: text("jsxFragmentFactory"),
            verbatim: flag("verbatimModuleSyntax"),
            decorators: flag("experimentalDecorators"),
            decorator_metadata: flag("emitDecoratorMetadata"),
        }
    }
}

/// Whether a file is not JavaScript yet.
pub(crate) fn is_for_us(path: &str) -> bool {
    source_type(path).is_some()
}

fn source_type(path: &str) -> Option<SourceType> {
    let (_, extension) = path.rsplit_once('.')?;
    Some(match extension {
        "ts" | "mts" | "cts" => SourceType::ts(),
        "tsx" => SourceType::tsx(),
        "jsx" => SourceType::jsx(),
        _ => return None,
    })
}

/// The JavaScript of a TypeScript or JSX file, and the map back.
pub fn transform(path: &str, source: &str, settings: &Settings) -> Result<(String, SourceMap)> {
    if source.len() > TYPESCRIPT_BYTES_MAX {
        return Err(too_large(path, source.len(), "bytes", TYPESCRIPT_BYTES_MAX));
    }
    let tokens = tokens_at_most(source.as_bytes());
    let tokens_max = (TYPESCRIPT_STACK_BYTES_MAX - STACK_BYTES_MIN) / STACK_PER_TOKEN;
    if tokens > tokens_max {
        return Err(too_large(path, tokens, "words and signs", tokens_max));
    }
    let stack_bytes = STACK_BYTES_MIN + tokens * STACK_PER_TOKEN;
    let large = (stack_bytes > STACK_BYTES_COMMON).then(|| LARGE.lock().unwrap_or_else(PoisonError::into_inner));
    let result = on_a_thread(path, source, settings, stack_bytes);
    drop(large);
    result
}

fn too_large(path: &str, is: usize, what: &str, max: usize) -> Error {
    let message = format!("{path} has {is} {what}; a TypeScript or JSX file may have {max}: split it, or compile it to JavaScript before");
    Error::new(Status::TooLarge, message)
}

/// No program has more tokens than this: words, numbers, and single signs, in comments and strings too.
pub(crate) fn tokens_at_most(source: &[u8]) -> usize {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'$' || byte >= 0x80;
    let mut count = 0;
    let mut in_word = false;
    for byte in source {
        let word = is_word(*byte);
        if (word && !in_word) || (!word && !byte.is_ascii_whitespace()) {
            count += 1;
        }
        in_word = word;
    }
    count
}

type Outcome = std::result::Result<(String, SourceMap), String>;

fn on_a_thread(path: &str, source: &str, settings: &Settings, stack_bytes: usize) -> Result<(String, SourceMap)> {
    if LEFT_BEHIND.load(Ordering::Relaxed) >= TYPESCRIPT_LEFT_BEHIND_MAX {
        let message = "too many TypeScript compilations that do not end are still running in this process";
        return Err(Error::new(Status::Capacity, message));
    }
    let (send, receive) = sync_channel::<Outcome>(1);
    let thread_id = Arc::new(AtomicI32::new(0));
    let of_thread = thread_id.clone();
    let given_up = Arc::new(AtomicBool::new(false));
    let over = given_up.clone();
    let (file, text, settings) = (path.to_string(), source.to_string(), settings.clone());
    let run = move || {
        of_thread.store(sys::thread::id(), Ordering::Relaxed);
        let outcome = catch_unwind(AssertUnwindSafe(|| run(&file, &text, &settings)))
            .unwrap_or_else(|_| Err(format!("{file}: the TypeScript compiler failed on this file; compile it to JavaScript before")));
        let _ = send.send(outcome);
        // Whoever comes second of the two that meet here takes the thread out of the count again.
        if over.swap(true, Ordering::AcqRel) {
            LEFT_BEHIND.fetch_sub(1, Ordering::Relaxed);
        }
    };
    let builder = std::thread::Builder::new().name("nano-compile".into()).stack_size(stack_bytes);
    sys::signals::blocked(|| builder.spawn(run))
        .map_err(|error| Error::new(Status::Capacity, format!("cannot start a thread to compile {path}: {error}")))?;
    match receive.recv_timeout(Duration::from_millis(TYPESCRIPT_MS_MAX)) {
        Ok(outcome) => outcome.map_err(|message| Error::new(Status::Compile, message)),
        Err(RecvTimeoutError::Disconnected) => Err(Error::new(Status::Compile, format!("{path}: the TypeScript compiler failed"))),
        Err(RecvTimeoutError::Timeout) => {
            LEFT_BEHIND.fetch_add(1, Ordering::Relaxed);
            if given_up.swap(true, Ordering::AcqRel) {
                LEFT_BEHIND.fetch_sub(1, Ordering::Relaxed);
            }
            sys::thread::make_idle(thread_id.load(Ordering::Relaxed));
            let message =
                format!("{path} takes longer than {TYPESCRIPT_MS_MAX} ms to compile: simplify it, or compile it to JavaScript before");
            Err(Error::new(Status::Compile, message))
        }
    }
}

pub(crate) fn run(path: &str, source: &str, settings: &Settings) -> Outcome {
    let allocator = Allocator::default();
    let source_type = source_type(path).unwrap_or_else(SourceType::ts).with_module(true);
    let parsed = Parser::new(&allocator, source, source_type).parse();
    if let Some(message) = first_error(path, source, parsed.diagnostics.iter()) {
        return Err(message);
    }
    if parsed.panicked {
        return Err(format!("{path}: SyntaxError: this file cannot be parsed"));
    }
    let mut program = parsed.program;
    // The nodes are looked at for decorators only.
    let may_decorate = !settings.decorators && source.contains('@');
    let checked = SemanticBuilder::new()
        .with_build_nodes(may_decorate)
        .with_check_syntax_error(true)
        .with_enum_eval(true)
        .with_excess_capacity(2.0)
        .build(&program);
    if let Some(message) = first_error(path, source, checked.diagnostics.iter()) {
        return Err(message);
    }
    if may_decorate && let Some(offset) = first_decorator(&checked.semantic) {
        let (line, column) = position(source, offset);
        let remedy =
            "set \"experimentalDecorators\" in tsconfig.json if they are TypeScript's older ones, or compile them to JavaScript before";
        return Err(format!("{path}:{line}:{column}: SyntaxError: decorators are not in the language of V8 yet ({remedy})"));
    }
    let options = options(settings);
    let transformed =
        Transformer::new(&allocator, Path::new(path), &options).build_with_scoping(checked.semantic.into_scoping(), &mut program);
    if let Some(message) = first_error(path, source, transformed.diagnostics.iter()) {
        return Err(message);
    }
    let options = CodegenOptions { source_map_path: Some(path.into()), ..CodegenOptions::default() };
    let printed = Codegen::new().with_options(options).build(&program);
    let mappings = printed.map.map(|map| map.to_json().mappings).unwrap_or_default();
    // The transformer calls the functions behind decorators by this name, wherever they come from.
    if settings.decorators && printed.code.contains(DECORATE_NAME) {
        // A line more in front of the program is a line more in front of its mappings.
        return Ok((format!("{DECORATE}\n{}", printed.code), SourceMap::new(format!(";{mappings}"), vec![path.into()])));
    }
    Ok((printed.code, SourceMap::new(mappings, vec![path.into()])))
}

/// Where the first decorator is.
fn first_decorator(semantic: &Semantic) -> Option<usize> {
    semantic.nodes().iter().find_map(|node| match node.kind() {
        AstKind::Decorator(decorator) => Some(decorator.span.start as usize),
        _ => None,
    })
}

/// The object whose methods the transformer calls.
const DECORATE_NAME: &str = "babelHelpers.";

/// What TypeScript's decorators do: https://www.typescriptlang.org/docs/handbook/decorators.html. The last one comes first; of a class and
/// of a method, what a decorator gives takes the place of what it decorates. In one line, which shifts those of the program by one.
const DECORATE: &str = concat!(
    "const babelHelpers = { __proto__: null, ",
    "decorate(decorators, target, key, descriptor) { ",
    "const isClass = arguments.length < 3; ",
    "let result = isClass ? target : descriptor === null ? Object.getOwnPropertyDescriptor(target, key) : descriptor; ",
    "if (typeof Reflect.decorate === \"function\") result = Reflect.decorate(decorators, target, key, result); ",
    "else for (let i = decorators.length - 1; i >= 0; i--) { const decorator = decorators[i]; if (!decorator) continue; ",
    "result = (isClass ? decorator(result) : arguments.length > 3 ? decorator(target, key, result) : decorator(target, key)) || result; } ",
    "if (arguments.length > 3 && result) Object.defineProperty(target, key, result); return result; }, ",
    "decorateParam(index, decorator) { return (target, key) => decorator(target, key, index); }, ",
    "decorateMetadata(key, value) { if (typeof Reflect.metadata === \"function\") return Reflect.metadata(key, value); } };",
);

fn options(settings: &Settings) -> TransformOptions {
    let mut options = TransformOptions::default();
    options.decorator.legacy = settings.decorators;
    options.decorator.emit_decorator_metadata = settings.decorator_metadata;
    options.helper_loader.mode = HelperLoaderMode::External;
    options.typescript.only_remove_type_imports = settings.verbatim;
    if settings.jsx_classic {
        options.jsx.runtime = JsxRuntime::Classic;
        options.jsx.pragma = settings.jsx_factory.clone();
        options.jsx.pragma_frag = settings.jsx_fragment.clone();
        if let Some(pragma) = &settings.jsx_factory {
            options.typescript.jsx_pragma = pragma.clone().into();
        }
        if let Some(pragma) = &settings.jsx_fragment {
            options.typescript.jsx_pragma_frag = pragma.clone().into();
        }
    } else {
        options.jsx.import_source = settings.jsx_import_source.clone();
    }
    options
}

/// The first error, in the form that V8's have: where, what kind, what, and how to mend it if that is known.
fn first_error<'d>(path: &str, source: &str, mut diagnostics: impl Iterator<Item = &'d OxcDiagnostic>) -> Option<String> {
    let diagnostic = diagnostics.find(|diagnostic| diagnostic.severity == oxc_diagnostics::Severity::Error)?;
    let place = diagnostic.labels.first().map(|label| position(source, label.offset() as usize));
    let place = place.map_or(path.to_string(), |(line, column)| format!("{path}:{line}:{column}"));
    let help = diagnostic.help.as_ref().map(|help| format!(" ({help})")).unwrap_or_default();
    let message = diagnostic.message.trim_end_matches('.');
    Some(format!("{place}: SyntaxError: {message}{help}"))
}

/// Line and column, from 1, the column in UTF-16 units as V8 counts.
fn position(source: &str, offset: usize) -> (usize, usize) {
    let mut offset = offset.min(source.len());
    while !source.is_char_boundary(offset) {
        offset -= 1;
    }
    let before = &source[..offset];
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    (before.matches('\n').count() + 1, before[line_start..].encode_utf16().count() + 1)
}

/// JSON as tsconfig.json has it: comments and trailing commas are taken out.
fn without_comments(text: &[u8]) -> Vec<u8> {
    let mut out: Vec<u8> = Vec::with_capacity(text.len());
    let mut at = 0;
    while at < text.len() {
        let rest = &text[at..];
        if rest.starts_with(b"//") {
            at += rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
        } else if rest.starts_with(b"/*") {
            at += 2 + rest[2..].windows(2).position(|pair| pair == b"*/").map_or(rest.len() - 2, |end| end + 2);
        } else if rest[0] == b'"' {
            let mut end = 1;
            while end < rest.len() && rest[end] != b'"' {
                end += if rest[end] == b'\\' { 2 } else { 1 };
            }
            let end = (end + 1).min(rest.len());
            out.extend_from_slice(&rest[..end]);
            at += end;
        } else {
            if matches!(rest[0], b'}' | b']') {
                while out.last().is_some_and(u8::is_ascii_whitespace) {
                    out.pop();
                }
                if out.last() == Some(&b',') {
                    out.pop();
                }
            }
            out.push(rest[0]);
            at += 1;
        }
    }
    out
}
