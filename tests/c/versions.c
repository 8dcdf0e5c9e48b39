/* Versions of an app: each is answered by what its host keeps for it, until it has ended. */
#include "harness.h"
#include <pthread.h>

#include "cbor.h"

#define ASKS "export default { async fetch(request, env) { return new Response(await env.ask()); } }"

static nano_runtime *runtime;
static nano_app *app;

/* What a host keeps for a version. */
typedef struct version {
  const char *answer;
  int ended;
} version;

static nano_app_options options_of(version *version, const char *source) {
  static nano_binding ask;
  nano_app_options options = app_options("app", source);
  ask.name = nano_str("ask"), ask.kind = NANO_BINDING_FUNCTION;
  options.env_bindings = &ask, options.env_bindings_count = 1;
  options.user_data = version;
  return options;
}

static nano_event next(void) {
  nano_event event = next_event(runtime);
  if (event.type == NANO_EVENT_VERSION_END) {
    CHECK(event.id == 0 && event.user_data);
    if (event.user_data) ((version *)event.user_data)->ended++;
  }
  return event;
}

static uint32_t next_type(void) {
  nano_event event = next();
  uint32_t type = event.type;
  nano_event_release(&event, 1);
  return type;
}

static nano_call begin(void) {
  nano_event event;
  nano_call call;
  dispatch(app, request("GET", "http://app.example/"));
  event = next(), call = event.id;
  CHECK_EQ(event.type, NANO_EVENT_CALL);
  CHECK(event.user_data == NULL);
  nano_event_release(&event, 1);
  return call;
}

/* Answers as the version that calls does. */
static void answer(nano_call call, const char *wanted) {
  nano_call_view *view;
  cbor_out out = {0};
  nano_event event;
  CHECK_EQ(nano_call_request(runtime, call, &view), NANO_OK);
  cbor_text(&out, ((version *)view->user_data)->answer);
  CHECK_EQ(nano_call_return(runtime, call, (nano_bytes){out.ptr, out.len}, NULL), NANO_OK);
  nano_call_view_free(view), free(out.ptr);
  event = next();
  CHECK_EQ(event.type, NANO_EVENT_RESPONSE);
  CHECK(event.type == NANO_EVENT_RESPONSE && is(nano_response_body(event.as.response), wanted));
  nano_event_release(&event, 1);
}

static void each_answers_its_own_requests(void) {
  version versions[] = {{"one", 0}, {"two", 0}, {"three", 0}};
  nano_call calls[3];
  for (int i = 0; i < 3; i++) {
    nano_app_options options = options_of(&versions[i], ASKS);
    if (!i) app = load(runtime, options);
    else CHECK_EQ(nano_app_reload(app, &options, NULL), NANO_OK);
    calls[i] = begin();
  }
  answer(calls[0], "one");
  CHECK_EQ(next_type(), NANO_EVENT_VERSION_END);
  CHECK_EQ(versions[0].ended, 1);
  answer(calls[2], "three"), answer(calls[1], "two");
  CHECK_EQ(next_type(), NANO_EVENT_VERSION_END);
  CHECK(versions[1].ended == 1 && versions[2].ended == 0);
  CHECK_EQ(nano_app_unload(app, WAIT_MS, NULL), NANO_OK);
  CHECK_EQ(next_type(), NANO_EVENT_VERSION_END);
  CHECK_EQ(versions[2].ended, 1);
  nano_app_free(app);
}

/* A struct of a header that is newer than the library. */
typedef struct newer {
  nano_app_options options;
  uint64_t more;
} newer;

static void what_is_not_loaded_ends_too(void) {
  version kept = {"kept", 0}, lost = {"lost", 0};
  nano_app_options options = options_of(&kept, ASKS);
  nano_binding members = {0};
  nano_app *none;
  newer later = {0};
  app = load(runtime, options);
  options = options_of(&lost, "export default {");
  CHECK_EQ(nano_app_reload(app, &options, NULL), NANO_E_COMPILE);
  CHECK(next_type() == NANO_EVENT_VERSION_END && lost.ended == 1);
  options = options_of(&lost, ASKS);
  CHECK_EQ(nano_app_load(runtime, &options, &none, NULL), NANO_E_BUSY);
  CHECK(next_type() == NANO_EVENT_VERSION_END && lost.ended == 2);
  options.source_kind = 99;
  CHECK_EQ(nano_app_load(runtime, &options, &none, NULL), NANO_E_TOO_NEW);
  CHECK(next_type() == NANO_EVENT_VERSION_END && lost.ended == 3);
  later.options = options_of(&lost, ASKS), later.options.size = sizeof later, later.more = 1;
  CHECK_EQ(nano_app_reload(app, &later.options, NULL), NANO_E_TOO_NEW);
  CHECK(next_type() == NANO_EVENT_VERSION_END && lost.ended == 4);
  CHECK_EQ(nano_app_load(runtime, &options, NULL, NULL), NANO_E_INVALID);
  options.size = 3;
  CHECK_EQ(nano_app_load(runtime, &options, &none, NULL), NANO_E_INVALID);
  members.name = nano_str("B"), members.methods = members.properties = &members.name;
  members.methods_count = SIZE_MAX, members.properties_count = 1;
  options = options_of(&lost, ASKS);
  options.env_bindings = &members;
  CHECK_EQ(nano_app_load(runtime, &options, &none, NULL), NANO_E_INVALID);
  CHECK(next_type() == NANO_EVENT_VERSION_END && lost.ended == 5);
  answer(begin(), "kept");
  CHECK_EQ(nano_runtime_close(runtime), NANO_OK);
  CHECK(next_type() == NANO_EVENT_VERSION_END && kept.ended == 1 && lost.ended == 5);
  CHECK_EQ(next_type(), NANO_EVENT_NONE);
  options = options_of(&lost, ASKS);
  CHECK_EQ(nano_app_load(runtime, &options, &none, NULL), NANO_E_SHUTDOWN);
  CHECK_EQ(nano_app_reload(app, &options, NULL), NANO_E_SHUTDOWN);
  options.source_kind = 99;
  CHECK_EQ(nano_app_load(runtime, &options, &none, NULL), NANO_E_TOO_NEW);
  CHECK_EQ(nano_app_reload(app, &options, NULL), NANO_E_TOO_NEW);
  CHECK_EQ(next_type(), NANO_EVENT_NONE);
  nano_app_free(app);
}

static void *poll_until_shutdown(void *closing) {
  nano_event event;
  size_t count;
  while (nano_poll(closing, &event, 1, &count) == NANO_OK) {
    if (count && event.type == NANO_EVENT_VERSION_END) ((version *)event.user_data)->ended++;
    nano_event_release(&event, count);
  }
  return NULL;
}

/* Also to one who polls in the moment in which the runtime is closed. */
static void shutdown_is_said_after_the_last_event(void) {
  int ended = 0;
  for (int i = 0; i < 100; i++) {
    version only = {"only", 0};
    nano_app_options options = options_of(&only, ASKS);
    nano_runtime *closing = make_runtime(1);
    pthread_t poller;
    options.flags = NANO_APP_LAZY;
    nano_app_free(load(closing, options));
    if (pthread_create(&poller, NULL, poll_until_shutdown, closing)) FAIL("a thread");
    nano_runtime_close(closing);
    pthread_join(poller, NULL);
    nano_runtime_free(closing);
    ended += only.ended;
  }
  CHECK_EQ(ended, 100);
}

int main(void) {
  test_begin();
  runtime = make_runtime(1);
  each_answers_its_own_requests();
  what_is_not_loaded_ends_too();
  shutdown_is_said_after_the_last_event();
  nano_runtime_free(runtime);
  return test_end();
}
