/* However an app or a runtime ends, every accepted request has exactly one terminal event. */
#include "harness.h"

enum { MANY = 60 };

static const char *MIXED = "export default { async fetch(r) {\n"
                           "  if (r.url.endsWith('0')) return new Response('at once');\n"
                           "  if (r.url.endsWith('1')) return new Promise(() => {});\n"
                           "  if (r.url.endsWith('2')) throw new Error('thrown');\n"
                           "  if (r.url.endsWith('3')) return new Response(new ReadableStream({ pull(c) { c.enqueue(new Uint8Array(1000)); } }));\n"
                           "  await new Promise((done) => setTimeout(done, 10)); return new Response('later'); } }";

static int ends[MANY];
static nano_status codes[MANY];

static void dispatch_many(nano_app *app) {
  memset(ends, 0, sizeof ends);
  for (int i = 0; i < MANY; i++) {
    char url[64];
    snprintf(url, sizeof url, "http://test/%d", i % 5);
    nano_request_init init = request("GET", url);
    nano_request id;
    if (nano_dispatch(app, &init, &ends[i], &id, NULL)) CHECK(!"dispatched");
  }
}

/* Polls until the queue is empty and `wanted` requests have ended, or nothing comes any more. */
static void collect(nano_runtime *runtime, int wanted) {
  nano_event events[16];
  size_t count;
  int seen = 0;
  for (;;) {
    nano_status status = seen < wanted ? nano_wait(runtime, events, 16, WAIT_MS, &count) : nano_poll(runtime, events, 16, &count);
    if (status != NANO_OK || count == 0) break;
    for (size_t i = 0; i < count; i++) {
      if (!(events[i].flags & NANO_FLAG_END) || events[i].type > NANO_EVENT_APP) continue;
      int *end = events[i].user_data;
      seen++, ++*end;
      codes[end - ends] = events[i].type == NANO_EVENT_ERROR ? nano_error_code(events[i].as.error) : NANO_OK;
    }
    nano_event_release(events, count);
  }
}

static void each_ended_once(const char *how) {
  int wrong = 0;
  for (int i = 0; i < MANY; i++) wrong += ends[i] != 1;
  printf("# %s\n", how);
  CHECK_EQ(wrong, 0);
}

static int ended(void) {
  int sum = 0;
  for (int i = 0; i < MANY; i++) sum += ends[i];
  return sum;
}

static void unload(nano_runtime *runtime) {
  nano_app *app = load(runtime, app_options("unloaded", MIXED));
  dispatch_many(app);
  CHECK_EQ(nano_app_unload(app, 0, NULL), NANO_OK);
  collect(runtime, MANY);
  each_ended_once("unload without grace");
  CHECK_EQ(codes[1], NANO_E_DRAINING);
  nano_app_free(app);
}

static void reload(nano_runtime *runtime) {
  nano_app *app = load(runtime, app_options("reloaded", MIXED));
  nano_app_options next = app_options("", "export default { fetch() { return new Response('two'); } }");
  nano_request_init init = request("GET", "http://test/0");
  nano_response *response;
  nano_error *error;
  dispatch_many(app);
  CHECK_EQ(nano_app_reload(app, &next, &error), NANO_OK);
  CHECK_EQ(nano_fetch(app, &init, 0, &response, NULL), NANO_OK);
  CHECK(is(nano_response_body(response), "two"));
  nano_response_free(response);
  next.source = nano_str("export default {");
  CHECK_EQ(nano_app_reload(app, &next, &error), NANO_E_COMPILE);
  nano_error_free(error);
  CHECK_EQ(nano_fetch(app, &init, 0, &response, NULL), NANO_OK);
  nano_response_free(response);
  CHECK_EQ(nano_app_unload(app, 0, NULL), NANO_OK);
  collect(runtime, MANY);
  each_ended_once("reload, then unload");
  nano_app_free(app);
}

static void drain(void) {
  nano_runtime *runtime = make_runtime(2);
  nano_app *app = load(runtime, app_options("drained", MIXED));
  nano_request_init init = request("GET", "http://test/0");
  nano_request id;
  dispatch_many(app);
  /* The first one ends by itself. */
  while (!ends[0]) collect(runtime, 1);
  CHECK_EQ(nano_runtime_drain(runtime, 100), NANO_TIMEOUT);
  CHECK_EQ(nano_dispatch(app, &init, NULL, &id, NULL), NANO_E_DRAINING);
  collect(runtime, MANY - ended());
  each_ended_once("drain");
  CHECK_EQ(codes[1], NANO_E_DRAINING);
  CHECK_EQ(codes[0], NANO_OK);
  CHECK_EQ(nano_runtime_drain(runtime, 0), NANO_OK);
  nano_app_free(app);
  nano_runtime_free(runtime);
}

static void close_with_requests_in_flight(void) {
  nano_runtime *runtime = make_runtime(2);
  nano_app *app = load(runtime, app_options("closed", MIXED));
  dispatch_many(app);
  CHECK_EQ(nano_runtime_close(runtime), NANO_OK);
  collect(runtime, MANY);
  each_ended_once("close");
  CHECK_EQ(codes[1], NANO_E_SHUTDOWN);
  nano_runtime_free(runtime);
  nano_app_free(app);
}

static void free_with_requests_in_flight(void) {
  nano_runtime *runtime = make_runtime(2);
  nano_app *app = load(runtime, app_options("freed", MIXED));
  dispatch_many(app);
  nano_runtime_free(runtime);
  nano_app_free(app);
  CHECK(1);
}

int main(void) {
  test_begin();
  nano_runtime *runtime = make_runtime(2);
  unload(runtime);
  reload(runtime);
  nano_runtime_free(runtime);
  drain();
  close_with_requests_in_flight();
  free_with_requests_in_flight();
  return test_end();
}
