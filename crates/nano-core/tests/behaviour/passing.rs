//! Bodies that pass through an app without becoming JavaScript's: with room for no chunk in it, they pass all the same.

use nano_core::{App, Body, CallContent, CallResponse, Headers, Payload, ResponseHead, Runtime, Status};

use crate::support::*;

const PIECE: [u8; 8 << 10] = [7; 8 << 10];

/// An app with less memory outside its heap than one piece of a body.
fn narrow(runtime: &Runtime, source: &str) -> App {
    let mut options = options("narrow", source);
    options.bindings = vec!["API".into()];
    options.limits.external_bytes = 4 << 10;
    runtime.load(options).expect("loads")
}

fn head() -> ResponseHead {
    ResponseHead { status: 200, status_text: String::new(), headers: Headers::new() }
}

fn streaming_post() -> nano_core::RequestInit {
    let mut init = post("/", "");
    init.body = Body::Stream;
    init
}

#[test]
fn a_streaming_request_becomes_the_response_piece_by_piece() {
    let runtime = runtime(1);
    let app = narrow(&runtime, "export default { fetch(r) { return new Response(r.body, { headers: { a: 'b' } }); } }");
    let id = app.dispatch(streaming_post()).expect("accepted");
    let mut sent = 0;
    let mut received = 0;
    let mut ended = false;
    let total = 40 * PIECE.len();
    let mut events = Vec::new();
    loop {
        while sent < total {
            let written = runtime.request_write(id, &PIECE).expect("takes bytes");
            sent += written;
            if written < PIECE.len() {
                break;
            }
        }
        if sent >= total && !ended {
            runtime.request_end(id).expect("ends");
            ended = true;
        }
        assert!(runtime.wait(64, PATIENCE.as_millis() as i32, &mut events).expect("the only consumer") > 0, "no event came");
        for event in events.drain(..) {
            match event.payload {
                Payload::Chunk(bytes) => {
                    received += bytes.len();
                    assert!(bytes.iter().all(|byte| *byte == 7));
                    // The response may have ended behind these bytes.
                    let _ = runtime.credit(id, bytes.len() as u32);
                }
                Payload::End(account) => {
                    assert_eq!((received, account.bytes_out), (sent, sent as u64));
                    return;
                }
                Payload::Error(error, _) => panic!("{error:?}"),
                _ => {}
            }
        }
    }
}

#[test]
fn backpressure_goes_through_to_the_sender() {
    let runtime = runtime(1);
    let app = narrow(&runtime, "export default { fetch(r) { return new Response(r.body); } }");
    let id = app.dispatch(streaming_post()).expect("accepted");
    // Nobody gives credit: two windows and a piece fit, and then it is the sender who waits.
    let mut sent = 0;
    let mut refused = 0;
    let mut events = Vec::new();
    while refused < 3 {
        let written = runtime.request_write(id, &PIECE).expect("takes bytes");
        sent += written;
        if written == 0 {
            refused += 1;
            let _ = runtime.wait(64, 50, &mut events);
        }
    }
    assert!(sent <= (128 << 10) + PIECE.len(), "{sent} bytes were taken");
    runtime.request_cancel(id).expect("is open");
}

#[test]
fn a_sender_that_breaks_off_breaks_the_response() {
    let runtime = runtime(1);
    let app = narrow(&runtime, "export default { fetch(r) { return new Response(r.body); } }");
    let id = app.dispatch(streaming_post()).expect("accepted");
    runtime.request_write(id, &PIECE).expect("takes bytes");
    wait_for(&runtime, |event| matches!(event.payload, Payload::Chunk(_)).then_some(()));
    runtime.request_abort_body(id, "the client broke off").expect("is open");
    match until_end(&runtime, id).pop() {
        Some(Payload::Error(error, _)) => {
            assert_eq!(error.status, Status::Exception);
            assert!(error.message.contains("the client broke off"), "{}", error.message);
        }
        other => panic!("unexpected {other:?}"),
    }
}

#[test]
fn the_answer_of_a_binding_passes_and_a_client_that_leaves_cancels_it() {
    let runtime = runtime(1);
    let app = narrow(&runtime, "export default { fetch(r, env) { return env.API.fetch('http://api/'); } }");
    let id = app.dispatch(get("/")).expect("accepted");
    let call = wait_for(&runtime, |event| matches!(event.payload, Payload::Call).then_some(event.id));
    runtime.call_respond(call, CallResponse { head: head(), body: Body::Stream }).expect("is open");
    runtime.call_write(call, &PIECE).expect("takes bytes");
    wait_for(&runtime, |event| matches!(event.payload, Payload::Chunk(_)).then_some(()));
    runtime.request_cancel(id).expect("is open");
    wait_for(&runtime, |event| (event.id == call && matches!(event.payload, Payload::CallCanceled)).then_some(()));
}

#[test]
fn whole_bodies_pass_from_request_to_call_to_response() {
    let runtime = runtime(1);
    let source = "export default { async fetch(r, env) { const a = await env.API.fetch('http://api/', { method: 'POST', body: r.body, duplex: 'half' }); \
        return new Response(a.body, a); } }";
    let app = narrow(&runtime, source);
    let mut init = post("/", "");
    init.body = Body::Whole(PIECE.to_vec());
    let id = app.dispatch(init).expect("accepted");
    let call = wait_for(&runtime, |event| matches!(event.payload, Payload::Call).then_some(event.id));
    match runtime.call_view(call).expect("is open").content {
        CallContent::Fetch { body, streaming, .. } => assert_eq!((body.len(), streaming), (PIECE.len(), false)),
        other => panic!("unexpected {other:?}"),
    }
    runtime.call_respond(call, CallResponse { head: head(), body: Body::Whole(PIECE.to_vec()) }).expect("is open");
    match until_end(&runtime, id).pop() {
        Some(Payload::Response { body, .. }) => assert_eq!(body, PIECE),
        other => panic!("unexpected {other:?}"),
    }
}
