/* Runtimes and apps are made, found, counted, closed and freed, in any order that makes sense. */
#include "harness.h"

static const char *HELLO = "export default { fetch() { return new Response('hello'); } }";

static void init_is_optional_and_once(void) {
  nano_init_options other = NANO_INIT_OPTIONS_INIT;
  nano_error *error;
  CHECK_EQ(nano_init(NULL, NULL), NANO_OK);
  CHECK_EQ(nano_init(NULL, &error), NANO_OK);
  CHECK(error == NULL);
  other.jitless = 1;
  CHECK_EQ(nano_init(&other, &error), NANO_E_ALREADY);
  CHECK_EQ(nano_error_code(error), NANO_E_ALREADY);
  CHECK(nano_error_message(error).len > 0);
  nano_error_free(error);
}

static void runtimes_come_and_go(void) {
  for (int i = 0; i < 10; i++) {
    nano_runtime *runtime = make_runtime(1);
    nano_app *app = load(runtime, app_options("hello", HELLO));
    nano_response *response;
    nano_request_init get = request("GET", "http://test/");
    int ok = nano_fetch(app, &get, 0, &response, NULL) == NANO_OK && is(nano_response_body(response), "hello");
    if (!ok || i == 9) CHECK(ok);
    nano_response_free(response);
    nano_app_free(app);
    nano_runtime_free(runtime);
  }
}

static void apps_have_names(void) {
  nano_runtime *runtime = make_runtime(1);
  nano_app_options options = app_options("hello", HELLO);
  nano_app *app = load(runtime, options), *again, *found;
  nano_error *error;
  CHECK_EQ(nano_app_load(runtime, &options, &again, &error), NANO_E_BUSY);
  CHECK(again == NULL);
  CHECK(has(nano_error_message(error), "hello"));
  nano_error_free(error);
  CHECK_EQ(nano_app_find(runtime, nano_str("hello"), &found), NANO_OK);
  CHECK(is(nano_app_name(found), "hello"));
  nano_app_free(app);
  CHECK_EQ(nano_app_unload(found, 1000, NULL), NANO_OK);
  CHECK_EQ(nano_app_unload(found, 1000, NULL), NANO_E_NOT_FOUND);
  nano_app_free(found);
  CHECK_EQ(nano_app_find(runtime, nano_str("hello"), &found), NANO_E_NOT_FOUND);
  CHECK(found == NULL);
  app = load(runtime, options);
  CHECK(app != NULL);
  nano_app_free(app);
  nano_runtime_free(runtime);
}

static void what_is_used_is_counted(void) {
  nano_runtime *runtime = make_runtime(1);
  nano_app *app = load(runtime, app_options("hello", HELLO));
  nano_request_init get = request("GET", "http://test/");
  nano_response *response;
  CHECK_EQ(nano_fetch(app, &get, 0, &response, NULL), NANO_OK);
  nano_response_free(response);
  nano_app_counters counters = NANO_APP_COUNTERS_INIT;
  CHECK_EQ(nano_app_stats(app, &counters), NANO_OK);
  CHECK_EQ(counters.requests, 1);
  CHECK_EQ(counters.versions, 1);
  CHECK_EQ(counters.size, sizeof counters);
  nano_runtime_counters totals = NANO_RUNTIME_COUNTERS_INIT;
  CHECK_EQ(nano_runtime_stats(runtime, &totals), NANO_OK);
  CHECK_EQ(totals.apps, 1);
  CHECK_EQ(totals.requests, 1);
  nano_text *text;
  CHECK_EQ(nano_runtime_metrics(runtime, &text), NANO_OK);
  CHECK(has(nano_text_bytes(text), "nano_requests_total 1"));
  nano_text_free(text);
  nano_app_free(app);
  nano_runtime_free(runtime);
}

static void a_closed_runtime_refuses_and_an_app_may_outlive_it(void) {
  nano_runtime *runtime = make_runtime(2);
  nano_app *app = load(runtime, app_options("hello", HELLO)), *other;
  nano_app_options options = app_options("late", HELLO);
  nano_request_init get = request("GET", "http://test/");
  nano_event event;
  nano_request id;
  size_t count = 99;
  CHECK_EQ(nano_runtime_close(runtime), NANO_OK);
  CHECK_EQ(nano_runtime_close(runtime), NANO_OK);
  CHECK_EQ(nano_dispatch(app, &get, NULL, &id, NULL), NANO_E_SHUTDOWN);
  CHECK_EQ(nano_app_load(runtime, &options, &other, NULL), NANO_E_SHUTDOWN);
  while (nano_poll(runtime, &event, 1, &count) == NANO_OK) nano_event_release(&event, 1);
  CHECK_EQ(nano_poll(runtime, &event, 1, &count), NANO_E_SHUTDOWN);
  CHECK_EQ(nano_wait(runtime, &event, 1, -1, &count), NANO_E_SHUTDOWN);
  CHECK_EQ(count, 0);
  nano_runtime_free(runtime);
  CHECK_EQ(nano_dispatch(app, &get, NULL, &id, NULL), NANO_E_SHUTDOWN);
  CHECK(is(nano_app_name(app), "hello"));
  nano_app_free(app);
}

static void null_is_freed_by_doing_nothing(void) {
  nano_runtime_free(NULL);
  nano_app_free(NULL);
  nano_response_free(NULL);
  nano_error_free(NULL);
  nano_text_free(NULL);
  nano_queues_free(NULL);
  nano_call_view_free(NULL);
  nano_event_release(NULL, 7);
  CHECK(1);
}

int main(void) {
  test_begin();
  init_is_optional_and_once();
  runtimes_come_and_go();
  apps_have_names();
  what_is_used_is_counted();
  a_closed_runtime_refuses_and_an_app_may_outlive_it();
  null_is_freed_by_doing_nothing();
  return test_end();
}
