/* The blocks of C in docs/embedding-c.md, each where a host would have it. run.sh writes them to blocks/<number>.c. */
#include "harness.h"

#include <poll.h>

#define APP(name, body) load(runtime, app_options(name, "export default { fetch(request, env) { " body " } };"))

/* What a host of the reader's has: a client of its own. */
typedef struct connection {
  nano_request id;
  int status, finished;
  size_t len, owed;
  char text[1 << 20];
} connection;

static void send_head(connection *client, const nano_response *response) { client->status = nano_response_status(response); }
static void send_error(connection *client, int status) { client->status = status; }
static void finish(connection *client) { client->finished++; }
static void send_bytes(connection *client, nano_bytes bytes) {
  if (client->len + bytes.len >= sizeof client->text) exit(3);
  if (bytes.len) memcpy(client->text + client->len, bytes.ptr, bytes.len);
  client->len += bytes.len, client->owed += bytes.len;
}
static void answer(connection *client, int status, nano_bytes body) { send_error(client, status), send_bytes(client, body), finish(client); }
static void give_up(nano_error *error) { bail("the manual", error); }

static connection *fetch(nano_app *app) {
  connection *client = calloc(1, sizeof *client);
#include "blocks/1.c"
  return client;
}

#include "blocks/2.c"

/* The loop of a host: dispatches, and polls when the descriptor is readable. */
static connection *serve(nano_runtime *runtime, nano_app *app, const char *url) {
  connection *client = calloc(1, sizeof *client);
  nano_request_init init = request("GET", url);
  on_request(app, &init, client);
  while (client->id && !client->finished) {
    struct pollfd fd = {nano_runtime_fd(runtime), POLLIN, 0};
    if (poll(&fd, 1, WAIT_MS) != 1) break;
    on_readable(runtime);
    if (client->owed && !client->finished) nano_response_credit(runtime, client->id, (uint32_t)client->owed);
    client->owed = 0;
  }
  return client;
}

#include "blocks/3.c"

static void said(connection *client, int status, const char *text) {
  CHECK_EQ(client->status, status);
  CHECK(!strcmp(client->text, text));
  free(client);
}

static void it_waits_for_an_answer(nano_runtime *runtime) {
  nano_app *app = APP("hello", "return new Response('hi from ' + request.url);"), *broken = APP("broken", "throw new Error('no');");
  said(fetch(app), 200, "hi from http://hello.example/");
  said(fetch(broken), 500, "");
  nano_app_free(app), nano_app_free(broken);
}

static void its_loop_serves(nano_runtime *runtime) {
  nano_app *app = APP("loop", "if (request.url.endsWith('/throw')) throw new Error('no'); if (request.url.endsWith('/whole')) return new Response('whole');"
                      "let left = 10; return new Response(new ReadableStream({ pull(c) { if (left--) c.enqueue(new Uint8Array(50000).fill(65)); else c.close(); } }));");
  said(serve(runtime, app, "http://app.test/whole"), 200, "whole");
  said(serve(runtime, app, "http://app.test/throw"), 500, "");
  connection *client = serve(runtime, app, "http://app.test/");
  CHECK_EQ(client->finished, 1);
  CHECK_EQ(client->status, 200);
  CHECK_EQ(client->len, 500000);
  free(client);
  client = serve(runtime, app, "not a URL");
  CHECK_EQ(client->id, 0);
  CHECK_EQ(client->status, 400);
  free(client), nano_app_free(app);
}

static void it_answers_calls(nano_runtime *runtime) {
  nano_bytes kv = nano_str("KV");
  nano_app_options options = app_options("calls", "export default { async fetch(request, { KV }) { const failed = await KV.put(1).catch((e) => e.message);"
                                         "return new Response([await KV.get(), (await KV.fetch('http://kv/')).status, failed].join(' ')); } };");
  options.bindings = &kv, options.bindings_count = 1;
  nano_app *app = load(runtime, options);
  nano_request id = dispatch(app, request("GET", "http://app.test/"));
  for (int ended = 0; !ended;) {
    nano_event event = next_event(runtime);
    if (event.type == NANO_EVENT_NONE) FAIL("an answer");
    if (event.type == NANO_EVENT_CALL) on_call(runtime, event.id);
    ended = event.id == id && event.flags & NANO_FLAG_END;
    if (ended) CHECK(event.type == NANO_EVENT_RESPONSE && is(nano_response_body(event.as.response), "42 404 KV has get() alone"));
    nano_event_release(&event, 1);
  }
  nano_app_free(app);
}

static void it_listens(nano_runtime *runtime) {
  nano_app *shop = APP("shop", "return new Response('shop');"), *site = APP("site", "return new Response('site');");
  nano_listener *listener;
  nano_error *error;
#include "blocks/4.c"
  CHECK(has(address, "127.0.0.1:") && !has(address, ":0"));
  /* One of NANO's apps is the client. */
  char source[512];
  snprintf(source, sizeof source, "const ask = async (host) => { const socket = (await import('cloudflare:sockets')).connect('%.*s');"
           "const to = socket.writable.getWriter(); await to.write(new TextEncoder().encode(`GET / HTTP/1.0\\r\\nHost: ${host}\\r\\n\\r\\n`));"
           "return (await new Response(socket.readable).text()).slice(-4); };"
           "export default { fetch: async () => new Response(await ask('shop.example') + await ask('other')) };", (int)address.len, (const char *)address.ptr);
  nano_app_options client = app_options("client", source);
  client.egress = NANO_EGRESS_ANY;
  nano_app *app = load(runtime, client);
  said(fetch(app), 200, "shopsite");
  nano_listener_free(listener);
  nano_app_free(app), nano_app_free(shop), nano_app_free(site);
}

static void its_clock_is_the_hosts(void) {
  nano_runtime *runtime;
  nano_error *error;
#include "blocks/5.c"
  nano_app *app = APP("clock", "return new Response(new Date().toISOString());");
  said(fetch(app), 200, "2026-01-02T00:00:00.000Z");
  nano_app_free(app), nano_runtime_free(runtime);
}

int main(void) {
  test_begin();
  nano_runtime *runtime = make_runtime(2);
  it_waits_for_an_answer(runtime);
  its_loop_serves(runtime);
  it_answers_calls(runtime);
  it_listens(runtime);
  its_clock_is_the_hosts();
  nano_runtime_free(runtime);
  return test_end();
}
