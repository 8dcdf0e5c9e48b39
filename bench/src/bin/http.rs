//! A server for others to measure: apps behind the built-in listener until standard input ends.
//!
//! http SHARDS APPS: prints the address, then serves. Every app answers GET with a short text and POST with its own JSON body;
//! with one app every request is its own, with more they are told apart by Host: app0.test, app1.test, ...

use std::collections::HashMap;
use std::io::Read;
use std::sync::Arc;

use nano_bench::runtime;
use nano_core::{App, AppOptions, ListenLimits, ListenOptions, Route, Router, Source};

const SOURCE: &str = "export default { async fetch(request) {
    if (request.method === 'POST') return Response.json(await request.json());
    return new Response('Hello, world!');
} };\n";

struct ByHost(HashMap<String, App>);

impl Router for ByHost {
    fn route(&self, host: &str, _: &str) -> Route {
        self.0.get(host).map_or(Route::Nobody, |app| Route::App(app.clone()))
    }
}

fn main() {
    let mut arguments = std::env::args().skip(1).map(|text| text.parse::<u32>().expect("a number"));
    let (shards, count) = (arguments.next().unwrap_or(1), arguments.next().unwrap_or(1));
    let runtime = runtime(shards, 0);
    let load = |name: &str| runtime.load(AppOptions::new(name, Source::Text(SOURCE.into()))).expect("the app loads");
    let router: Arc<dyn Router> = match count {
        1 => Arc::new(load("hello")),
        count => Arc::new(ByHost((0..count).map(|n| format!("app{n}.test")).map(|name| (name.clone(), load(&name))).collect())),
    };
    let options = ListenOptions { address: "127.0.0.1:0".into(), router, limits: ListenLimits::default(), tls: None };
    let listener = runtime.listen(options).expect("a free port");
    println!("{}", listener.address());
    std::io::stdin().read_to_end(&mut Vec::new()).expect("standard input");
}
