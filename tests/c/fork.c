/* In a child after fork every call is refused, nothing crashes, and the parent goes on. */
#include "harness.h"

#include <sys/wait.h>

static int released;
static void count_release(void *ctx) { ++*(int *)ctx; }

static int child(nano_runtime *runtime, nano_app *app, nano_response *response) {
  nano_request_init init = request("POST", "http://test/");
  nano_app_options options = app_options("x", "export default {}");
  nano_runtime *fresh;
  nano_app *other;
  nano_event event;
  nano_request id;
  nano_response *answer;
  nano_call_view *view;
  nano_error *error = NULL;
  nano_queue_counters counters = NANO_QUEUE_COUNTERS_INIT;
  nano_queues *queues;
  size_t n;
  test_count = test_failures = 0;
  init.body_kind = NANO_BODY_WHOLE, init.body = (nano_owned){(const uint8_t *)"x", 1, count_release, &released};
  CHECK_EQ(nano_runtime_new(NULL, &fresh, &error), NANO_E_FORKED);
  CHECK(has(nano_error_message(error), "fork"));
  nano_error_free(error);
  CHECK_EQ(nano_init(NULL, NULL), NANO_E_FORKED);
  CHECK_EQ(nano_app_load(runtime, &options, &other, NULL), NANO_E_FORKED);
  CHECK_EQ(nano_app_reload(app, &options, NULL), NANO_E_FORKED);
  CHECK_EQ(nano_app_unload(app, 0, NULL), NANO_E_FORKED);
  CHECK_EQ(nano_app_kill(app, NULL, NULL), NANO_E_FORKED);
  CHECK_EQ(nano_queue_stats(runtime, nano_str("x"), &counters), NANO_E_FORKED);
  CHECK_EQ(nano_runtime_queues(runtime, &queues), NANO_E_FORKED);
  CHECK_EQ(nano_dispatch(app, &init, NULL, &id, NULL), NANO_E_FORKED);
  CHECK_EQ(released, 1);
  CHECK_EQ(nano_fetch(app, &init, 0, &answer, NULL), NANO_E_FORKED);
  CHECK_EQ(released, 2);
  CHECK_EQ(nano_invoke(app, nano_str("f"), (nano_bytes){NULL, 0}, NULL, &id, NULL), NANO_E_FORKED);
  CHECK_EQ(nano_poll(runtime, &event, 1, &n), NANO_E_FORKED);
  CHECK_EQ(nano_wait(runtime, &event, 1, -1, &n), NANO_E_FORKED);
  CHECK_EQ(nano_request_cancel(runtime, 1), NANO_E_FORKED);
  CHECK_EQ(nano_call_request(runtime, 1, &view), NANO_E_FORKED);
  CHECK_EQ(nano_runtime_drain(runtime, 0), NANO_E_FORKED);
  CHECK_EQ(nano_runtime_close(runtime), NANO_E_FORKED);
  CHECK_EQ(nano_runtime_fd(runtime), -1);
  /* Plain memory is still there. */
  CHECK_EQ(nano_response_status(response), 200);
  nano_response_free(response);
  CHECK_EQ(nano_response_status(response), 200);
  nano_app_free(app);
  nano_runtime_free(runtime);
  nano_runtime_free(runtime);
  return test_end();
}

int main(void) {
  test_begin();
  nano_runtime *runtime = make_runtime(2);
  nano_app *app = load(runtime, app_options("app", "export default { fetch() { return new Response('here'); } }"));
  nano_request_init init = request("GET", "http://test/");
  nano_response *response;
  CHECK_EQ(nano_fetch(app, &init, 0, &response, NULL), NANO_OK);
  fflush(stdout);
  pid_t pid = fork();
  if (pid == 0) {
    alarm(60);
    _exit(child(runtime, app, response));
  }
  int status = -1;
  CHECK_EQ(waitpid(pid, &status, 0), pid);
  CHECK_EQ(status, 0);
  nano_response_free(response);
  CHECK_EQ(nano_fetch(app, &init, 0, &response, NULL), NANO_OK);
  CHECK(is(nano_response_body(response), "here"));
  nano_response_free(response);
  nano_app_free(app);
  nano_runtime_free(runtime);
  return test_end();
}
