//! A listener that speaks TLS, as clients see it.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;

use nano_core::{App, Certificate, ListenLimits, ListenOptions, Listener, Runtime, Status, TlsOptions};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use socket2::{Domain, Socket, Type};

use crate::support::{PATIENCE, load, manual_runtime, runtime};

pub fn one() -> Certificate {
    Certificate {
        chain: include_bytes!("../../../../tests/tls/one.pem").to_vec(),
        key: include_bytes!("../../../../tests/tls/one.key").to_vec(),
    }
}

pub fn two() -> Certificate {
    Certificate {
        chain: include_bytes!("../../../../tests/tls/two.pem").to_vec(),
        key: include_bytes!("../../../../tests/tls/two.key").to_vec(),
    }
}

const ECHO: &str = "export default { async fetch(request) { return new Response(request.url + ' ' + await request.text()) } }";

fn try_listen(runtime: &Runtime, app: App, certificates: Vec<Certificate>) -> nano_core::Result<Listener> {
    let tls = Some(TlsOptions { certificates, ..TlsOptions::default() });
    runtime.listen(ListenOptions { address: "127.0.0.1:0".into(), router: Arc::new(app), limits: ListenLimits::default(), tls })
}

fn listen(runtime: &Runtime, source: &str, certificates: Vec<Certificate>) -> Listener {
    try_listen(runtime, load(runtime, "tls", source), certificates).expect("a listener")
}

/// A client that trusts the authority of the tests.
pub fn client(protocols: &[&[u8]]) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    let authority = include_bytes!("../../../../tests/tls/authority.pem");
    roots.add(CertificateDer::from_pem_slice(authority).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
    Arc::new(config)
}

pub fn connect(listener: &Listener, config: &Arc<ClientConfig>, name: &str) -> StreamOwned<ClientConnection, TcpStream> {
    let socket = TcpStream::connect(listener.address()).expect("a connection");
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let name = ServerName::try_from(name.to_owned()).unwrap();
    StreamOwned::new(ClientConnection::new(config.clone(), name).unwrap(), socket)
}

/// What is answered to one request; the connection is used up.
fn ask(mut stream: StreamOwned<ClientConnection, TcpStream>, request: &str) -> std::io::Result<String> {
    stream.write_all(request.as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

fn get(name: &str) -> String {
    format!("GET /p HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n")
}

#[test]
fn a_client_gets_the_certificate_of_the_name_it_asks_for_and_the_url_says_https() {
    let runtime = runtime(1);
    let listener = listen(&runtime, ECHO, vec![one(), two()]);
    let config = client(&[b"http/1.1"]);
    for name in ["one.test", "two.test", "deep.TWO.test", "127.0.0.1"] {
        let answer = ask(connect(&listener, &config, name), &get(name)).expect(name);
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
        assert!(answer.ends_with(&format!("https://{}/p ", name.to_lowercase())), "{answer}");
    }
    // Of what nobody has a certificate for the first is shown, and the client refuses it.
    ask(connect(&listener, &config, "three.test"), &get("three.test")).unwrap_err();
    let mut agreed = connect(&listener, &config, "one.test");
    agreed.conn.complete_io(&mut agreed.sock).unwrap();
    assert_eq!(agreed.conn.alpn_protocol(), Some(&b"http/1.1"[..]));
}

#[test]
fn a_client_that_takes_a_large_body_piece_by_piece_gets_all_of_it() {
    let runtime = manual_runtime(1);
    let listener = listen(&runtime, "export default { fetch() { return new Response(new Uint8Array(6_000_000)) } }", vec![one()]);
    // It takes little at a time, so that the server waits for room again and again, and never has to hear anything else.
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.set_recv_buffer_size(64 << 10).unwrap();
    let address: SocketAddr = listener.address().parse().unwrap();
    socket.connect(&address.into()).unwrap();
    let socket = TcpStream::from(socket);
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let name = ServerName::try_from("one.test").unwrap();
    let mut stream = StreamOwned::new(ClientConnection::new(client(&[]), name).unwrap(), socket);
    stream.write_all(get("one.test").as_bytes()).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    assert!(answer.len() > 6_000_000, "{} bytes", answer.len());
}

#[test]
fn a_large_body_goes_both_ways_through_tls() {
    let runtime = runtime(2);
    let source = "export default { fetch(request) { return new Response(request.body) } }";
    let listener = listen(&runtime, source, vec![one()]);
    let mut stream = connect(&listener, &client(&[]), "one.test");
    let body: Vec<u8> = (0..3_000_000_u32).map(|n| (n % 251) as u8).collect();
    let head = format!("POST / HTTP/1.1\r\nHost: one.test\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", body.len());
    let mut sent = head.into_bytes();
    sent.extend_from_slice(&body);
    let mut writer = stream.sock.try_clone().unwrap();
    let mut answer = Vec::new();
    // Both at once, as the echo needs: what is written waits for what is read.
    stream.sock.set_nonblocking(true).unwrap();
    let (mut at, mut buffer) = (0, vec![0; 1 << 16]);
    loop {
        at += stream.conn.writer().write(&sent[at..]).unwrap();
        let wrote = stream.conn.write_tls(&mut writer).is_ok_and(|bytes| bytes > 0);
        let read = match stream.conn.read_tls(&mut stream.sock) {
            Ok(0) => break,
            result => result.is_ok(),
        };
        stream.conn.process_new_packets().unwrap();
        while let Ok(bytes) = stream.conn.reader().read(&mut buffer) {
            if bytes == 0 {
                break;
            }
            answer.extend_from_slice(&buffer[..bytes]);
        }
        if !wrote && !read {
            std::thread::yield_now();
        }
    }
    let text = String::from_utf8_lossy(&answer[..200]).into_owned();
    assert!(text.starts_with("HTTP/1.1 200"), "{text}");
    assert!(answer.len() > body.len() && at == sent.len());
}

#[test]
fn a_request_in_the_clear_is_told_what_is_wrong() {
    let runtime = runtime(1);
    let listener = listen(&runtime, ECHO, vec![one()]);
    let mut stream = TcpStream::connect(listener.address()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(get("one.test").as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 400 Bad Request\r\n") && answer.contains("use https:// instead"), "{answer}");
}

#[test]
fn certificates_are_replaced_without_a_connection_noticing() {
    let runtime = runtime(1);
    let listener = listen(&runtime, ECHO, vec![one()]);
    let config = client(&[]);
    let mut kept = connect(&listener, &config, "one.test");
    kept.write_all(b"GET /before HTTP/1.1\r\nHost: one.test\r\n\r\n").unwrap();
    let mut byte = [0];
    let mut text = Vec::new();
    while !text.ends_with(b"/before ") {
        kept.read_exact(&mut byte).unwrap();
        text.push(byte[0]);
    }
    let broken = Certificate { key: two().key, ..one() };
    let error = listener.set_certificates(&[two(), broken]).unwrap_err();
    assert!(error.message.contains("certificate 2 cannot be used: the private key is another certificate's"), "{error:?}");
    ask(connect(&listener, &config, "one.test"), &get("one.test")).expect("those there were");
    listener.set_certificates(&[two()]).unwrap();
    assert!(ask(kept, &get("one.test")).expect("the old connection").contains("200 OK"));
    ask(connect(&listener, &config, "two.test"), &get("two.test")).expect("the new certificate");
    ask(connect(&listener, &config, "one.test"), &get("one.test")).unwrap_err();
}

#[test]
fn what_cannot_be_a_certificate_is_refused_with_its_reason() {
    let runtime = runtime(1);
    let app = load(&runtime, "tls", ECHO);
    let encrypted =
        Certificate { key: b"-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n".to_vec(), ..one() };
    for (certificates, why) in [
        (vec![], "between 1 and"),
        (vec![Certificate { chain: b"nothing".to_vec(), ..one() }], "no CERTIFICATE"),
        (vec![Certificate { key: b"nothing".to_vec(), ..one() }], "no private key"),
        (vec![encrypted], "encrypted"),
        (vec![Certificate { chain: vec![b' '; 300_000], ..one() }], "longer than"),
        (vec![Certificate { chain: one().chain.repeat(17), ..one() }], "more than 16"),
    ] {
        let error = try_listen(&runtime, app.clone(), certificates).unwrap_err();
        assert!(error.status == Status::Invalid && error.message.contains(why), "{why}: {error:?}");
    }
}

#[test]
fn a_client_that_does_not_finish_its_handshake_is_let_go() {
    let runtime = manual_runtime(1);
    let listener = listen(&runtime, ECHO, vec![one()]);
    let mut stream = TcpStream::connect(listener.address()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(&[0x16, 3, 1]).unwrap();
    while listener.connections() == 0 {
        std::thread::yield_now();
    }
    runtime.advance_clock(10_001).unwrap();
    let mut end = Vec::new();
    assert_eq!(stream.read_to_end(&mut end).unwrap(), 0);
}
