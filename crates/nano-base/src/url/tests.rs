use super::*;

fn href(input: &str, base: Option<&str>) -> Option<String> {
    let base = base.map(|base| Url::parse(base, None).expect("a base"));
    Url::parse(input, base.as_ref()).map(|url| url.href())
}

fn set(input: &str, part: Part, value: &str) -> String {
    let mut url = Url::parse(input, None).expect("a URL");
    let _ = url.set(part, value);
    url.href()
}

#[test]
fn absolute_urls_are_normalized() {
    let table = [
        (" HTTP://User:pa@ss@EXAMPLE.com:80/a/./b/%2E%2e/c?q='#f ", "http://User:pa%40ss@example.com/a/c?q=%27#f"),
        ("https:example.com:8080", "https://example.com:8080/"),
        ("http:\\\\a\\b", "http://a/b"),
        ("ht\ntp://a\t/b", "http://a/b"),
        ("foo:a b?c", "foo:a b?c"),
        ("foo://h?q", "foo://h?q"),
        ("foo:/.//p", "foo:/.//p"),
        ("file:c|/a/../../..", "file:///c:/"),
        ("file://localhost/x", "file:///x"),
        ("http://0x7f.1/", "http://127.0.0.1/"),
        ("http://[1:0:0:0:0:0:0:1]/", "http://[1::1]/"),
        ("http://[::127.0.0.1]/", "http://[::7f00:1]/"),
        ("http://[2001:db8::]/", "http://[2001:db8::]/"),
        ("http://fa\u{df}.de/\u{e9}", "http://xn--fa-hia.de/%C3%A9"),
        // Names in ASCII are not decoded; a space in front of a mark would be trimmed without it.
        ("https://XN--A.xn--1ug/", "https://xn--a.xn--1ug/"),
        ("foo:a  ?b", "foo:a %20?b"),
        ("foo:a  #b", "foo:a %20#b"),
        ("foo:a  ", "foo:a"),
    ];
    for (input, expected) in table {
        assert_eq!(href(input, None).as_deref(), Some(expected), "{input}");
    }
}

#[test]
fn a_url_written_out_says_where_its_parts_are() {
    for input in [
        "https://user:pass@example.com:8080/a/b?q=1#f",
        "https://user@example.com/",
        "https://:pass@[::1]/?#",
        "http://example.com",
        "file:///c:/x#f",
        "web+x:/.//p?q",
        "mailto:a@b.c",
        "foo://h",
    ] {
        let url = Url::parse(input, None).expect("a URL");
        let Written { href, places } = url.written();
        let [protocol, username, password, host, hostname_end, host_end, path, query, fragment] = places;
        let part = |start: usize, end: usize| href.get(start..end).unwrap_or_default();
        assert_eq!(part(0, protocol), format!("{}:", url.scheme()), "{input}");
        assert_eq!(part(protocol + 2, username), url.username(), "{input}");
        assert_eq!(part(username + 1, password), url.password(), "{input}");
        assert_eq!(part(host, hostname_end), url.hostname().unwrap_or_default(), "{input}");
        assert_eq!(part(host, host_end), url.host(), "{input}");
        assert_eq!(part(hostname_end + 1, host_end), url.port().map(|port| port.to_string()).unwrap_or_default(), "{input}");
        assert_eq!(part(path, query), url.path(), "{input}");
        assert_eq!(part(query + 1, fragment), url.query().unwrap_or_default(), "{input}");
        assert_eq!(part(fragment + 1, href.len()), url.fragment().unwrap_or_default(), "{input}");
        assert_eq!(Url::parse(&href, None), Some(url), "{input}");
    }
}

#[test]
fn what_looks_plain_is_its_own_serialization() {
    let plain =
        ["http://a/", "https://www.example.com/a/b.c/~d?x=%20&y#z?", "http://localhost:8080/", "https://a.b:80/?#", "http://a..b//"];
    for input in plain {
        assert!(Url::places_if_plain(input).is_some(), "{input}");
    }
    // Whatever pieces it is made of: either a glance does not tell, or it tells what the parser would.
    let pieces = [
        "http://", "https://", "ftp://", "h", "Z", "a.b", "1", "0x1", ".", "..", "%2e", "xn--", "-", ":", "80", "443", "08", "65536", "/",
        "\\", "?", "#", "@", " ", "\t", "'", "\"", "%", "%41", "~", "|", "^", "\u{e9}", "[::1]", "+",
    ];
    let mut state = 1_u64;
    let mut told = 0;
    for _ in 0..200_000 {
        let mut next = |bound: usize| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as usize % bound
        };
        let mut input = String::from(["http://", "https://", "http://a.b/", "https://a.b:80"][next(4)]);
        for _ in 0..next(7) {
            input.push_str(pieces[next(pieces.len())]);
        }
        if let Some(places) = Url::places_if_plain(&input) {
            told += 1;
            let written = Url::parse(&input, None).map(|url| url.written());
            assert_eq!(written, Some(Written { href: input, places }));
        }
    }
    assert!(told > 1_000, "{told}");
}

#[test]
fn what_is_no_url_is_refused() {
    for input in [
        "",
        "a",
        "http://",
        "http://a b",
        "http://a:b",
        "http://a:65536",
        "http://[1::2::3]",
        "http://[:1]",
        "http://1.2.3.256",
        "http://@",
    ] {
        assert_eq!(href(input, None), None, "{input}");
    }
}

#[test]
fn relative_urls_follow_their_base() {
    let table = [
        ("../c?x", "http://u@h:1/a/b?q#f", "http://u@h:1/c?x"),
        ("", "http://h/a?q#f", "http://h/a?q"),
        ("#x", "mailto:a", "mailto:a#x"),
        ("//other", "https://h/a", "https://other/"),
        ("/x", "foo://h/a/b", "foo://h/x"),
        ("x", "file:///C:/a", "file:///C:/x"),
        ("/x", "file:///C:/a", "file:///C:/x"),
        ("/D:/x", "file:///C:/a", "file:///D:/x"),
    ];
    for (input, base, expected) in table {
        assert_eq!(href(input, Some(base)).as_deref(), Some(expected), "{input} on {base}");
    }
    assert_eq!(href("x", Some("mailto:a")), None);
}

#[test]
fn setters_keep_what_they_cannot_change() {
    assert_eq!(set("http://a:1/", Part::Protocol, "https"), "https://a:1/");
    assert_eq!(set("http://a:443/", Part::Protocol, "https:x"), "https://a/");
    assert_eq!(set("http://a/", Part::Protocol, "foo"), "http://a/");
    assert_eq!(set("http://a/", Part::Host, "b:81x"), "http://b:81/");
    assert_eq!(set("http://a/", Part::Hostname, "b:81"), "http://a/");
    assert_eq!(set("http://a:1/", Part::Port, "70000"), "http://a:1/");
    assert_eq!(set("foo://h/a", Part::Pathname, ""), "foo://h");
    assert_eq!(set("http://a/", Part::Pathname, "?#"), "http://a/%3F%23");
    assert_eq!(set("mailto:a", Part::Username, "x"), "mailto:a");
    assert_eq!(set("http://a/?b#c", Part::Search, ""), "http://a/#c");
    assert_eq!(set("http://a/?b#c", Part::Hash, "#d"), "http://a/?b#d");
}

#[test]
fn any_text_is_parsed_or_refused() {
    // Every way to cut pieces together that parsers stumble over.
    let pieces = ["file:", "http:", "a:", "/", "//", "\\", "@", ":", "[", "]", "?", "#", "c|", "..", "%2e", "1", "\u{e9}", " ", "0x"];
    let mut state = 7_u32;
    let base = Url::parse("file:///C:/a", None);
    for _ in 0..200_000 {
        let mut text = String::new();
        for _ in 0..(state % 9) {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            text.push_str(pieces[(state >> 16) as usize % pieces.len()]);
        }
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        if let Some(url) = Url::parse(&text, base.as_ref()) {
            let href = url.href();
            let again = Url::parse(&href, None).unwrap_or_else(|| panic!("{text:?} became {href:?}, which is no URL"));
            assert_eq!(again.href(), href, "{text:?}");
        }
    }
}

#[test]
fn a_name_that_is_decoded_has_to_be_valid() {
    for input in ["https://xn--a.\u{df}/", "https://xn--te\u{161}la/", "https://\u{200d}.example/", "https://%C3%9F.xn--1ug/"] {
        assert_eq!(href(input, None), None, "{input}");
    }
}

#[test]
fn an_opaque_path_stays_what_it_is_when_its_query_goes() {
    assert_eq!(set("foo:a  ?b", Part::Search, ""), "foo:a %20");
    assert_eq!(set("foo:a  ?b#c", Part::Hash, ""), "foo:a %20?b");
}
