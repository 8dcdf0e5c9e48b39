//! URLPattern, beside the 369 cases of the Web Platform Tests, which are not in this repository.

use crate::support::*;

/// What an app's `run()` returns, as JSON.
fn run(name: &str, body: &str) -> String {
    let runtime = runtime(1);
    let app = load(&runtime, name, &format!("{body}\nexport default {{ async fetch() {{ return Response.json(await run()); }} }}"));
    text(&app, "/")
}

#[test]
fn a_pattern_matches_and_names_what_it_matched() {
    let source = r#"function run() {
        const pattern = new URLPattern({ pathname: '/users/:id/:rest*' });
        const found = pattern.exec('https://example.com/users/42/a/b?q#h');
        const none = pattern.exec('https://example.com/posts/1');
        return [found.pathname.groups, found.pathname.input, found.hostname.groups, found.search.input, found.inputs, none,
            pattern.pathname, pattern.hostname, pattern.test({ pathname: '/users/1' }), pattern.test()];
    }"#;
    assert_eq!(
        run("named", source),
        r#"[{"id":"42","rest":"a/b"},"/users/42/a/b",{"0":"example.com"},"q",["https://example.com/users/42/a/b?q#h"],null,"/users/:id/:rest*","*",true,false]"#
    );
}

#[test]
fn the_constructor_takes_strings_bases_dictionaries_and_options() {
    let source = r#"function run() {
        const of = (p) => [p.protocol, p.username, p.password, p.hostname, p.port, p.pathname, p.search, p.hash].join(' | ');
        const fails = (...args) => { try { return of(new URLPattern(...args)); } catch (e) { return e.constructor === TypeError; } };
        return [
            of(new URLPattern()),
            of(new URLPattern('https://{sub.}?example.com:443/books/:id?x=*#top')),
            of(new URLPattern('../c/*', 'https://u:p@example.com/a/b?x#y')),
            of(new URLPattern({ pathname: 'Stra\u00dfe', hostname: '\u00fc.example', baseURL: 'https://a.test/b/' })),
            of(new URLPattern('data\\:text/:type')),
            new URLPattern('/A', 'https://a.test', { ignoreCase: true }).test('https://a.test/a'),
            new URLPattern({ pathname: '/A' }, { ignoreCase: true }).test('/a', 'https://a.test'),
            new URLPattern({ pathname: '/A' }).test('/a', 'https://a.test'),
            fails('/relative'), fails({ pathname: '(' }), fails({ pathname: '/:a/:a' }), fails({ pathname: '(\\m)' }),
            fails({ hostname: 'a b' }), fails({ port: '100000' }), fails({}, 'https://a.test'), fails('https://a', {}, 1),
            fails(Symbol()), URLPattern.length, Object.prototype.toString.call(new URLPattern()),
        ];
    }"#;
    assert_eq!(
        run("constructor", source),
        concat!(
            r#"["* | * | * | * | * | * | * | *","https | * | * | {sub.}?example.com |  | /books/:id?x=* |  | top","#,
            r#""https | * | * | example.com |  | /c/* | * | *","https | * | * | xn--tda.example | * | /b/Stra%C3%9Fe | * | *","#,
            r#""data | * | * |  |  | text/:type | * | *",true,true,false,true,true,true,true,true,true,true,true,true,0,"[object URLPattern]"]"#
        )
    );
}

#[test]
fn groups_written_as_regular_expressions_are_known() {
    let source = r#"function run() {
        return [{}, { pathname: '/*' }, { pathname: '/:a' }, { pathname: '/:a(.*)' }, { pathname: '/:a(\\d+)' }, { hash: '([a-z])' },
            { search: '{a}?' }, { hostname: '([^\\.]+?)' }, { port: '(80|90)' }].map((init) => new URLPattern(init).hasRegExpGroups);
    }"#;
    assert_eq!(run("groups", source), "[false,false,false,false,true,true,false,false,true]");
}

#[test]
fn regular_expressions_are_javascripts_with_the_v_flag() {
    let source = r#"function run() {
        const letters = new URLPattern({ pathname: '/([\\p{L}--[a-z]])' });
        return [letters.test({ pathname: '/A' }), letters.test({ pathname: '/a' })];
    }"#;
    assert_eq!(run("v", source), "[true,false]");
}

#[test]
fn an_app_that_patched_everything_gets_the_same_answers() {
    let source = r#"
        const broken = () => { throw new Error('patched'); };
        const { ownKeys, defineProperty } = Reflect;
        const prototypes = [String.prototype, RegExp.prototype, Array.prototype, Set.prototype, Map.prototype];
        for (let i = 0; i < prototypes.length; i++) {
            const keys = ownKeys(prototypes[i]);
            for (let j = 0; j < keys.length; j++) {
                if (keys[j] !== 'constructor' && keys[j] !== 'length') defineProperty(prototypes[i], keys[j], { value: broken });
            }
        }
        Object.defineProperty(Object.prototype, 'baseURL', { get: broken });
        Object.defineProperty(Object.prototype, 'groups', { set: broken, get: broken });
        globalThis.RegExp = broken;
        function run() {
            const init = Object.create(null);
            init.pathname = '/:__proto__/:b(\\d+)+';
            init.hostname = '{a.}?b';
            const found = new URLPattern(init).exec('https://b/x/12');
            const groups = found.pathname.groups;
            return [Object.getOwnPropertyDescriptor(groups, '__proto__').value, groups.b, Object.getPrototypeOf(groups) === Object.prototype];
        }"#;
    assert_eq!(run("patched", source), r#"["x","12",true]"#);
}

#[test]
fn a_pattern_that_backtracks_for_ever_costs_its_own_app_alone() {
    let runtime = runtime(1);
    let source = r#"export default { fetch(request) {
        if (request.url.endsWith('/ok')) return new Response('ok');
        return new Response(new URLPattern({ pathname: '/((?:a+)+)b' }).test({ pathname: '/' + 'a'.repeat(64) }));
    } }"#;
    let app = load(&runtime, "backtracking", source);
    assert_eq!(fetch(&app, "/").expect_err("is stopped").status, nano_core::Status::CpuLimit);
    assert_eq!(text(&app, "/ok"), "ok");
}
