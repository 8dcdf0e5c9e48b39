/* An operator ends what an app does now, and the app serves on. */
#include "harness.h"

static const char *SOURCE = "let asked = 0;\n"
                            "export default { async fetch(request) {\n"
                            "  const { pathname } = new URL(request.url);\n"
                            "  if (pathname === '/waits') await new Promise((done) => setTimeout(done, 1000000));\n"
                            "  if (pathname === '/spins') { console.log('here'); for (;;); }\n"
                            "  return new Response(String(++asked));\n"
                            "} }";

static nano_runtime *runtime;

static int answers(nano_app *app, const char *text) {
  nano_request_init get = request("GET", "http://test/");
  nano_response *response;
  if (nano_fetch(app, &get, 0, &response, NULL) != NANO_OK) return 0;
  int same = is(nano_response_body(response), text);
  nano_response_free(response);
  return same;
}

static void ends_with_canceled(nano_request id) {
  nano_event end = next_of(runtime, id, NANO_EVENT_NONE);
  CHECK_EQ(end.type, NANO_EVENT_ERROR);
  CHECK_EQ(nano_error_code(end.as.error), NANO_E_CANCELED);
  nano_event_release(&end, 1);
}

static void what_waits_ends_and_the_next_request_starts_afresh(nano_app *app) {
  uint32_t instances = 99;
  nano_error *error;
  CHECK(answers(app, "1"));
  CHECK(answers(app, "2"));
  nano_request id = dispatch(app, request("GET", "http://test/waits"));
  CHECK_EQ(nano_app_kill(app, &instances, &error), NANO_OK);
  CHECK(error == NULL);
  CHECK_EQ(instances, 1);
  ends_with_canceled(id);
  CHECK_EQ(nano_app_kill(app, &instances, NULL), NANO_OK);
  CHECK_EQ(instances, 0);
  CHECK(answers(app, "1"));
}

static void a_loop_without_end_ends(nano_app *app) {
  nano_request id = dispatch(app, request("GET", "http://test/spins"));
  nano_event here = next_of(runtime, 0, NANO_EVENT_LOG);
  CHECK(is(here.as.log->text, "here"));
  nano_event_release(&here, 1);
  CHECK_EQ(nano_app_kill(app, NULL, NULL), NANO_OK);
  ends_with_canceled(id);
  CHECK(answers(app, "1"));
}

int main(void) {
  test_begin();
  nano_runtime_options options = NANO_RUNTIME_OPTIONS_INIT;
  nano_error *error;
  options.threads = 1, options.events = NANO_EVENTS_LOG;
  if (nano_runtime_new(&options, &runtime, &error)) bail("nano_runtime_new", error);
  nano_app_options app_of = app_options("app", SOURCE);
  /* Only the operator ends it. */
  app_of.cpu_ms = 60000;
  nano_app *app = load(runtime, app_of);
  what_waits_ends_and_the_next_request_starts_afresh(app);
  a_loop_without_end_ends(app);
  CHECK_EQ(nano_runtime_close(runtime), NANO_OK);
  uint32_t instances = 99;
  CHECK_EQ(nano_app_kill(app, &instances, NULL), NANO_E_SHUTDOWN);
  CHECK_EQ(instances, 0);
  nano_app_free(app);
  nano_runtime_free(runtime);
  return test_end();
}
