//! What apps reach by TLS: fetch, WebSockets and connections of bytes, at servers that an authority of the tests vouches for.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::mpsc;

use nano_core::policy::{Mode, Policy, Rule};
use nano_core::{
    App, AppOptions, Certificate, ListenLimits, ListenOptions, Listener, Roots, Runtime, RuntimeLimits, RuntimeOptions, TlsOptions,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::support::{PATIENCE, load, options, text};
use crate::tls::{one, two};

/// Says what it was asked, in gzip, and echoes what comes by a WebSocket.
const SERVER: &str = "export default { async fetch(request) {
    if (request.headers.get('upgrade') === 'websocket') {
        const { 0: client, 1: server } = new WebSocketPair();
        server.accept();
        server.addEventListener('message', ({ data }) => server.send('echo ' + data));
        return new Response(null, { status: 101, webSocket: client });
    }
    const body = new Response(`${request.method} ${new URL(request.url).pathname} ${await request.text()}`).body;
    const headers = { 'content-encoding': 'gzip' };
    return new Response(body.pipeThrough(new CompressionStream('gzip')), { headers, encodeBody: 'manual' });
} }";

/// A runtime whose apps trust the tests' authority.
fn trusting() -> Runtime {
    let roots = Roots::File(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/tls/authority.pem").into());
    let limits = RuntimeLimits { threads: 1, ..RuntimeLimits::default() };
    Runtime::new(RuntimeOptions { limits, roots, ..RuntimeOptions::default() }).expect("a runtime")
}

fn listen(runtime: &Runtime) -> Listener {
    listen_with(runtime, vec![one()])
}

fn listen_with(runtime: &Runtime, certificates: Vec<Certificate>) -> Listener {
    let tls = Some(TlsOptions { certificates, ..TlsOptions::default() });
    let router = Arc::new(load(runtime, "server", SERVER));
    let options = ListenOptions { address: "127.0.0.1:0".into(), router, limits: ListenLimits::default(), tls };
    runtime.listen(options).expect("a listener")
}

/// An app that may reach this machine; `AT` in its body is where.
fn client(runtime: &Runtime, at: &str, body: &str) -> App {
    let source = format!(
        "import {{ connect }} from 'cloudflare:sockets';
         const bytes = (string) => new TextEncoder().encode(string);
         const all = async (readable) => {{ let out = ''; for await (const chunk of readable) out += new TextDecoder().decode(chunk); return out; }};
         export default {{ async fetch(request) {{ {} }} }}",
        body.replace("AT", at)
    );
    let egress = Policy::new(Mode::Public, vec![Rule::parse("127.0.0.0/8").unwrap()], Vec::new());
    runtime.load(AppOptions { egress, ..options("client", &source) }).expect("the app loads")
}

#[test]
fn fetch_by_https_sends_and_decodes() {
    let runtime = trusting();
    let listener = listen(&runtime);
    let body = "const ask = async (init) => (await fetch('https://AT/path', init)).text();
         return Response.json([await ask(), await ask({ method: 'POST', body: 'what is sent' })]);";
    let app = client(&runtime, listener.address(), body);
    assert_eq!(text(&app, "/"), r#"["GET /path ","POST /path what is sent"]"#);
}

#[test]
fn a_server_that_nobody_vouches_for_is_not_talked_to() {
    let runtime = crate::support::runtime(1);
    let listener = listen(&runtime);
    let body = "const failed = (error) => error.message;
         const socket = new WebSocket('wss://AT/');
         const lost = new Promise((resolve) => { socket.onerror = ({ message }) => resolve(message) });
         const secure = connect('AT', { secureTransport: 'on' });
         return Response.json([await fetch('https://AT/').catch(failed), await lost, await secure.opened.catch(failed)]);";
    let said = text(&client(&runtime, listener.address(), body), "/");
    assert_eq!(said.matches("UnknownIssuer").count(), 3, "{said}");
}

#[test]
fn a_websocket_by_tls_talks() {
    let runtime = trusting();
    let listener = listen(&runtime);
    let body = "const socket = new WebSocket('wss://AT/');
         socket.onopen = () => socket.send('by TLS');
         const { data } = await new Promise((resolve, reject) => { socket.onmessage = resolve; socket.onerror = ({ message }) => reject(new Error(message)); });
         socket.close();
         return new Response(data);";
    assert_eq!(text(&client(&runtime, listener.address(), body), "/"), "echo by TLS");
}

#[test]
fn a_connection_of_bytes_is_secure_from_the_start() {
    let runtime = trusting();
    let listener = listen(&runtime);
    let body = "const socket = connect('AT', { secureTransport: 'on' });
         const writer = socket.writable.getWriter();
         await writer.write(bytes('HEAD /by-hand HTTP/1.1\\r\\nHost: AT\\r\\nConnection: close\\r\\n\\r\\n'));
         const answer = await all(socket.readable);
         return Response.json([socket.secureTransport, answer.split('\\r\\n')[0]]);";
    assert_eq!(text(&client(&runtime, listener.address(), body), "/"), r#"["on","HTTP/1.1 200 OK"]"#);
}

#[test]
fn https_and_tls_of_node_reach_servers_also_over_a_socket_that_is_still_connecting() {
    let runtime = trusting();
    let listener = listen(&runtime);
    let body = "const { default: http } = await import('node:http'), { default: https } = await import('node:https'), { default: net } = await import('node:net');
         const { default: tls } = await import('node:tls'), { text } = await import('node:stream/consumers'), log = [], [host, port] = 'AT'.split(':');
         const answer = await new Promise((resolve, reject) => https.get('https://AT/path', resolve).on('error', reject));
         log.push(answer instanceof http.IncomingMessage, answer.statusCode);
         answer.resume();
         const below = net.connect(port, host), socket = tls.connect({ socket: below, checkServerIdentity: tls.checkServerIdentity }, () => log.push('secure'));
         const closed = new Promise((resolve) => below.on('close', resolve));
         socket.end('GET /early HTTP/1.1\\r\\nHost: AT\\r\\nConnection: close\\r\\n\\r\\n');
         log.push((await text(socket)).split('\\r\\n')[0], socket.authorized);
         await closed;
         return Response.json(log);";
    assert_eq!(text(&client(&runtime, listener.address(), body), "/"), r#"[true,200,"secure","HTTP/1.1 200 OK",true]"#);
}

#[test]
fn tls_of_node_asks_for_the_servername_and_verifies_it() {
    let runtime = trusting();
    let listener = listen_with(&runtime, vec![one(), two()]);
    let body = "const { default: net } = await import('node:net'), { default: tls } = await import('node:tls'), { text } = await import('node:stream/consumers');
         const log = [], [host, port] = 'AT'.split(':');
         const ask = (options) => new Promise((resolve) => {
             const socket = tls.connect(options, () => socket.end('GET / HTTP/1.1\\r\\nHost: AT\\r\\nConnection: close\\r\\n\\r\\n'));
             socket.on('error', (error) => resolve(error.message.includes('invalid peer certificate') ? 'refused' : error.message));
             text(socket).then((said) => resolve(said.slice(9, 15)), () => {});
         });
         for (const servername of ['one.test', 'two.test', undefined, '', host, 'other.test', '127.0.0.2', 'no name']) {
             log.push(await ask({ host, port, servername }), await ask({ socket: net.connect(port, host), servername }));
         }
         return new Response(log.join());";
    let said = text(&client(&runtime, listener.address(), body), "/");
    let (answered, refused) = ("200 OK,".repeat(10), "refused,".repeat(4));
    let begins = format!("{answered}{refused}");
    assert!(said.starts_with(&begins) && said.matches("the name is none").count() == 2, "{said}");
}

/// Agrees on TLS in the midst of each connection, and then sends back what comes; its port, and what failed at it.
fn upgrading() -> (u16, mpsc::Receiver<String>) {
    let certificate = one();
    let chain = CertificateDer::pem_slice_iter(&certificate.chain).collect::<Result<Vec<_>, _>>().unwrap();
    let key = PrivateKeyDer::from_pem_slice(&certificate.key).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = Arc::new(builder.with_no_client_auth().with_single_cert(chain, key).unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (failed, failures) = mpsc::channel();
    let talk = move |mut stream: TcpStream| -> std::io::Result<()> {
        stream.set_read_timeout(Some(PATIENCE))?;
        let mut asked = [0; 9];
        stream.read_exact(&mut asked)?;
        assert_eq!(&asked, b"STARTTLS\n");
        stream.write_all(b"go on")?;
        let mut secure = StreamOwned::new(ServerConnection::new(config.clone()).unwrap(), stream);
        let mut said = [0; 6];
        secure.read_exact(&mut said)?;
        let name = secure.conn.server_name().unwrap_or("no name").to_owned();
        secure.write_all(&[&said, b" for ".as_slice(), name.as_bytes()].concat())?;
        secure.conn.send_close_notify();
        secure.flush()
    };
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            if let Err(error) = talk(stream) {
                let _ = failed.send(error.to_string());
            }
        }
    });
    (port, failures)
}

#[test]
fn a_connection_that_has_begun_in_the_clear_goes_on_by_tls() {
    let (port, failures) = upgrading();
    let runtime = trusting();
    let body = "const upgrade = async (name) => {
             const socket = connect('AT', { secureTransport: 'starttls' });
             const writer = socket.writable.getWriter();
             await writer.write(bytes('STARTTLS\\n'));
             const reader = socket.readable.getReader();
             const said = new TextDecoder().decode((await reader.read()).value);
             writer.releaseLock();
             reader.releaseLock();
             const secure = socket.startTls(name && { expectedServerHostname: name });
             const its = secure.writable.getWriter();
             its.write(bytes('secret')).catch(() => {});
             return [said, await all(secure.readable), secure.secureTransport, secure !== socket];
         };
         return Response.json([await upgrade('one.test'), await upgrade(), await upgrade('other.test').catch((error) => error.message)]);";
    let said = text(&client(&runtime, &format!("127.0.0.1:{port}"), body), "/");
    let expected = r#"[["go on","secret for one.test","on",true],["go on","secret for no name","on",true],"#;
    assert!(said.starts_with(expected) && said.contains("TLS with other.test failed: invalid peer certificate"), "{said}");
    let failure = failures.recv_timeout(PATIENCE).expect("the third was refused");
    assert!(failure.contains("ertificate"), "{failure}");
}
