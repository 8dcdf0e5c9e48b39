/* In a child after fork every call is refused, nothing crashes, and the parent goes on. */
#include "harness.h"

#include <sys/wait.h>

static int released;
static void count_release(void *ctx) { ++*(int *)ctx; }

static void ring(void *ctx) { (void)ctx; }

/* What there was before the fork. */
static nano_runtime *runtime;
static nano_app *app;
static nano_response *response;
static nano_error *refused;
static nano_listener *listener;
static nano_text *metrics;
static nano_event ended;

static void runtimes_are_refused(void) {
  nano_runtime *fresh;
  nano_runtime_counters counters = NANO_RUNTIME_COUNTERS_INIT;
  nano_queue_counters queue = NANO_QUEUE_COUNTERS_INIT;
  nano_queues *queues;
  nano_text *text;
  nano_event event;
  nano_error *error = NULL;
  size_t n;
  CHECK_EQ(nano_runtime_new(NULL, &fresh, &error), NANO_E_FORKED);
  CHECK(has(nano_error_message(error), "fork"));
  nano_error_free(error);
  CHECK_EQ(nano_init(NULL, NULL), NANO_E_FORKED);
  CHECK_EQ(nano_runtime_fd(runtime), -1);
  CHECK_EQ(nano_runtime_advance(runtime, 1), NANO_E_FORKED);
  CHECK_EQ(nano_runtime_set_doorbell(runtime, ring, NULL), NANO_E_FORKED);
  CHECK_EQ(nano_runtime_stats(runtime, &counters), NANO_E_FORKED);
  CHECK_EQ(nano_runtime_metrics(runtime, &text), NANO_E_FORKED);
  CHECK_EQ(nano_queue_stats(runtime, nano_str("x"), &queue), NANO_E_FORKED);
  CHECK_EQ(nano_runtime_queues(runtime, &queues), NANO_E_FORKED);
  CHECK_EQ(nano_poll(runtime, &event, 1, &n), NANO_E_FORKED);
  CHECK_EQ(nano_wait(runtime, &event, 1, -1, &n), NANO_E_FORKED);
  CHECK_EQ(nano_runtime_drain(runtime, 0), NANO_E_FORKED);
  CHECK_EQ(nano_runtime_close(runtime), NANO_E_FORKED);
}

static void apps_are_refused(void) {
  nano_app_options options = app_options("x", "export default {}");
  nano_app_counters counters = NANO_APP_COUNTERS_INIT;
  nano_app *other;
  nano_request id;
  CHECK_EQ(nano_app_load(runtime, &options, &other, NULL), NANO_E_FORKED);
  CHECK_EQ(nano_app_reload(app, &options, NULL), NANO_E_FORKED);
  CHECK_EQ(nano_app_unload(app, 0, NULL), NANO_E_FORKED);
  CHECK_EQ(nano_app_kill(app, NULL, NULL), NANO_E_FORKED);
  CHECK_EQ(nano_app_find(runtime, nano_str("app"), &other), NANO_E_FORKED);
  CHECK_EQ(nano_app_stats(app, &counters), NANO_E_FORKED);
  CHECK_EQ(nano_app_schedule(app, nano_str("* * * * *"), 0, NULL, &id, NULL), NANO_E_FORKED);
}

static void requests_are_refused_and_their_bodies_released(void) {
  nano_request_init init = request("POST", "http://test/");
  nano_bytes none = {NULL, 0};
  nano_event event;
  nano_request id;
  nano_response *answer;
  size_t n;
  init.body_kind = NANO_BODY_WHOLE, init.body = (nano_owned){(const uint8_t *)"x", 1, count_release, &released};
  CHECK_EQ(nano_dispatch(app, &init, NULL, &id, NULL), NANO_E_FORKED);
  CHECK_EQ(released, 1);
  CHECK_EQ(nano_fetch(app, &init, 0, &answer, NULL), NANO_E_FORKED);
  CHECK_EQ(released, 2);
  CHECK_EQ(nano_invoke(app, nano_str("f"), none, NULL, &id, NULL), NANO_E_FORKED);
  CHECK_EQ(nano_invoke_wait(app, nano_str("f"), none, 0, &event, NULL), NANO_E_FORKED);
  CHECK_EQ(nano_request_write(runtime, 1, nano_str("x"), &n), NANO_E_FORKED);
  CHECK_EQ(nano_request_end(runtime, 1), NANO_E_FORKED);
  CHECK_EQ(nano_request_abort(runtime, 1, none), NANO_E_FORKED);
  CHECK_EQ(nano_request_cancel(runtime, 1), NANO_E_FORKED);
  CHECK_EQ(nano_response_credit(runtime, 1, 1), NANO_E_FORKED);
}

static void calls_are_refused_and_their_bodies_released(void) {
  nano_call_response answer = NANO_CALL_RESPONSE_INIT;
  nano_call_view *view;
  size_t n;
  answer.status = 200, answer.body = (nano_owned){(const uint8_t *)"x", 1, count_release, &released};
  CHECK_EQ(nano_call_request(runtime, 1, &view), NANO_E_FORKED);
  CHECK_EQ(nano_call_respond(runtime, 1, &answer, NULL), NANO_E_FORKED);
  CHECK_EQ(released, 3);
  CHECK_EQ(nano_call_return(runtime, 1, (nano_bytes){NULL, 0}, NULL), NANO_E_FORKED);
  CHECK_EQ(nano_call_write(runtime, 1, nano_str("x"), &n), NANO_E_FORKED);
  CHECK_EQ(nano_call_end(runtime, 1), NANO_E_FORKED);
  CHECK_EQ(nano_call_fail(runtime, 1, nano_str("x")), NANO_E_FORKED);
  CHECK_EQ(nano_call_throw(runtime, 1, nano_str("x"), nano_str("y")), NANO_E_FORKED);
  CHECK_EQ(nano_call_credit(runtime, 1, 1), NANO_E_FORKED);
  nano_call_view_free(NULL);
}

static void listeners_are_refused(void) {
  nano_listen_options options = NANO_LISTEN_OPTIONS_INIT;
  nano_listener *other;
  options.address = nano_str("127.0.0.1:0");
  CHECK_EQ(nano_listen(runtime, &options, &other, NULL), NANO_E_FORKED);
  CHECK_EQ(nano_listener_set_certificates(listener, NULL, 0, NULL), NANO_E_FORKED);
  CHECK_EQ(nano_listener_close(listener), NANO_E_FORKED);
  CHECK_EQ(nano_listener_connections(listener), 0);
  CHECK(has(nano_listener_address(listener), "127.0.0.1:"));
}

/* It was copied, and each _free leaves it alone. */
static void plain_memory_is_still_there(void) {
  nano_account account = NANO_ACCOUNT_INIT;
  size_t n;
  CHECK(!strcmp(nano_status_name(NANO_E_FORKED), "NANO_E_FORKED"));
  CHECK(nano_version()[0] && nano_abi_version() == NANO_ABI_VERSION);
  for (int again = 0; again < 2; again++) {
    CHECK(is(nano_app_name(app), "app"));
    CHECK_EQ(nano_response_status(response), 200);
    CHECK(is(nano_response_status_text(response), ""));
    CHECK(is(nano_response_body(response), "here"));
    CHECK(has(nano_response_header(response, nano_str("content-type")), "text/plain"));
    CHECK(nano_response_headers(response, &n) && n == 1);
    CHECK_EQ(nano_response_account(response, &account), NANO_E_FORKED);
    CHECK_EQ(nano_error_code(refused), NANO_E_EXCEPTION);
    CHECK_EQ(nano_error_http_status(refused), 500);
    CHECK(has(nano_error_message(refused), "no luck") && has(nano_error_stack(refused), "no luck"));
    CHECK_EQ(nano_error_account(refused, &account), NANO_E_FORKED);
    CHECK(has(nano_text_bytes(metrics), "nano_"));
    CHECK_EQ(nano_event_account(&ended, &account), NANO_E_FORKED);
    CHECK(nano_queues_names(NULL, &n) == NULL);
    nano_response_free(response);
    nano_error_free(refused);
    nano_text_free(metrics);
    nano_listener_free(listener);
    nano_queues_free(NULL);
    nano_event_release(&ended, 1);
    nano_app_free(app);
    nano_runtime_free(runtime);
  }
}

static int child(void) {
  test_count = test_failures = 0;
  runtimes_are_refused();
  apps_are_refused();
  requests_are_refused_and_their_bodies_released();
  calls_are_refused_and_their_bodies_released();
  listeners_are_refused();
  plain_memory_is_still_there();
  return test_end();
}

int main(void) {
  test_begin();
  runtime = make_runtime(2);
  app = load(runtime, app_options("app", "export default { fetch() { return new Response('here'); } }"));
  nano_app *thrower = load(runtime, app_options("thrower", "export default { fetch() { throw new Error('no luck'); } }"));
  nano_request_init init = request("GET", "http://test/");
  nano_route route = {nano_str(""), nano_str(""), app};
  nano_listen_options options = NANO_LISTEN_OPTIONS_INIT;
  options.address = nano_str("127.0.0.1:0"), options.routes = &route, options.routes_count = 1;
  CHECK_EQ(nano_listen(runtime, &options, &listener, NULL), NANO_OK);
  CHECK_EQ(nano_runtime_metrics(runtime, &metrics), NANO_OK);
  CHECK_EQ(nano_fetch(app, &init, 0, &response, NULL), NANO_OK);
  nano_response *none;
  CHECK_EQ(nano_fetch(thrower, &init, 0, &none, &refused), NANO_E_EXCEPTION);
  dispatch(app, init);
  ended = next_event(runtime);
  CHECK_EQ(ended.type, NANO_EVENT_RESPONSE);
  fflush(stdout);
  pid_t pid = fork();
  if (pid == 0) {
    alarm(60);
    _exit(child());
  }
  int status = -1;
  CHECK_EQ(waitpid(pid, &status, 0), pid);
  CHECK_EQ(status, 0);
  CHECK(is(nano_response_body(response), "here"));
  nano_response_free(response);
  nano_event_release(&ended, 1);
  nano_error_free(refused);
  nano_text_free(metrics);
  CHECK_EQ(nano_fetch(app, &init, 0, &response, NULL), NANO_OK);
  CHECK(is(nano_response_body(response), "here"));
  nano_response_free(response);
  nano_listener_free(listener);
  nano_app_free(thrower);
  nano_app_free(app);
  nano_runtime_free(runtime);
  return test_end();
}
