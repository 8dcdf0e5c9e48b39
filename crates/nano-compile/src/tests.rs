//! The compiler from its own face, and what its bounds rest on.

mod hostile;

use crate::commonjs;
use crate::map::{SourceMap, from_data_url, url_of};
use crate::typescript::{Settings, transform};
use nano_base::module::Import;

use crate::{Origin, compile, scan};

fn found(text: &str) -> Vec<String> {
    let mut list = Vec::new();
    scan::specifiers(text.as_bytes(), &mut |specifier| list.push(specifier.to_string()));
    list.sort();
    list
}

#[test]
fn every_way_to_import_is_seen() {
    let text = "import a from 'a'; import\"b\"; export*from`c`; import { d } from /* x */ \"d\" with { type: 'json' }; await import(\n'e'\n); \
        import source f from 'f'; require('g'); export { h } from // why\n 'h'; import('\\x69'); from_ 'no'; x.important('no'); import(name); import(`no${1}`)";
    assert_eq!(found(text), ["a", "b", "c", "d", "e", "f", "g", "h", "i"]);
    assert_eq!(found("from '"), Vec::<String>::new());
    assert_eq!(found("import /* never ends"), Vec::<String>::new());
}

#[test]
fn commonjs_exports_are_found_by_how_they_look() {
    let names = |text: &str| commonjs::lex(text).names;
    assert_eq!(
        names("exports.a = 1; module.exports.b = 2; exports['c-d'] = 3; Object.defineProperty(exports, 'e', {}); exports.f == 1"),
        ["a", "b", "c-d", "e"]
    );
    assert_eq!(names("module.exports = { a, b: c.d, 'e': f, ...require('x'), g() {} }"), ["a", "b", "e", "g"]);
    assert_eq!(names("my_exports.a = 1; exports.default = 1"), Vec::<String>::new());
    assert_eq!(commonjs::lex("module.exports = require('./other')").from, ["./other"]);
    assert_eq!(commonjs::lex("__exportStar(require(\"./a\"), exports)").from, ["./a"]);
    assert!(commonjs::looks_like_esm(b"'x';export{a}") && commonjs::looks_like_esm(b"import a from 'a'"));
    assert!(!commonjs::looks_like_esm(b"exports.a = important; import('x')"));
}

#[test]
fn maps_lead_back() {
    let map = SourceMap::parse(br#"{"version":3,"sources":["../src/a.ts"],"mappings":"AAAA;;EAEE,IAAI"}"#, "dist").expect("a map");
    assert_eq!(map.original(1, 5).map(|at| (at.file, at.line, at.column)), Some(("src/a.ts".into(), 1, 1)));
    assert_eq!(map.original(3, 3).map(|at| (at.line, at.column)), Some((3, 3)));
    assert_eq!(map.original(3, 9).map(|at| (at.line, at.column)), Some((3, 7)));
    assert_eq!((map.original(2, 1), map.original(3, 1), map.original(9, 9), map.original(0, 0)), (None, None, None, None));
    for broken in ["{", r#"{"version":2,"sources":[],"mappings":""}"#, r#"{"version":3}"#] {
        assert!(SourceMap::parse(broken.as_bytes(), "").is_none(), "{broken}");
    }
    let hostile = SourceMap::parse(br#"{"version":3,"sources":["a"],"mappings":"ggggggggggggggggggggB,DDDD,!,A,AAAAAAAAAA;////////"}"#, "")
        .expect("odd");
    for column in 1..9 {
        let _ = hostile.original(1, column);
    }
    assert_eq!(from_data_url("data:application/json;base64,eyJhIjoxfQ=="), Some(br#"{"a":1}"#.to_vec()));
    assert_eq!(url_of(b"x\n//# sourceMappingURL=a.map\n\n"), Some("a.map"));
    assert_eq!(url_of(b"//# sourceMappingURL=a.map\nx"), None);
}

#[test]
fn types_go_and_positions_stay_known() {
    let (code, map) = transform("a.ts", "type A = 1;\nenum E { X = 'x' }\nexport const a = (b: A): E => b as never;", &Settings::default())
        .expect("compiles");
    assert!(code.contains("export const a = (b) => b;") && !code.contains("type"), "{code}");
    let line = code.lines().position(|line| line.contains("const a")).expect("there") as u32 + 1;
    assert_eq!(map.original(line, 14).map(|at| (at.file, at.line)), Some(("a.ts".into(), 3)));
    let error = transform("a.ts", "const \u{1f600}x = ;", &Settings::default()).expect_err("not TypeScript");
    assert!(error.message.starts_with("a.ts:1:") && error.message.contains("SyntaxError: "), "{}", error.message);
}

#[test]
fn tsconfigs_are_read_as_people_write_them() {
    let text = b"{\n // a comment\n \"compilerOptions\": { \"jsx\": \"react-jsx\", /* b */ \"jsxImportSource\": \"hono/jsx\", \"verbatimModuleSyntax\": true, },\n}";
    let settings = Settings::parse(text);
    assert_eq!((settings.jsx_import_source.as_deref(), settings.verbatim, settings.jsx_classic), (Some("hono/jsx"), true, false));
    assert_eq!(Settings::parse(b"\"\\"), Settings::default());
    assert_eq!(Settings::parse(b"/*"), Settings::default());
}

#[test]
fn decorators_are_calls_when_tsconfig_says_so_and_refused_otherwise() {
    let source = "const d = (c: any) => c;\n@d class A {}\n";
    let error = transform("a.ts", source, &Settings::default()).expect_err("V8 has no decorators");
    assert!(error.message.contains("a.ts:2:1") && error.message.contains("experimentalDecorators"), "{}", error.message);
    let settings = Settings::parse(b"{ \"compilerOptions\": { \"experimentalDecorators\": true } }");
    let (code, map) = transform("a.ts", source, &settings).expect("calls");
    assert!(!code.contains("@d"), "{code}");
    let line = code.lines().position(|line| line.contains("class A")).expect("the class") as u32 + 1;
    let column = code.lines().nth(line as usize - 1).and_then(|text| text.find("class A")).expect("in it") as u32 + 1;
    assert_eq!(map.original(line, column).map(|position| position.line), Some(2), "{code}");
}

#[test]
fn a_file_that_takes_for_ever_is_given_up() {
    // The parser reads what follows each "<" twice.
    let text = format!("x={}", "a<".repeat(20_000));
    let error = transform("slow.ts", &text, &Settings::default()).expect_err("in vain");
    assert!(error.message.contains("takes longer") || error.message.contains("SyntaxError"), "{}", error.message);
}

#[test]
fn one_text_imports_the_platform_only() {
    let builtin = |name: &str| (name == "node:path").then_some("node:path");
    let modules = compile(Origin::Text("index.js", b"import 'node:path'; import './x.js'; import 'y'"), &builtin).expect("one module");
    let target = |name: &str| modules[0].imports.iter().find(|(specifier, _)| **specifier == *name).map(|(_, target)| target.clone());
    assert_eq!(target("node:path"), Some(Import::Builtin("node:path".into())));
    assert!(matches!(target("./x.js"), Some(Import::Nothing(_))));
    assert!(compile(Origin::Text("a.json", b"{}"), &builtin).is_err());
    assert!(compile(Origin::Text("a.ts", b"\xff"), &builtin).is_err());
}
