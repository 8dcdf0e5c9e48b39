/* Apps call the host: by fetch and by method, answered whole, in pieces, by a value, or not at all. */
#include "harness.h"
#include "cbor.h"

static nano_runtime *runtime;

/* Loads an app whose env has HOST, and dispatches one request. */
static nano_app *calling(const char *source, nano_request *id) {
  static nano_bytes binding;
  binding = nano_str("HOST");
  nano_app_options options = app_options("caller", source);
  options.bindings = &binding, options.bindings_count = 1;
  nano_app *app = load(runtime, options);
  *id = dispatch(app, request("GET", "http://test/"));
  return app;
}

static nano_call next_call(void) {
  nano_event event = next_of(runtime, 0, NANO_EVENT_CALL);
  nano_call call = event.id;
  CHECK_EQ(event.type, NANO_EVENT_CALL);
  nano_event_release(&event, 1);
  return call;
}

/* Takes the response and compares its body; unloads the app. */
static void answered(nano_app *app, nano_request id, const char *body) {
  nano_event event = next_of(runtime, id, NANO_EVENT_NONE);
  if (event.type == NANO_EVENT_RESPONSE) {
    nano_bytes got = nano_response_body(event.as.response);
    if (!is(got, body)) printf("# \"%.*s\"\n", (int)got.len, (const char *)got.ptr);
    CHECK(is(got, body));
  } else {
    CHECK(!"RESPONSE");
  }
  nano_event_release(&event, 1);
  CHECK_EQ(nano_app_unload(app, 1000, NULL), NANO_OK);
  nano_app_free(app);
}

static void a_fetch_is_answered_whole(void) {
  nano_request id;
  nano_app *app = calling("export default { async fetch(r, env) { const a = await env.HOST.fetch('http://kv/x', { method: 'POST', body: 'ask', headers: { 'x-a': 'b' } }); "
                          "return new Response(`${a.status} ${a.headers.get('x-c')} ${await a.text()}`); } }", &id);
  nano_call call = next_call();
  nano_call_view *view;
  CHECK_EQ(nano_call_request(runtime, call, &view), NANO_OK);
  CHECK_EQ(view->kind, NANO_CALL_FETCH);
  CHECK_EQ(view->body_kind, NANO_BODY_WHOLE);
  CHECK_EQ(view->request, id);
  CHECK(is(view->app, "caller") && is(view->binding, "HOST"));
  CHECK(is(view->method, "POST") && is(view->url, "http://kv/x") && is(view->body, "ask"));
  int found = 0;
  for (size_t i = 0; i < view->headers_count; i++) found |= is(view->headers[i].name, "x-a") && is(view->headers[i].value, "b");
  CHECK(found);
  nano_header header = {nano_str("X-C"), nano_str("d")};
  nano_call_response response = NANO_CALL_RESPONSE_INIT;
  nano_error *error;
  response.status = 99;
  CHECK_EQ(nano_call_respond(runtime, call, &response, &error), NANO_E_INVALID);
  CHECK(has(nano_error_message(error), "200 to 599"));
  nano_error_free(error);
  response.status = 201, response.headers = &header, response.headers_count = 1;
  response.body_kind = NANO_BODY_WHOLE, response.body = (nano_owned){(const uint8_t *)"answer", 6, NULL, NULL};
  CHECK_EQ(nano_call_respond(runtime, call, &response, NULL), NANO_OK);
  CHECK_EQ(nano_call_respond(runtime, call, &response, NULL), NANO_E_NOT_FOUND);
  /* A view is a copy: it outlives its call. */
  CHECK(is(view->url, "http://kv/x"));
  nano_call_view_free(view);
  answered(app, id, "201 d answer");
}

static void a_fetch_is_answered_in_pieces(void) {
  enum { MANY = 300000 };
  static uint8_t data[MANY];
  nano_request id;
  nano_app *app = calling("export default { async fetch(r, env) { let n = 0; for await (const c of (await env.HOST.fetch('http://h/')).body) n += c.length; return new Response(`${n}`); } }", &id);
  nano_call call = next_call();
  nano_call_response response = NANO_CALL_RESPONSE_INIT;
  response.status = 200, response.body_kind = NANO_BODY_STREAM;
  CHECK_EQ(nano_call_respond(runtime, call, &response, NULL), NANO_OK);
  size_t sent = 0, accepted;
  int refused = 0;
  nano_status status;
  while ((status = nano_call_write(runtime, call, (nano_bytes){data + sent, MANY - sent}, &accepted)) == NANO_AGAIN) {
    sent += accepted, refused++;
    nano_event event = next_of(runtime, call, NANO_EVENT_WRITABLE);
    if (event.type != NANO_EVENT_WRITABLE) break;
    nano_event_release(&event, 1);
  }
  CHECK_EQ(status, NANO_OK);
  CHECK(refused > 0);
  CHECK_EQ(nano_call_end(runtime, call), NANO_OK);
  CHECK_EQ(nano_call_end(runtime, call), NANO_E_NOT_FOUND);
  answered(app, id, "300000");
}

static void the_body_of_a_call_comes_in_pieces(void) {
  nano_request id;
  nano_app *app = calling("export default { async fetch(r, env) { let n = 0; const body = new ReadableStream({ pull(c) { if (n++ < 20) c.enqueue(new Uint8Array(10000)); else c.close(); } }); "
                          "return new Response(await (await env.HOST.fetch('http://h/', { method: 'PUT', body, duplex: 'half' })).text()); } }", &id);
  nano_call call = next_call();
  nano_call_view *view;
  CHECK_EQ(nano_call_request(runtime, call, &view), NANO_OK);
  CHECK_EQ(view->body_kind, NANO_BODY_STREAM);
  nano_call_view_free(view);
  size_t received = 0, len;
  do {
    nano_event event = next_of(runtime, call, NANO_EVENT_CALL_CHUNK);
    if (event.type != NANO_EVENT_CALL_CHUNK) FAIL("CALL_CHUNK");
    received += len = event.as.chunk.len;
    nano_call_credit(runtime, call, (uint32_t)len);
    nano_event_release(&event, 1);
  } while (len > 0);
  CHECK_EQ(received, 200000);
  nano_call_response response = NANO_CALL_RESPONSE_INIT;
  response.status = 200, response.body_kind = NANO_BODY_WHOLE, response.body = (nano_owned){(const uint8_t *)"got it", 6, NULL, NULL};
  CHECK_EQ(nano_call_respond(runtime, call, &response, NULL), NANO_OK);
  answered(app, id, "got it");
}

static void a_method_takes_and_returns_values(void) {
  nano_request id;
  nano_app *app = calling("export default { async fetch(r, env) { return new Response(await env.HOST.greet('you', 3)); } }", &id);
  nano_call call = next_call();
  nano_call_view *view;
  CHECK_EQ(nano_call_request(runtime, call, &view), NANO_OK);
  CHECK_EQ(view->kind, NANO_CALL_METHOD);
  CHECK(is(view->method, "greet"));
  cbor_in in = {view->args.ptr, view->args.len};
  cbor_item array, name, number;
  CHECK(cbor_next(&in, &array) && array.type == CBOR_ARRAY && array.number == 2);
  CHECK(cbor_next(&in, &name) && cbor_is(&name, "you"));
  CHECK(cbor_next(&in, &number) && number.type == CBOR_UINT && number.number == 3);
  nano_call_view_free(view);
  nano_error *error;
  CHECK_EQ(nano_call_return(runtime, call, nano_str("\xff"), &error), NANO_E_INVALID);
  CHECK(has(nano_error_message(error), "CBOR at byte"));
  nano_error_free(error);
  cbor_out out = {0};
  cbor_text(&out, "hello you");
  CHECK_EQ(nano_call_return(runtime, call, (nano_bytes){out.ptr, out.len}, NULL), NANO_OK);
  CHECK_EQ(nano_call_return(runtime, call, (nano_bytes){out.ptr, out.len}, NULL), NANO_E_NOT_FOUND);
  free(out.ptr);
  answered(app, id, "hello you");
}

static void no_value_is_undefined(void) {
  nano_request id;
  nano_app *app = calling("export default { async fetch(r, env) { return new Response(typeof await env.HOST.nothing()); } }", &id);
  CHECK_EQ(nano_call_return(runtime, next_call(), (nano_bytes){NULL, 0}, NULL), NANO_OK);
  answered(app, id, "undefined");
}

static void a_failed_call_rejects_the_apps_promise(void) {
  nano_request id;
  nano_app *app = calling("export default { async fetch(r, env) { try { await env.HOST.get('k'); } catch (e) { return new Response(e.message); } } }", &id);
  nano_call call = next_call();
  CHECK_EQ(nano_call_fail(runtime, call, nano_str("the database is away")), NANO_OK);
  CHECK_EQ(nano_call_fail(runtime, call, nano_str("again")), NANO_E_NOT_FOUND);
  answered(app, id, "the database is away");
}

static void what_is_thrown_has_a_name(void) {
  nano_request id;
  nano_app *app = calling("export default { async fetch(r, env) { try { await env.HOST.get('k'); } catch (e) { return new Response(`${e.name} ${e.message} ${e.constructor.name}`); } } }", &id);
  nano_call call = next_call();
  CHECK_EQ(nano_call_throw(runtime, call, (nano_bytes){(const uint8_t *)"\xff", 1}, nano_str("x")), NANO_E_INVALID);
  CHECK_EQ(nano_call_throw(runtime, call, nano_str("KeyError"), nano_str("no k")), NANO_OK);
  CHECK_EQ(nano_call_throw(runtime, call, nano_str("KeyError"), nano_str("again")), NANO_E_NOT_FOUND);
  answered(app, id, "KeyError no k Error");
}

static void a_variable_may_be_what_json_has(void) {
  nano_binding level = {.name = nano_str("LEVEL"), .kind = NANO_BINDING_JSON, .app = nano_str("{\"at\": [1, 7]}")};
  nano_app_options options = app_options("level", "export default { fetch: (r, env) => new Response(String(env.LEVEL.at[1])) }");
  options.env_bindings = &level, options.env_bindings_count = 1;
  nano_app *app = load(runtime, options);
  answered(app, dispatch(app, request("GET", "http://test/")), "7");
  nano_error *error = NULL;
  level.app = nano_str("{at");
  CHECK_EQ(nano_app_load(runtime, &options, &app, &error), NANO_E_INVALID);
  CHECK(error != NULL && strncmp((const char *)nano_error_message(error).ptr, "env.LEVEL is not JSON", 21) == 0);
  nano_error_free(error);
}

int main(void) {
  test_begin();
  runtime = make_runtime(1);
  a_fetch_is_answered_whole();
  a_fetch_is_answered_in_pieces();
  the_body_of_a_call_comes_in_pieces();
  a_method_takes_and_returns_values();
  no_value_is_undefined();
  a_failed_call_rejects_the_apps_promise();
  what_is_thrown_has_a_name();
  a_variable_may_be_what_json_has();
  nano_runtime_free(runtime);
  return test_end();
}
