//! node:url and node:querystring: what Node 20 answers to the same expressions.

use crate::support::*;

/// Expressions, and their values as JSON or the names and codes of their errors.
#[rustfmt::skip]
const ANSWERS: &[(&str, &str)] = &[
    (r##"url.parse('http://user:pw@www.ExAmPlE.com:80/p/a?q=1#h')"##, r##"{"protocol":"http:","slashes":true,"auth":"user:pw","host":"www.example.com:80","port":"80","hostname":"www.example.com","hash":"#h","search":"?q=1","query":"q=1","pathname":"/p/a","path":"/p/a?q=1","href":"http://user:pw@www.example.com:80/p/a?q=1#h"}"##),
    (r##"url.parse("http://x.com/path?that's#all, folks", true).query"##, r##"{"that's":""}"##),
    (r##"url.parse('//host/path').pathname"##, r##""//host/path""##),
    (r##"url.parse('//host/path', false, true).host"##, r##""host""##),
    (r##"url.parse('/a/b?c=d', true).query"##, r##"{"c":"d"}"##),
    (r##"url.parse('mailto:a@b?subject=x').href"##, r##""mailto:a@b?subject=x""##),
    (r##"url.parse('javascript:alert(1)').pathname"##, r##""alert(1)""##),
    (r##"url.parse('HTTP:\\\\evil\\foo').href"##, r##""http://evil/foo""##),
    (r##"url.parse('http://x.y.com+a/b').host"##, r##""x.y.com+a""##),
    (r##"url.parse('http://a.com:abc/').href"##, r##""http://a.com/:abc/""##),
    (r##"url.parse('http://[fe80::1]:8080/x').hostname"##, r##""fe80::1""##),
    (r##"url.parse('http://www.äöü.com').hostname"##, r##""www.xn--4ca0bs.com""##),
    (r##"url.parse('http://ａ.com').host"##, r##""a.com""##),
    (r##"url.parse('  http://a.com/b c ').href"##, r##""http://a.com/b%20c""##),
    (r##"url.parse('http://a.com/{a}^').path"##, r##""/%7Ba%7D%5E""##),
    (r##"url.parse('coap:u:p@::1:61616/.well-known').host"##, r##"":61616""##),
    (r##"url.parse('http://a@b@c/').auth"##, r##""a@b""##),
    (r##"url.parse('http://*:x/y').pathname"##, r##""/:x/y""##),
    (r##"url.parse('http://a%20b/').pathname"##, r##""%20b/""##),
    (r##"url.parse('HTTP:/a').host"##, r##""""##),
    (r##"url.parse('http://[a<b]/')"##, r##""TypeError ERR_INVALID_URL""##),
    (r##"url.parse('http://a%zz@b/')"##, r##""URIError ""##),
    (r##"url.parse(null)"##, r##""TypeError ERR_INVALID_ARG_TYPE""##),
    (r##"url.format({ protocol: 'http', hostname: '::1', port: 80, pathname: 'x' })"##, r##""http://[::1]:80/x""##),
    (r##"url.format({ pathname: '/a?b#c', search: 'x#y' })"##, r##""/a%3Fb%23c?x%23y""##),
    (r##"url.format({ hostname: 'a', auth: 'u:p@q', slashes: true })"##, r##""//u:p%40q@a""##),
    (r##"url.format({ protocol: 'file', pathname: '/x' })"##, r##""file:///x""##),
    (r##"url.format({ query: { a: [1, 2], b: 'c d' } })"##, r##""?a=1&a=2&b=c%20d""##),
    (r##"url.format(7)"##, r##""TypeError ERR_INVALID_ARG_TYPE""##),
    (r##"url.format(new URL('http://u:p@xn--lck1c3crb1723bpq4a.com/a?b#c'), { fragment: false, unicode: true, search: false, auth: false })"##, r##""http://理容ナカムラ.com/a""##),
    (r##"url.format(new URL('mailto:x@y?z#w'), { fragment: false })"##, r##""mailto:x@y?z""##),
    (r##"url.format(new URL('http://a'), 'x')"##, r##""TypeError ERR_INVALID_ARG_TYPE""##),
    (r##"url.resolve('/one/two/three', 'four')"##, r##""/one/two/four""##),
    (r##"url.resolve('http://example.com/', '/one')"##, r##""http://example.com/one""##),
    (r##"url.resolve('http://example.com/one', '../../two/./x/..')"##, r##""http://example.com/two/""##),
    (r##"url.resolve('http://a.com/b/c', '?q')"##, r##""http://a.com/b/c?q""##),
    (r##"url.resolve('http://u:p@a.com/b', '//b.com/c')"##, r##""http://b.com/c""##),
    (r##"url.resolve('mailto:user@domain', 'local')"##, r##""mailto:user@local""##),
    (r##"url.resolve('http://a.com/b', 'https:/p/a')"##, r##""https://p/a""##),
    (r##"url.resolve('foo/bar', '../../../baz')"##, r##""../../baz""##),
    (r##"url.resolve('http://a.com/b', 'javascript:1')"##, r##""javascript:1""##),
    (r##"url.resolve('fred:///s//a/b', '../g')"##, r##""fred:///s//g""##),
    (r##"url.resolve('.', '#h')"##, r##""#h""##),
    (r##"url.resolve('svn+ssh://foo/bar', '../baz')"##, r##""svn+ssh://baz""##),
    (r##"url.resolve('file:///C:/DEV/', '//host')"##, r##""file://host/""##),
    (r##"url.resolveObject('http://a.com/b/', '../c?d').path"##, r##""/c?d""##),
    (r##"url.domainToASCII('español.com')"##, r##""xn--espaol-zwa.com""##),
    (r##"url.domainToASCII('xn--iñvalid.com')"##, r##""""##),
    (r##"url.domainToUnicode('xn--fsq092h.com')"##, r##""示例.com""##),
    (r##"url.domainToASCII()"##, r##""TypeError ERR_MISSING_ARGS""##),
    (r##"url.pathToFileURL('/a b%c?d#e\\f\n/').href"##, r##""file:///a%20b%25c%3Fd%23e%5Cf%0A/""##),
    (r##"url.pathToFileURL('\\\\server\\share\\x', { windows: true }).href"##, r##""file://server/share/x""##),
    (r##"url.pathToFileURL('C:\\a\\b', { windows: true }).href"##, r##""file:///C:/a/b""##),
    (r##"url.pathToFileURL(1)"##, r##""TypeError ERR_INVALID_ARG_TYPE""##),
    (r##"url.fileURLToPath('file:///a%20b?c')"##, r##""/a b""##),
    (r##"url.fileURLToPath(new URL('file:///C:/x'), { windows: true })"##, r##""C:\\x""##),
    (r##"url.fileURLToPath('file://host/a')"##, r##""TypeError ERR_INVALID_FILE_URL_HOST""##),
    (r##"url.fileURLToPath('file:///a%2Fb')"##, r##""TypeError ERR_INVALID_FILE_URL_PATH""##),
    (r##"url.fileURLToPath('http://a')"##, r##""TypeError ERR_INVALID_URL_SCHEME""##),
    (r##"url.fileURLToPath('x')"##, r##""TypeError ERR_INVALID_URL""##),
    (r##"url.urlToHttpOptions(new URL('http://u:p%20@[::1]:81/x?y#z'))"##, r##"{"protocol":"http:","hostname":"::1","hash":"#z","search":"?y","pathname":"/x","path":"/x?y","href":"http://u:p%20@[::1]:81/x?y#z","port":81,"auth":"u:p "}"##),
    (r##"[url.URL === URL, url.URLSearchParams === URLSearchParams, url.parse('a') instanceof url.Url, url.parse('http://a/b').resolve('c')]"##, r##"[true,true,true,"http://a/c"]"##),
    (r##"qs.parse('foo=bar&abc=xyz&abc=123&a+b=%20c&&=x&e')"##, r##"{"foo":"bar","abc":["xyz","123"],"a b":" c","":"x","e":""}"##),
    (r##"qs.parse('a:1;b:2', ';', ':')"##, r##"{"a":"1","b":"2"}"##),
    (r##"qs.parse('a:::b;;;c', ';;;', ':::')"##, r##"{"a":"b","c":""}"##),
    (r##"qs.parse('a&&b&c', null, null, { maxKeys: 2 })"##, r##"{"a":""}"##),
    (r##"qs.parse('x&'.repeat(2000)).x.length"##, r##"1000"##),
    (r##"qs.parse('x&'.repeat(2000), '&', '=', { maxKeys: 0 }).x.length"##, r##"2000"##),
    (r##"qs.parse('%zz€=1%41&é=%E9')"##, r##"{"%zz€":"1A","é":"�"}"##),
    (r##"qs.parse('a=1+2', null, null, { decodeURIComponent: (s) => '<' + s + '>' })"##, r##"{"<a>":"<1%202>"}"##),
    (r##"qs.parse('a=%41+b', null, null, { decodeURIComponent: () => { throw 1; } })"##, r##"{"a":"A b"}"##),
    (r##"[Object.getPrototypeOf(qs.parse('a')) === null, qs.parse(7), '__proto__' in qs.parse('__proto__=1')]"##, r##"[true,{},true]"##),
    (r##"qs.stringify({ foo: 'bar', baz: ['qux', 'quux'], corge: '', none: [], n: null, u: undefined, i: Infinity, g: 10n, t: true, e: 1e21, o: {} })"##, r##""foo=bar&baz=qux&baz=quux&corge=&n=&u=&i=&g=10&t=true&e=1e%2B21&o=""##),
    (r##"qs.stringify({ a: 'b c', d: "!'()*~" }, ';', ':')"##, r##""a:b%20c;d:!'()*~""##),
    (r##"qs.stringify({ a: '', b: 1 }, null, null, { encodeURIComponent: (s) => '<' + s + '>' })"##, r##""<a>=<>&<b>=<1>""##),
    (r##"qs.stringify('x')"##, r##""""##),
    (r##"qs.escape({ toString: () => 'q q' })"##, r##""q%20q""##),
    (r##"qs.escape('a\ud800b')"##, r##""a%F0%90%81%A2""##),
    (r##"qs.escape('\ud800')"##, r##""URIError ERR_INVALID_URI""##),
    (r##"qs.unescape('a%20b+%zz%ff')"##, r##""a b+%zz�""##),
    (r##"[...qs.unescapeBuffer('a%41%')]"##, r##"[97,65,37]"##),
    (r##"[qs.encode === qs.stringify, qs.decode === qs.parse]"##, r##"[true,true]"##),
    (r##"(() => { const before = qs.escape; try { qs.escape = (s) => '~' + s; return qs.stringify({ a: 'b' }); } finally { qs.escape = before; } })()"##, r##""~a=~b""##),
];

#[test]
fn urls_and_query_strings_are_what_they_are_in_node() {
    let rows: Vec<String> = ANSWERS.iter().map(|(expression, _)| format!("() => ({expression})")).collect();
    let source = format!(
        "import url, {{ parse }} from 'node:url'; import qs, {{ stringify }} from 'querystring';
        const rows = [{}];
        export default {{ fetch() {{
            if (parse !== url.parse || stringify !== qs.stringify) throw new Error('names');
            return new Response(rows.map((row) => {{
                try {{ return JSON.stringify(row()); }} catch (e) {{ return JSON.stringify(`${{e.name}} ${{e.code ?? ''}}`); }}
            }}).join(String.fromCharCode(10)));
        }} }}",
        rows.join(",\n")
    );
    let mut options = options("node", &source);
    options.limits.cpu_ms = 5_000;
    let runtime = runtime(1);
    let answers = text(&runtime.load(options).expect("loads"), "/");
    assert_eq!(answers.lines().count(), ANSWERS.len());
    for ((expression, expected), answer) in ANSWERS.iter().zip(answers.lines()) {
        assert_eq!(answer, *expected, "{expression}");
    }
}

#[test]
fn an_app_that_patched_everything_reads_urls_all_the_same() {
    let source = "import url from 'node:url'; import qs from 'node:querystring';
        const { ownKeys, defineProperty } = Reflect;
        const broken = () => { throw new Error('patched'); };
        const prototypes = [String.prototype, RegExp.prototype, Array.prototype];
        for (let i = 0; i < prototypes.length; i++) {
            const keys = ownKeys(prototypes[i]);
            for (let j = 0; j < keys.length; j++) {
                if (keys[j] !== 'constructor' && keys[j] !== 'length') defineProperty(prototypes[i], keys[j], { value: broken });
            }
        }
        export default { fetch() {
            return new Response(url.resolve('http://u:p@a.com/b/c?d', '../e?f#g') + ' ' + qs.stringify(qs.parse('a=1&a=2&b=%20')) + ' ' +
                url.fileURLToPath('file:///x') + ' ' + url.pathToFileURL('/y z').href + ' ' + url.format(new URL('http://a/b#c'), { fragment: false }));
        } }";
    let runtime = runtime(1);
    let app = load(&runtime, "patched", source);
    assert_eq!(text(&app, "/"), "http://u:p@a.com/e?f#g a=1&a=2&b=%20 /x file:///y%20z http://a/b");
}
