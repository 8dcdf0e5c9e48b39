/* Requests that are given up, by the host or by a limit, end at once and once. */
#include "harness.h"

static nano_runtime *runtime;

static nano_status how_it_ends(nano_request id) {
  nano_event event = next_of(runtime, id, NANO_EVENT_NONE);
  nano_status status = event.type == NANO_EVENT_ERROR ? nano_error_code(event.as.error) : NANO_OK;
  nano_event_release(&event, 1);
  return status;
}

static void the_host_cancels(void) {
  nano_app *app = load(runtime, app_options("never", "let aborted = 0; export default { fetch(r) { if (r.url.endsWith('/count')) return new Response(`${aborted}`); "
                                                     "r.signal.addEventListener('abort', () => aborted++); return new Promise(() => {}); } }"));
  nano_request_init count = request("GET", "http://test/count");
  nano_response *response;
  nano_request id = dispatch(app, request("GET", "http://test/"));
  /* Answered after the first request has begun. */
  CHECK_EQ(nano_fetch(app, &count, 0, &response, NULL), NANO_OK);
  nano_response_free(response);
  CHECK_EQ(nano_request_cancel(runtime, id), NANO_OK);
  CHECK_EQ(nano_request_cancel(runtime, id), NANO_E_NOT_FOUND);
  CHECK_EQ(how_it_ends(id), NANO_E_CANCELED);
  /* The app hears of it soon, if not before the very next request. */
  int heard = 0;
  for (int i = 0; i < 1000 && !heard; i++) {
    if (nano_fetch(app, &count, 0, &response, NULL) != NANO_OK) break;
    heard = is(nano_response_body(response), "1");
    nano_response_free(response);
  }
  CHECK(heard);
  nano_app_free(app);
}

static void the_time_runs_out(void) {
  nano_app *app = load(runtime, app_options("slow", "export default { fetch() { return new Promise(() => {}); } }"));
  nano_request_init init = request("GET", "http://test/");
  nano_response *response;
  nano_error *error;
  CHECK_EQ(nano_fetch(app, &init, 50, &response, &error), NANO_TIMEOUT);
  CHECK_EQ(nano_error_code(error), NANO_TIMEOUT);
  nano_error_free(error);
  init.deadline_ms = 50;
  CHECK_EQ(how_it_ends(dispatch(app, init)), NANO_E_WALL_LIMIT);
  nano_app_free(app);
}

static void a_loop_is_stopped_and_the_others_go_on(void) {
  nano_app_options options = app_options("loop", "export default { fetch(r) { if (r.url.endsWith('/loop')) for (;;); return new Response('fine'); } }");
  options.cpu_ms = 50;
  nano_app *app = load(runtime, options);
  nano_request loop = dispatch(app, request("GET", "http://test/loop"));
  CHECK_EQ(how_it_ends(loop), NANO_E_CPU_LIMIT);
  CHECK_EQ(how_it_ends(dispatch(app, request("GET", "http://test/"))), NANO_OK);
  nano_app_free(app);
}

static void memory_is_limited(void) {
  nano_app_options options = app_options("bomb", "export default { fetch() { const a = []; for (;;) a.push({ a: a.length }); } }");
  options.heap_bytes = 16 << 20, options.cpu_ms = 10000;
  nano_app *app = load(runtime, options);
  CHECK_EQ(how_it_ends(dispatch(app, request("GET", "http://test/"))), NANO_E_MEMORY_LIMIT);
  nano_app_free(app);
}

static void more_than_the_app_may_have_is_refused(void) {
  nano_app_options options = app_options("few", "export default { fetch() { return new Promise(() => {}); } }");
  nano_request_init init = request("GET", "http://test/");
  options.requests = 2;
  nano_app *app = load(runtime, options);
  nano_request first = dispatch(app, init), second = dispatch(app, init), third;
  CHECK_EQ(nano_dispatch(app, &init, NULL, &third, NULL), NANO_E_OVERLOADED);
  CHECK_EQ(nano_request_cancel(runtime, first), NANO_OK);
  CHECK_EQ(nano_request_cancel(runtime, second), NANO_OK);
  CHECK_EQ(how_it_ends(first), NANO_E_CANCELED);
  CHECK_EQ(how_it_ends(second), NANO_E_CANCELED);
  nano_app_free(app);
}

/* What the host keeps for a request may be freed at its end, however busy the app was with it. */
static void nothing_follows_the_end(void) {
  enum { MANY = 400 };
  static int ended[MANY];
  const char *source = "export default { async fetch(r) { (async () => { for await (const c of r.body); })().catch(() => {}); "
                       "return new Response(new ReadableStream({ pull(c) { c.enqueue(new Uint8Array(100)); } })); } }";
  nano_app *app = load(runtime, app_options("busy", source));
  static uint8_t piece[30000];
  nano_event events[32];
  size_t count, accepted;
  int started = 0, ends = 0, late = 0, twice = 0;
  memset(ended, 0, sizeof ended);
  while (ends < MANY) {
    for (; started < MANY && started < ends + 8; started++) {
      nano_request_init init = request("POST", "http://test/");
      nano_request id;
      init.body_kind = NANO_BODY_STREAM;
      if (nano_dispatch(app, &init, &ended[started], &id, NULL)) FAIL("dispatched");
    }
    if (nano_wait(runtime, events, 32, WAIT_MS, &count) != NANO_OK) FAIL("an event");
    for (size_t i = 0; i < count; i++) {
      int *state = events[i].user_data;
      if (!state) continue;
      late += *state == 2;
      if (events[i].flags & NANO_FLAG_END) {
        twice += *state == 2;
        *state = 2, ends++;
      } else if (*state == 0) {
        /* Cancel while the body goes in and the response comes out. */
        for (int n = 0; n < 4; n++) nano_request_write(runtime, events[i].id, (nano_bytes){piece, sizeof piece}, &accepted);
        nano_response_credit(runtime, events[i].id, 1 << 20);
        nano_request_cancel(runtime, events[i].id);
        *state = 1;
      }
    }
    nano_event_release(events, count);
  }
  while (nano_wait(runtime, events, 32, 50, &count) == NANO_OK) {
    for (size_t i = 0; i < count; i++) late += events[i].user_data != NULL;
    nano_event_release(events, count);
  }
  CHECK_EQ(ends, MANY);
  CHECK_EQ(twice, 0);
  CHECK_EQ(late, 0);
  nano_app_free(app);
}

int main(void) {
  test_begin();
  /* One thread: which instance a request of the app reaches is then certain. */
  runtime = make_runtime(1);
  the_host_cancels();
  nano_runtime_free(runtime);
  runtime = make_runtime(2);
  the_time_runs_out();
  a_loop_is_stopped_and_the_others_go_on();
  memory_is_limited();
  more_than_the_app_may_have_is_refused();
  nothing_follows_the_end();
  nano_runtime_free(runtime);
  return test_end();
}
