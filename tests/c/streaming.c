/* Bodies in pieces, both ways, and nobody gets more than there is room for. */
#include "harness.h"

#define WINDOW 65536
#define MANY (1 << 20)

static nano_runtime *runtime;
static uint8_t data[MANY];

static nano_app *app(const char *name, const char *source) { return load(runtime, app_options(name, source)); }

static nano_request post(nano_app *to, const char *url) {
  nano_request_init init = request("POST", url);
  init.body_kind = NANO_BODY_STREAM;
  return dispatch(to, init);
}

static void an_upload_goes_as_fast_as_it_is_read(void) {
  nano_app *reader = app("reader", "export default { async fetch(r) { let n = 0; for await (const c of r.body) n += c.length; return new Response(`${n}`); } }");
  nano_request id = post(reader, "http://test/");
  size_t sent = 0, accepted;
  int refused = 0;
  while (sent < MANY) {
    nano_status status = nano_request_write(runtime, id, (nano_bytes){data + sent, MANY - sent}, &accepted);
    if (accepted > WINDOW) CHECK(!"no more than the window");
    sent += accepted;
    if (status == NANO_OK) break;
    if (status != NANO_AGAIN) FAIL("NANO_AGAIN");
    refused++;
    nano_event event = next_of(runtime, id, NANO_EVENT_WRITABLE);
    if (event.type != NANO_EVENT_WRITABLE) FAIL("WRITABLE");
    nano_event_release(&event, 1);
  }
  CHECK_EQ(sent, MANY);
  CHECK(refused > 0);
  CHECK_EQ(nano_request_end(runtime, id), NANO_OK);
  nano_event end = next_of(runtime, id, NANO_EVENT_NONE);
  CHECK(end.type == NANO_EVENT_RESPONSE && is(nano_response_body(end.as.response), "1048576"));
  nano_event_release(&end, 1);
  CHECK_EQ(nano_request_write(runtime, id, nano_str("late"), &accepted), NANO_E_NOT_FOUND);
  nano_app_free(reader);
}

static void a_download_stops_without_credit_and_goes_on_with_it(void) {
  nano_app *source = app("source", "export default { fetch(r) { if (r.url.endsWith('/ping')) return new Response('pong'); let n = 0; "
                                   "return new Response(new ReadableStream({ pull(c) { if (n++ < 8) c.enqueue(new Uint8Array(16384).fill(n)); else c.close(); } })); } }");
  nano_request_init init = request("GET", "http://test/");
  nano_request id = dispatch(source, init);
  size_t received = 0;
  nano_event event = next_event(runtime);
  CHECK(event.type == NANO_EVENT_RESPONSE && event.id == id && event.flags == 0);
  nano_event_release(&event, 1);
  while (received < WINDOW) {
    event = next_of(runtime, id, NANO_EVENT_CHUNK);
    if (event.type != NANO_EVENT_CHUNK) FAIL("CHUNK");
    received += event.as.chunk.len;
    nano_event_release(&event, 1);
  }
  CHECK_EQ(received, WINDOW);
  /* Had the stream room, its next chunk would come before the answer to another request of the same instance. */
  nano_request ping = dispatch(source, request("GET", "http://test/ping"));
  event = next_event(runtime);
  CHECK_EQ(event.id, ping);
  nano_event_release(&event, 1);
  CHECK_EQ(nano_response_credit(runtime, id, WINDOW), NANO_OK);
  for (;;) {
    event = next_event(runtime);
    if (event.type != NANO_EVENT_CHUNK) break;
    received += event.as.chunk.len;
    CHECK_EQ(nano_response_credit(runtime, id, (uint32_t)event.as.chunk.len) == NANO_E_INVALID, 0);
    nano_event_release(&event, 1);
  }
  CHECK_EQ(event.type, NANO_EVENT_END);
  CHECK_EQ(event.flags, NANO_FLAG_END);
  CHECK_EQ(received, 8 * 16384);
  nano_account account = NANO_ACCOUNT_INIT;
  CHECK_EQ(nano_event_account(&event, &account), NANO_OK);
  CHECK_EQ(account.bytes_out, 8 * 16384);
  nano_event_release(&event, 1);
  nano_app_free(source);
}

static void both_ways_at_once(void) {
  nano_app *mirror = app("mirror", "export default { fetch(r) { return new Response(r.body); } }");
  nano_request id = post(mirror, "http://test/");
  size_t sent = 0, received = 0, accepted;
  int ended = 0, same = 1, writable = 1;
  while (!ended) {
    if (writable && sent < MANY) {
      writable = nano_request_write(runtime, id, (nano_bytes){data + sent, MANY - sent}, &accepted) == NANO_OK;
      sent += accepted;
      if (sent == MANY) CHECK_EQ(nano_request_end(runtime, id), NANO_OK);
    }
    nano_event event = next_event(runtime);
    if (event.type == NANO_EVENT_NONE || event.type == NANO_EVENT_ERROR) break;
    if (event.type == NANO_EVENT_WRITABLE) writable = 1;
    if (event.type == NANO_EVENT_CHUNK) {
      nano_bytes chunk = event.as.chunk;
      same &= received + chunk.len <= MANY && !memcmp(data + received, chunk.ptr, chunk.len);
      received += chunk.len;
      nano_response_credit(runtime, id, (uint32_t)chunk.len);
    }
    ended = event.flags & NANO_FLAG_END;
    nano_event_release(&event, 1);
  }
  CHECK(ended);
  CHECK(same);
  CHECK_EQ(received, MANY);
  nano_app_free(mirror);
}

static void a_chunk_is_kept_by_keeping_its_event(void) {
  nano_app *two = app("two", "export default { fetch() { return new Response(new ReadableStream({ start(c) { c.enqueue(new TextEncoder().encode('kept')); }, "
                             "pull(c) { c.enqueue(new TextEncoder().encode('more')); c.close(); } }, { highWaterMark: 0 })); } }");
  nano_request id = dispatch(two, request("GET", "http://test/"));
  nano_event kept = next_of(runtime, id, NANO_EVENT_CHUNK);
  nano_event end = next_of(runtime, id, NANO_EVENT_NONE);
  CHECK_EQ(end.type, NANO_EVENT_END);
  nano_event_release(&end, 1);
  CHECK(kept.type == NANO_EVENT_CHUNK && !memcmp(kept.as.chunk.ptr, "kept", 4));
  nano_event_release(&kept, 1);
  nano_app_free(two);
}

static void a_body_that_breaks_off_fails_the_apps_read(void) {
  nano_app *cut = app("cut", "export default { async fetch(r) { try { await r.text(); return new Response('whole'); } catch (e) { return new Response(e.name); } } }");
  nano_request id = post(cut, "http://test/");
  size_t accepted;
  CHECK_EQ(nano_request_write(runtime, id, nano_str("half"), &accepted), NANO_OK);
  CHECK_EQ(nano_request_abort(runtime, id, nano_str("the client went away")), NANO_OK);
  nano_event end = next_of(runtime, id, NANO_EVENT_NONE);
  CHECK(end.type == NANO_EVENT_RESPONSE && is(nano_response_body(end.as.response), "TypeError"));
  nano_event_release(&end, 1);
  nano_app_free(cut);
}

static void a_stream_that_fails_ends_with_an_error(void) {
  nano_app *bad = app("bad", "export default { fetch() { let n = 0; return new Response(new ReadableStream({ pull(c) { if (n++) throw new Error('broke'); c.enqueue(new Uint8Array(1)); } })); } }");
  nano_event end = next_of(runtime, dispatch(bad, request("GET", "http://test/")), NANO_EVENT_NONE);
  CHECK_EQ(end.type, NANO_EVENT_ERROR);
  nano_event_release(&end, 1);
  nano_app_free(bad);
}

static nano_request_init websocket(uint32_t body_kind) {
  static const char *const NAMES[] = {"connection", "upgrade", "sec-websocket-version", "sec-websocket-key"};
  static const char *const VALUES[] = {"upgrade", "websocket", "13", "dGhlIHNhbXBsZSBub25jZQ=="};
  static nano_header headers[4];
  for (int i = 0; i < 4; i++) headers[i] = (nano_header){nano_str(NAMES[i]), nano_str(VALUES[i])};
  nano_request_init init = request("GET", "http://test/");
  init.headers = headers, init.headers_count = 4, init.body_kind = body_kind;
  return init;
}

static void a_websocket_is_carried_by_the_host(void) {
  nano_app *echo = app("echo", "export default { fetch() { const [client, server] = Object.values(new WebSocketPair()); server.accept(); "
                               "server.onmessage = ({ data }) => server.send(data + '!'); return new Response(null, { status: 101, webSocket: client }); } }");
  static const char HI[] = "\x81\x82\1\2\3\4ik", BACK[] = "\x81\3hi!", LAST[] = "\x88\x82\1\2\3\4\2\xea"; /* masked, plain, close with 1000 */
  size_t accepted, count;
  nano_request id = dispatch(echo, websocket(NANO_BODY_UPGRADE));
  nano_event event = next_event(runtime);
  CHECK(event.type == NANO_EVENT_RESPONSE && event.id == id && event.flags == 0 && nano_response_status(event.as.response) == 101);
  const nano_header *headers = nano_response_headers(event.as.response, &count);
  CHECK(count == 3 && is(headers[2].name, "sec-websocket-accept") && is(headers[2].value, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
  nano_event_release(&event, 1);
  CHECK_EQ(nano_request_write(runtime, id, (nano_bytes){(const uint8_t *)HI, sizeof HI - 1}, &accepted), NANO_OK);
  event = next_of(runtime, id, NANO_EVENT_CHUNK);
  CHECK(event.as.chunk.len == sizeof BACK - 1 && !memcmp(event.as.chunk.ptr, BACK, sizeof BACK - 1));
  CHECK_EQ(nano_response_credit(runtime, id, (uint32_t)event.as.chunk.len), NANO_OK);
  nano_event_release(&event, 1);
  CHECK_EQ(nano_request_write(runtime, id, (nano_bytes){(const uint8_t *)LAST, sizeof LAST - 1}, &accepted), NANO_OK);
  event = next_of(runtime, id, NANO_EVENT_NONE);
  CHECK_EQ(event.type, NANO_EVENT_END);
  nano_event_release(&event, 1);
  id = dispatch(echo, websocket(NANO_BODY_NONE));
  event = next_of(runtime, id, NANO_EVENT_NONE);
  CHECK(event.type == NANO_EVENT_ERROR && nano_error_code(event.as.error) == NANO_E_UNSUPPORTED);
  nano_event_release(&event, 1);
  nano_request_init init = websocket(NANO_BODY_UPGRADE);
  init.body = (nano_owned){(const uint8_t *)"x", 1, NULL, NULL};
  CHECK_EQ(nano_dispatch(echo, &init, NULL, &id, NULL), NANO_E_INVALID);
  nano_app_free(echo);
}

static void only_streams_are_written(void) {
  nano_app *never = app("never", "export default { fetch() { return new Promise(() => {}); } }");
  nano_request id = dispatch(never, request("GET", "http://test/"));
  size_t accepted = 9;
  CHECK_EQ(nano_request_write(runtime, id, nano_str("x"), &accepted), NANO_E_INVALID);
  CHECK_EQ(accepted, 0);
  CHECK_EQ(nano_request_cancel(runtime, id), NANO_OK);
  nano_event end = next_of(runtime, id, NANO_EVENT_NONE);
  CHECK_EQ(end.type, NANO_EVENT_ERROR);
  nano_event_release(&end, 1);
  nano_app_free(never);
}

int main(void) {
  test_begin();
  for (size_t i = 0; i < MANY; i++) data[i] = (uint8_t)(i * 2654435761u >> 13);
  runtime = make_runtime(1);
  an_upload_goes_as_fast_as_it_is_read();
  a_download_stops_without_credit_and_goes_on_with_it();
  both_ways_at_once();
  a_chunk_is_kept_by_keeping_its_event();
  a_body_that_breaks_off_fails_the_apps_read();
  a_stream_that_fails_ends_with_an_error();
  a_websocket_is_carried_by_the_host();
  only_streams_are_written();
  nano_runtime_free(runtime);
  return test_end();
}
