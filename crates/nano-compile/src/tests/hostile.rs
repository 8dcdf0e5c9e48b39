//! How much stack a token costs: the bound that keeps a hostile file from overflowing one.

use crate::typescript::{STACK_BYTES_MIN, STACK_PER_TOKEN, Settings, run, tokens_at_most};

/// Programs that nest as deep as they are long: what is repeated, and what goes around it.
const SHAPES: &[(&str, &str, &str, &str, &str)] = &[
    ("brackets", "a.ts", "x=", "(", "1|)"),
    ("open brackets", "a.ts", "x=", "(", ""),
    ("arrays", "a.ts", "x=", "[", "|]"),
    ("open arrays", "a.ts", "x=", "[", ""),
    ("blocks", "a.ts", "", "{", "|}"),
    ("open blocks", "a.ts", "", "{", ""),
    ("objects", "a.ts", "x=", "{a:", "1|}"),
    ("calls", "a.ts", "x=", "f(", "|)"),
    ("not", "a.ts", "x=", "!", "1"),
    ("minus", "a.ts", "x=", "- ", "1"),
    ("typeof", "a.ts", "x=", "typeof ", "1"),
    ("await", "a.ts", "x=", "await ", "1"),
    ("new", "a.ts", "x=", "new ", "a"),
    ("sum", "a.ts", "x=1", "+1", ""),
    ("power", "a.ts", "x=1", "**1", ""),
    ("comma", "a.ts", "x=1", ",1", ""),
    ("member", "a.ts", "x=a", ".a", ""),
    ("call chain", "a.ts", "x=a", "()", ""),
    ("index chain", "a.ts", "x=a", "[0]", ""),
    ("non-null", "a.ts", "x=a", "!", ""),
    ("as", "a.ts", "x=a", " as b", ""),
    ("optional", "a.ts", "x=a", "?.a", ""),
    ("assign", "a.ts", "", "a=", "1"),
    ("arrows", "a.ts", "x=", "a=>", "1"),
    ("arrow brackets", "a.ts", "x=", "(a)=>", "1"),
    ("arrow bodies", "a.ts", "x=", "()=>{", "|}"),
    ("defaults", "a.ts", "x=", "(a=", "1|)=>1"),
    ("condition", "a.ts", "x=", "a?b:", "1"),
    ("condition inside", "a.ts", "x=", "a?", "1|:1"),
    ("if", "a.ts", "", "if(a)", ";"),
    ("else", "a.ts", "", "if(a);else ", ";"),
    ("labels", "a.ts", "", "a:", ";"),
    ("while", "a.ts", "", "while(a)", ";"),
    ("for", "a.ts", "", "for(;;)", ";"),
    ("functions", "a.ts", "", "function a(){", "|}"),
    ("classes", "a.ts", "x=", "class{a=", "1|}"),
    ("extends", "a.ts", "x=", "class extends ", "a|{}"),
    ("templates", "a.ts", "x=", "`${", "1|}`"),
    ("tagged", "a.ts", "x=a", "``", ""),
    ("spread", "a.ts", "x=", "[...", "a|]"),
    ("patterns", "a.ts", "let ", "[", "a|]"),
    ("import call", "a.ts", "x=", "import(", "a|)"),
    ("yield", "a.ts", "function*f(){", "yield ", "}"),
    ("types in brackets", "a.ts", "type A=", "(", "a|)"),
    ("open types", "a.ts", "type A=", "(", ""),
    ("tuples", "a.ts", "type A=", "[", "a|]"),
    ("array types", "a.ts", "type A=a", "[]", ""),
    ("generics", "a.ts", "type A=", "a<", "a|>"),
    ("keyof", "a.ts", "type A=", "keyof ", "a"),
    ("unions", "a.ts", "type A=a", "|a", ""),
    ("conditional types", "a.ts", "type A=", "a extends b?c:", "a"),
    ("function types", "a.ts", "type A=", "()=>", "a"),
    ("object types", "a.ts", "type A=", "{a:", "a|}"),
    ("type arguments", "a.ts", "x=", "a<", ""),
    ("casts", "a.ts", "x=", "<a>", "1"),
    ("namespaces", "a.ts", "", "namespace a{", "|}"),
    ("dotted namespaces", "a.ts", "namespace a", ".a", "{x=1}"),
    ("enums", "a.ts", "enum A{a=", "(", "1|)"),
    ("enum sum", "a.ts", "enum A{a=1", "+1", "}"),
    ("decorators", "a.ts", "", "@a ", "class A{}"),
    ("decorators in brackets", "a.ts", "", "@a(class{", "}) class A{}"),
    ("decorated classes", "a.ts", "x=", "@a class{a=", "1|}"),
    ("decorated members", "a.ts", "class A{", "@a ", "a:b}"),
    ("decorated parameters", "a.ts", "class A{a(", "@a ", "b:c){}}"),
    ("decorated types", "a.ts", "class A{@a a:", "b<", "c|>}"),
    ("decorated unions", "a.ts", "class A{@a a:b", "|c", "}"),
    ("elements", "a.tsx", "x=", "<a>", "|</a>"),
    ("open elements", "a.tsx", "x=", "<a>", ""),
    ("fragments", "a.tsx", "x=", "<>", "|</>"),
    ("containers", "a.tsx", "x=", "<a>{", "|}</a>"),
    ("attributes", "a.tsx", "x=", "<a b={", "1|}/>"),
    ("attribute elements", "a.tsx", "x=", "<a b=", "1|/>"),
    ("element names", "a.tsx", "x=<a", ".a", "/>"),
    ("in brackets and arrow", "a.ts", "x=", "(a=(", "1|))=>1"),
    ("async arrows", "a.ts", "x=", "async(a=", "1|)=>1"),
    ("angle or arrow", "a.ts", "x=", "<T>(", "1|)"),
    ("generic calls", "a.ts", "x=", "a<b>(", "|)"),
    ("condition and arrow", "a.ts", "x=", "a?(b):", "1"),
    ("condition, bracket", "a.ts", "x=", "a?(", "b|):c"),
];

/// A program of about `count` repetitions.
fn program(shape: &(&str, &str, &str, &str, &str), count: usize) -> String {
    let (_, _, before, repeated, after) = shape;
    let mut text = before.to_string() + &repeated.repeat(count);
    match after.split_once('|') {
        Some((middle, close)) => {
            text += middle;
            text += &close.repeat(count);
        }
        None => text += after,
    }
    text
}

/// The bytes of this thread's stack that were ever touched.
fn stack_used() -> usize {
    let local = 0_u8;
    let address = std::ptr::from_ref(&local).addr();
    let maps = std::fs::read_to_string("/proc/self/smaps").expect("linux");
    let mut inside = false;
    for line in maps.lines() {
        if let Some((from, to)) = line.split_once(' ').and_then(|(range, _)| range.split_once('-'))
            && let (Ok(from), Ok(to)) = (usize::from_str_radix(from, 16), usize::from_str_radix(to, 16))
        {
            inside = from <= address && address < to;
        } else if inside && let Some(rss) = line.strip_prefix("Rss:") {
            return rss.trim().trim_end_matches(" kB").parse::<usize>().expect("a number") << 10;
        }
    }
    panic!("the stack is mapped");
}

#[test]
fn no_token_costs_more_stack_than_is_given_for_it() {
    for (shape, decorators) in SHAPES.iter().flat_map(|shape| [(shape, false), (shape, true)]) {
        // The parser tries each `<` as two things, and what follows it again each time: the time limit is for this one.
        let count = if shape.0 == "type arguments" { 500 } else { 10_000 };
        // Each on a thread of its own, with far more stack than it should need.
        let (used, tokens) = std::thread::scope(|scope| {
            let thread = std::thread::Builder::new().stack_size(256 << 20);
            let work = || {
                let text = program(shape, count);
                let _ = run(shape.1, &text, &Settings { decorators, decorator_metadata: decorators, ..Settings::default() });
                (stack_used(), tokens_at_most(text.as_bytes()))
            };
            thread.spawn_scoped(scope, work).expect("a thread").join().expect("no panic")
        });
        if std::env::var_os("SHOW").is_some() {
            println!("{:24} {:6}", shape.0, used / tokens);
        }
        assert!(used < STACK_BYTES_MIN + tokens * STACK_PER_TOKEN, "{}: {used} bytes of stack for {tokens} tokens", shape.0);
    }
}
