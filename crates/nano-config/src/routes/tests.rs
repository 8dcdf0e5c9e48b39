//! The table against its words, and against a matcher that tries every route.

use nano_base::dice::Dice;

use super::*;
use crate::routes::{Dialect, Path};

fn routes(texts: &[&str]) -> Vec<Route> {
    texts.iter().flat_map(|text| Route::parse(text, Dialect::Nano).expect("a route")).collect()
}

/// A table of apps `a`, `b`, ..., each with the file `X/nano.toml`.
fn table(apps: &[(&str, &[&str], bool)], conventions: Conventions) -> (Routes, Vec<String>) {
    let routes: Vec<Vec<Route>> = apps.iter().map(|app| routes(app.1)).collect();
    let files: Vec<String> = apps.iter().map(|app| format!("{}/nano.toml", app.0)).collect();
    let claims: Vec<Claim<'_>> =
        (0..apps.len()).map(|i| Claim { name: apps[i].0, file: &files[i], routes: &routes[i], default: apps[i].2, places: &[] }).collect();
    let (table, findings) = Routes::build(&claims, conventions);
    (table, findings.iter().map(ToString::to_string).collect())
}

#[test]
fn the_more_exact_route_decides() {
    let (table, findings) = table(
        &[
            ("site", &["example.com"], false),
            ("api", &["example.com/api"], false),
            ("v2", &["example.com/api/v2*"], false),
            ("wild", &["*.example.com"], false),
            ("deep", &["*.eu.example.com"], false),
            ("port", &[":9000"], false),
            ("paths", &["/health"], false),
            ("rest", &[], true),
        ],
        Conventions::default(),
    );
    assert_eq!(findings, Vec::<String>::new());
    let cases = [
        ("example.com", 80, "/", "site"),
        ("EXAMPLE.COM.:8080", 80, "/x?y=/api", "site"),
        ("example.com", 80, "/api", "api"),
        ("example.com", 80, "/api/x", "api"),
        ("example.com", 80, "/apix", "site"),
        ("example.com", 80, "/api/v2x", "v2"),
        ("example.com", 80, "/api/v", "api"),
        ("example.com", 80, "/api?v2", "api"),
        ("example.com", 80, "*", "site"),
        ("example.com", 80, "", "site"),
        ("a.example.com", 80, "/", "wild"),
        ("b.a.example.com", 80, "/", "wild"),
        (".example.com", 80, "/", "rest"),
        ("eu.example.com", 80, "/", "wild"),
        ("x.eu.example.com", 80, "/", "deep"),
        ("notexample.com", 80, "/", "rest"),
        ("example.com", 9000, "/api", "port"),
        ("other.org", 80, "/health", "paths"),
        ("other.org", 80, "/healthy", "rest"),
        ("v2.localhost:8787", 80, "/", "v2"),
        ("V2.LocalHost", 80, "/", "v2"),
        ("", 80, "/", "rest"),
        ("[::1]:80", 80, "/", "rest"),
    ];
    let names = ["site", "api", "v2", "wild", "deep", "port", "paths", "rest"];
    for (host, port, path, expected) in cases {
        assert_eq!(table.find(host, port, path).map(|app| names[app as usize]), Some(expected), "{host} {port} {path}");
    }
    assert_eq!(table.find(&format!("{}.example.com", "a".repeat(300)), 80, "/"), Some(7), "longer than a name can be");
    assert_eq!(table.ports(), [9000]);
}

#[test]
fn two_apps_cannot_have_the_same() {
    let (table, findings) = table(
        &[("a", &["x.com/p", "x.com/p"], true), ("b", &["X.com/p/", "y.com"], true), ("c", &["x.com/p*"], false)],
        Conventions::default(),
    );
    assert_eq!(
        findings,
        [
            "b/nano.toml: error: x.com/p is claimed by \"a\" already, in a/nano.toml (\"b\" does not get it: change one of the two)",
            "b/nano.toml: error: default = true is claimed by \"a\" already, in a/nano.toml (\"b\" does not get it: change one of the two)",
        ]
    );
    assert_eq!(table.find("x.com", 80, "/p/q"), Some(0));
    assert_eq!(table.find("y.com", 80, "/"), Some(1));
    assert_eq!(table.find("z.com", 80, "/"), Some(0));
}

#[test]
fn a_convention_gives_way_to_a_claim() {
    let apps: [(&str, &[&str], bool); 4] =
        [("a", &[], false), ("b", &["a.localhost"], false), ("B", &[], false), ("my_app.v2", &[], false)];
    let (with, findings) = table(&apps, Conventions::default());
    assert_eq!(
        findings,
        ["B/nano.toml: error: b.localhost is claimed by \"b\" already, in b/nano.toml (\"B\" does not get it: change one of the two)"]
    );
    assert_eq!(with.find("a.localhost", 80, "/"), Some(1));
    assert_eq!(with.find("b.localhost", 80, "/"), Some(1), "of two names that differ in case the first one has it");
    assert_eq!(with.find("my_app.v2.localhost", 80, "/"), Some(3));
    let (without, _) = table(&apps, Conventions { localhost: false, alone: false });
    assert_eq!(without.find("b.localhost", 80, "/"), None);
}

#[test]
fn an_app_alone_answers_everything() {
    let (alone, _) = table(&[("a", &["x.com"], false)], Conventions::default());
    assert_eq!(alone.find("y.com", 80, "/"), Some(0));
    let (strict, _) = table(&[("a", &["x.com"], false)], Conventions { alone: false, ..Conventions::default() });
    assert_eq!(strict.find("y.com", 80, "/"), None);
}

#[test]
fn a_route_that_names_no_host_names_none() {
    let apps: [(&str, &[&str], bool); 3] =
        [("a", &["/api", ":9000", "*"], true), ("b", &["x.com/b", "*.y.com:81"], false), ("c", &["x.com:9000/c"], false)];
    let (table, _) = table(&apps, Conventions::default());
    let cases = [
        ("evil.example", 80, "/api", None),
        ("evil.example", 9000, "/", None),
        ("", 80, "/api", None),
        ("x.com", 80, "/b", Some(1)),
        ("x.com", 80, "/api", None),
        ("x.com", 9000, "/b", Some(1)),
        ("x.com", 9000, "/c", Some(2)),
        ("a.y.com", 81, "/", Some(1)),
        ("A.localhost:80", 80, "/", Some(0)),
    ];
    for (host, port, path, expected) in cases {
        assert_eq!(table.find_named(host, port, path), expected, "{host} {port} {path}");
    }
    for (host, expected) in
        [("x.com", true), ("X.com.:1", true), ("b.a.y.com", true), ("y.com", false), ("evil.example", false), ("", false)]
    {
        assert_eq!(table.names(host), expected, "{host}");
    }
}

/// What the module says, word by word.
fn naive(claims: &[Vec<Route>], host: &str, port: u16, path: &str) -> Option<u32> {
    let host = host.split(':').next().unwrap_or("").to_lowercase();
    let host = host.strip_suffix('.').unwrap_or(&host);
    let path = path.split(['?', '#']).next().unwrap_or("");
    let mut best: Option<((bool, usize, usize, PathKind), u32)> = None;
    for (app, routes) in (0..).zip(claims) {
        for route in routes {
            let rank = match &route.host {
                Host::Any => 0,
                Host::Below(suffix) => match host.strip_suffix(&format!(".{suffix}")) {
                    Some(front) if !front.is_empty() && !front.ends_with('.') => suffix.len(),
                    _ => continue,
                },
                Host::Exact(exact) if exact == host => usize::MAX,
                Host::Exact(_) => continue,
            };
            if route.port.is_some_and(|wanted| wanted != port) || !route.path.matches(path) {
                continue;
            }
            let rank = (route.port.is_some(), rank, route.path.text.len(), route.path.kind);
            if best.is_none_or(|(other, _)| rank > other) {
                best = Some((rank, app));
            }
        }
    }
    best.map(|(_, app)| app)
}

#[test]
fn the_table_agrees_with_trying_every_route() {
    let mut found = 0;
    for seed in 0..300 {
        let mut dice = Dice::new(seed);
        let mut pick = |list: &[&'static str]| list[dice.roll() as usize % list.len()];
        let mut host = || (0..1 + pick(&["a", "aa"]).len()).map(|_| pick(&["a", "b", "ab"])).collect::<Vec<_>>().join(".");
        let hosts: Vec<String> = (0..40).map(|_| host()).collect();
        let mut path =
            || format!("/{}", (0..pick(&["", "a", "ab", "abc"]).len()).map(|_| pick(&["a", "b", "/", "ab"])).collect::<String>());
        let paths: Vec<String> = (0..40).map(|_| path()).collect();
        let mut dice = Dice::new(!seed);
        let mut number = |below: usize| dice.roll() as usize % below;
        let mut claims: Vec<Vec<Route>> = (0..1 + number(12))
            .map(|_| {
                (0..number(5))
                    .map(|_| {
                        let host = hosts[number(40)].clone();
                        Route {
                            host: [Host::Any, Host::Below(host.clone()), Host::Exact(host)][number(3)].clone(),
                            port: [None, None, Some(1), Some(2)][number(4)],
                            path: Path {
                                text: paths[number(40)].clone(),
                                kind: [PathKind::Starts, PathKind::Under, PathKind::Exact][number(3)],
                            },
                        }
                    })
                    .collect()
            })
            .collect();
        // Of two equal routes the table keeps the first; so does the naive one, which asks for more.
        claims.iter_mut().for_each(|routes| routes.dedup());
        let list: Vec<Claim<'_>> = claims.iter().map(|routes| Claim { name: "", file: "", routes, default: false, places: &[] }).collect();
        let (table, _) = Routes::build(&list, Conventions { localhost: false, alone: false });
        for _ in 0..100 {
            let host = format!("{}{}", hosts[number(40)].to_uppercase(), ["", ".", ":80", ".:80"][number(4)]);
            let path = format!("{}{}", paths[number(40)], ["", "?/a", "#b", "/"][number(4)]);
            let port = number(3) as u16;
            let expected = naive(&claims, &host, port, &path);
            assert_eq!(table.find(&host, port, &path), expected, "seed {seed}: {host} {port} {path} in {claims:?}");
            found += usize::from(expected.is_some());
        }
    }
    assert!(found > 5_000, "the cases are no use if nothing matches: {found}");
}

#[test]
fn a_thousand_apps_are_found_by_host_and_by_path() {
    let names: Vec<String> = (0..1_000).map(|i| format!("app-{i}")).collect();
    let routes: Vec<Vec<Route>> = names.iter().map(|name| routes(&[&format!("{name}.example.com"), &format!("/{name}")])).collect();
    let claims: Vec<Claim<'_>> =
        names.iter().zip(&routes).map(|(name, routes)| Claim { name, file: "", routes, default: false, places: &[] }).collect();
    let (table, findings) = Routes::build(&claims, Conventions::default());
    assert_eq!(findings, []);
    for (index, name) in (0..).zip(&names) {
        for (host, path) in
            [(format!("{name}.example.com"), "/".into()), ("x".into(), format!("/{name}/y")), (format!("{name}.localhost"), "/".into())]
        {
            assert_eq!(table.find(&host, 80, &path), Some(index), "{host} {path}");
        }
    }
    // What a stranger sends is bounded by its length, not by the table: no answer, and no time.
    assert_eq!(table.find(&"a.".repeat(120), 80, &"/".repeat(16_000)), None);
}
