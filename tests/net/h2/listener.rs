//! A listener for tools that test servers of HTTP/2: in the clear by prior knowledge, and with TLS. Its addresses are its first lines; it ends
//! with its input.

use std::io::Read;
use std::sync::Arc;

use nano_core::{AppOptions, Certificate, ListenLimits, ListenOptions, Runtime, RuntimeOptions, Source, TlsOptions};

const SOURCE: &str = r#"export default { async fetch(request) {
    const url = new URL(request.url);
    if (url.pathname === '/echo') return new Response(request.body, { headers: { 'x-method': request.method } });
    if (url.pathname === '/large') return new Response('x'.repeat(1 << 20));
    if (url.pathname === '/stream') return new Response(new ReadableStream({
        n: 0,
        pull(controller) { this.n++ < 64 ? controller.enqueue(new TextEncoder().encode('y'.repeat(10_000))) : controller.close(); },
    }));
    return new Response(`${request.method} ${request.url} ${(await request.text()).length}\n`);
} }"#;

fn main() {
    let runtime = Runtime::new(RuntimeOptions::default()).expect("a runtime");
    let app = runtime.load(AppOptions::new("h2", Source::Text(SOURCE.into()))).expect("the app loads");
    let read = |name: &str| std::fs::read(format!("tests/tls/{name}")).expect("started at the top of the repository");
    let tls = TlsOptions { certificates: vec![Certificate { chain: read("one.pem"), key: read("one.key") }], ..TlsOptions::default() };
    let listen = |tls| {
        let limits = ListenLimits::default();
        runtime.listen(ListenOptions { address: "127.0.0.1:0".into(), router: Arc::new(app.clone()), limits, tls }).expect("a free port")
    };
    let (plain, secure) = (listen(None), listen(Some(tls)));
    println!("{}\n{}", plain.address(), secure.address());
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
}
