/* Whatever is wrong becomes a status and a sentence; nothing crashes. */
#include "harness.h"

static nano_runtime *runtime;
static nano_app *app;

/* Loads and expects a refusal whose message says this. */
static void refused(nano_app_options options, nano_status status, const char *why) {
  nano_app *none;
  nano_error *error = NULL;
  CHECK_EQ(nano_app_load(runtime, &options, &none, &error), status);
  CHECK(none == NULL);
  if (!has(nano_error_message(error), why)) printf("# \"%.*s\"\n", (int)nano_error_message(error).len, (const char *)nano_error_message(error).ptr);
  CHECK(has(nano_error_message(error), why));
  nano_error_free(error);
}

static void not_dispatched(nano_request_init init, nano_status status, const char *why) {
  nano_request id = 7;
  nano_error *error = NULL;
  CHECK_EQ(nano_dispatch(app, &init, NULL, &id, &error), status);
  CHECK_EQ(id, 0);
  CHECK(has(nano_error_message(error), why));
  nano_error_free(error);
}

static void null_is_refused_everywhere(void) {
  nano_runtime *no_runtime = NULL;
  nano_app *no_app = NULL;
  nano_request_init init = request("GET", "http://test/");
  nano_app_options options = app_options("x", "");
  nano_event event;
  nano_request id;
  nano_response *response;
  nano_call_view *view;
  nano_call_response answer = NANO_CALL_RESPONSE_INIT;
  nano_account account = NANO_ACCOUNT_INIT;
  nano_queue_counters counters = NANO_QUEUE_COUNTERS_INIT;
  nano_queues *queues;
  nano_app_counters counted = NANO_APP_COUNTERS_INIT;
  nano_listen_options listen = NANO_LISTEN_OPTIONS_INIT;
  nano_listener *listener;
  nano_bytes none = {NULL, 0};
  size_t n;
  CHECK_EQ(nano_runtime_new(NULL, NULL, NULL), NANO_E_INVALID);
  CHECK_EQ(nano_runtime_drain(NULL, 0), NANO_E_INVALID);
  CHECK_EQ(nano_runtime_close(NULL), NANO_E_INVALID);
  CHECK_EQ(nano_runtime_fd(NULL), -1);
  CHECK_EQ(nano_runtime_advance(NULL, 1), NANO_E_INVALID);
  CHECK_EQ(nano_runtime_set_doorbell(NULL, NULL, NULL), NANO_E_INVALID);
  CHECK_EQ(nano_runtime_stats(runtime, NULL), NANO_E_INVALID);
  CHECK_EQ(nano_runtime_metrics(runtime, NULL), NANO_E_INVALID);
  CHECK_EQ(nano_app_load(no_runtime, &options, &no_app, NULL), NANO_E_INVALID);
  CHECK_EQ(nano_app_load(runtime, NULL, &no_app, NULL), NANO_E_INVALID);
  CHECK_EQ(nano_app_load(runtime, &options, NULL, NULL), NANO_E_INVALID);
  CHECK_EQ(nano_app_reload(NULL, &options, NULL), NANO_E_INVALID);
  CHECK_EQ(nano_app_unload(NULL, 0, NULL), NANO_E_INVALID);
  CHECK_EQ(nano_app_kill(NULL, NULL, NULL), NANO_E_INVALID);
  CHECK_EQ(nano_app_find(runtime, nano_str("x"), NULL), NANO_E_INVALID);
  CHECK_EQ(nano_queue_stats(NULL, nano_str("x"), &counters), NANO_E_INVALID);
  CHECK_EQ(nano_queue_stats(runtime, nano_str("x"), NULL), NANO_E_INVALID);
  CHECK_EQ(nano_queue_stats(runtime, nano_str("\xff"), &counters), NANO_E_INVALID);
  CHECK_EQ(nano_runtime_queues(NULL, &queues), NANO_E_INVALID);
  CHECK(queues == NULL);
  CHECK_EQ(nano_runtime_queues(runtime, NULL), NANO_E_INVALID);
  CHECK_EQ(nano_listen(NULL, &listen, &listener, NULL), NANO_E_INVALID);
  CHECK_EQ(nano_listener_set_certificates(NULL, NULL, 0, NULL), NANO_E_INVALID);
  CHECK_EQ(nano_listener_close(NULL), NANO_E_INVALID);
  CHECK_EQ(nano_app_stats(app, NULL), NANO_E_INVALID);
  CHECK_EQ(nano_app_stats(NULL, &counted), NANO_E_INVALID);
  CHECK_EQ(nano_app_schedule(NULL, none, 0, NULL, &id, NULL), NANO_E_INVALID);
  CHECK_EQ(nano_dispatch(NULL, &init, NULL, &id, NULL), NANO_E_INVALID);
  CHECK_EQ(nano_dispatch(app, NULL, NULL, &id, NULL), NANO_E_INVALID);
  CHECK_EQ(nano_dispatch(app, &init, NULL, NULL, NULL), NANO_E_INVALID);
  CHECK_EQ(nano_fetch(app, &init, 0, NULL, NULL), NANO_E_INVALID);
  CHECK_EQ(nano_fetch(NULL, &init, 0, &response, NULL), NANO_E_INVALID);
  CHECK_EQ(nano_invoke(NULL, nano_str("f"), none, NULL, &id, NULL), NANO_E_INVALID);
  CHECK_EQ(nano_invoke_wait(app, nano_str("f"), none, 0, NULL, NULL), NANO_E_INVALID);
  CHECK_EQ(nano_request_write(NULL, 1, none, &n), NANO_E_INVALID);
  CHECK_EQ(nano_request_write(runtime, 1, none, NULL), NANO_E_INVALID);
  CHECK_EQ(nano_request_end(NULL, 1), NANO_E_INVALID);
  CHECK_EQ(nano_request_abort(NULL, 1, none), NANO_E_INVALID);
  CHECK_EQ(nano_request_cancel(NULL, 1), NANO_E_INVALID);
  CHECK_EQ(nano_response_credit(NULL, 1, 1), NANO_E_INVALID);
  CHECK_EQ(nano_poll(NULL, &event, 1, &n), NANO_E_INVALID);
  CHECK_EQ(nano_poll(runtime, NULL, 1, &n), NANO_E_INVALID);
  CHECK_EQ(nano_poll(runtime, &event, 0, &n), NANO_E_INVALID);
  CHECK_EQ(nano_poll(runtime, &event, 1, NULL), NANO_E_INVALID);
  CHECK_EQ(nano_wait(NULL, &event, 1, 0, &n), NANO_E_INVALID);
  CHECK_EQ(nano_event_account(NULL, &account), NANO_E_INVALID);
  CHECK_EQ(nano_response_account(NULL, &account), NANO_E_INVALID);
  CHECK_EQ(nano_call_request(NULL, 1, &view), NANO_E_INVALID);
  CHECK_EQ(nano_call_request(runtime, 1, NULL), NANO_E_INVALID);
  CHECK_EQ(nano_call_respond(NULL, 1, &answer, NULL), NANO_E_INVALID);
  CHECK_EQ(nano_call_respond(runtime, 1, NULL, NULL), NANO_E_INVALID);
  CHECK_EQ(nano_call_return(NULL, 1, none, NULL), NANO_E_INVALID);
  CHECK_EQ(nano_call_fail(NULL, 1, none), NANO_E_INVALID);
  CHECK_EQ(nano_call_throw(NULL, 1, none, none), NANO_E_INVALID);
  CHECK_EQ(nano_call_write(NULL, 1, none, &n), NANO_E_INVALID);
  CHECK_EQ(nano_call_write(runtime, 1, none, NULL), NANO_E_INVALID);
  CHECK_EQ(nano_call_end(NULL, 1), NANO_E_INVALID);
  CHECK_EQ(nano_call_credit(NULL, 1, 1), NANO_E_INVALID);
}

/* Accessors have no status to refuse with: nothing is what they read of NULL, and what _free does with it. */
static void null_reads_as_nothing(void) {
  nano_account account = NANO_ACCOUNT_INIT;
  size_t n = 7;
  CHECK_EQ(nano_app_name(NULL).len, 0);
  CHECK_EQ(nano_error_code(NULL), NANO_OK);
  CHECK_EQ(nano_error_http_status(NULL), 0);
  CHECK_EQ(nano_error_message(NULL).len, 0);
  CHECK_EQ(nano_error_stack(NULL).len, 0);
  CHECK_EQ(nano_error_account(NULL, &account), NANO_E_INVALID);
  CHECK_EQ(nano_response_status(NULL), 0);
  CHECK_EQ(nano_response_status_text(NULL).len, 0);
  CHECK_EQ(nano_response_body(NULL).len, 0);
  CHECK_EQ(nano_response_header(NULL, nano_str("x")).len, 0);
  CHECK(nano_response_headers(NULL, &n) == NULL && n == 0);
  CHECK(nano_response_headers(NULL, NULL) == NULL);
  CHECK(nano_queues_names(NULL, &n) == NULL && n == 0);
  CHECK(nano_queues_names(NULL, NULL) == NULL);
  CHECK_EQ(nano_text_bytes(NULL).len, 0);
  CHECK_EQ(nano_listener_address(NULL).len, 0);
  CHECK_EQ(nano_listener_connections(NULL), 0);
  nano_app_free(NULL), nano_call_view_free(NULL), nano_error_free(NULL), nano_listener_free(NULL), nano_queues_free(NULL);
  nano_response_free(NULL), nano_runtime_free(NULL), nano_text_free(NULL), nano_event_release(NULL, 0), nano_event_release(NULL, 7);
}

static void what_needs_no_handle_answers_at_any_time(void) {
  CHECK_EQ(nano_init(NULL, NULL), NANO_OK);
  CHECK_EQ(nano_abi_version(), NANO_ABI_VERSION);
  CHECK(!strncmp(nano_version(), "nano/", 5));
  CHECK(!strcmp(nano_status_name(NANO_E_CPU_LIMIT), "NANO_E_CPU_LIMIT"));
  CHECK(!strcmp(nano_status_name(-12345), "NANO_E_UNKNOWN"));
}

static void foreign_ids_are_not_found(void) {
  const uint64_t ids[] = {0, 1, 12345, 1ull << 32, 1ull << 63, (1ull << 63) + 1, ~0ull};
  for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
    nano_call_view *view;
    nano_call_response answer = NANO_CALL_RESPONSE_INIT;
    size_t n;
    answer.status = 200;
    CHECK_EQ(nano_request_write(runtime, ids[i], nano_str("x"), &n), NANO_E_NOT_FOUND);
    CHECK_EQ(nano_request_end(runtime, ids[i]), NANO_E_NOT_FOUND);
    CHECK_EQ(nano_request_abort(runtime, ids[i], nano_str("why")), NANO_E_NOT_FOUND);
    CHECK_EQ(nano_request_cancel(runtime, ids[i]), NANO_E_NOT_FOUND);
    CHECK_EQ(nano_response_credit(runtime, ids[i], 1), NANO_E_NOT_FOUND);
    CHECK_EQ(nano_call_request(runtime, ids[i], &view), NANO_E_NOT_FOUND);
    CHECK_EQ(nano_call_respond(runtime, ids[i], &answer, NULL), NANO_E_NOT_FOUND);
    CHECK_EQ(nano_call_return(runtime, ids[i], (nano_bytes){NULL, 0}, NULL), NANO_E_NOT_FOUND);
    CHECK_EQ(nano_call_write(runtime, ids[i], nano_str("x"), &n), NANO_E_NOT_FOUND);
    CHECK_EQ(nano_call_end(runtime, ids[i]), NANO_E_NOT_FOUND);
    CHECK_EQ(nano_call_fail(runtime, ids[i], nano_str("x")), NANO_E_NOT_FOUND);
    CHECK_EQ(nano_call_throw(runtime, ids[i], nano_str("x"), nano_str("y")), NANO_E_NOT_FOUND);
    CHECK_EQ(nano_call_credit(runtime, ids[i], 1), NANO_E_NOT_FOUND);
  }
}

static void structs_may_be_older_or_newer(void) {
  struct {
    nano_request_init init;
    uint64_t more;
  } newer = {request("GET", "http://test/"), 0};
  nano_response *response;
  newer.init.size = sizeof newer;
  CHECK_EQ(nano_fetch(app, &newer.init, 0, &response, NULL), NANO_OK);
  nano_response_free(response);
  newer.more = 1;
  CHECK_EQ(nano_fetch(app, &newer.init, 0, &response, NULL), NANO_E_TOO_NEW);
  /* A host from before there were deadlines. */
  newer.init.size = offsetof(nano_request_init, body_kind);
  CHECK_EQ(nano_fetch(app, &newer.init, 0, &response, NULL), NANO_OK);
  nano_response_free(response);
  newer.init.size = 0;
  not_dispatched(newer.init, NANO_E_INVALID, "_INIT");
  struct {
    nano_account account;
    uint64_t more;
  } account = {{0}, 9};
  nano_event event;
  memset(&event, 0, sizeof event);
  account.account.size = sizeof account;
  CHECK_EQ(nano_event_account(&event, &account.account), NANO_E_NOT_FOUND);
  nano_app_options options = app_options("future", "");
  options.reserved = 1;
  refused(options, NANO_E_TOO_NEW, "reserved");
  options.reserved = 0, options.flags = 0x80;
  refused(options, NANO_E_TOO_NEW, "0x80");
  options.flags = 0, options.source_kind = 99;
  refused(options, NANO_E_TOO_NEW, "99");
}

static void sources_that_do_not_load_say_where(void) {
  refused(app_options("broken", "export default {\n  fetch() { return 1 +; }\n}"), NANO_E_COMPILE, "index.js:2:23: ");
  refused(app_options("lost", "import './missing.js'; export default { fetch() {} }"), NANO_E_COMPILE, "missing.js");
  refused(app_options("\xff", "export default {}"), NANO_E_INVALID, "name");
  refused(app_options("", "export default {}"), NANO_E_INVALID, "name");
  nano_app_options options = app_options("nowhere", "/nonexistent/app.js");
  options.source_kind = NANO_SOURCE_FILE;
  refused(options, NANO_E_IO, "/nonexistent/app.js");
  options.source_kind = NANO_SOURCE_FOLDER;
  refused(options, NANO_E_IO, "/nonexistent/app.js");
  options.source = (nano_bytes){NULL, 5};
  refused(options, NANO_E_INVALID, "NULL");
}

static void env_is_checked(void) {
  nano_variable twice[] = {{nano_str("A"), nano_str("1")}, {nano_str("A"), nano_str("2")}};
  nano_variable nameless[] = {{nano_str(""), nano_str("1")}};
  nano_variable garbage[] = {{nano_str("A"), nano_str("\xc3\x28")}};
  nano_app_options options = app_options("env", "export default { fetch() {} }");
  options.env = twice, options.env_count = 2;
  refused(options, NANO_E_INVALID, "\"A\"");
  options.env = nameless, options.env_count = 1;
  refused(options, NANO_E_INVALID, "no name");
  options.env = garbage;
  refused(options, NANO_E_INVALID, "UTF-8");
  options.env = NULL;
  refused(options, NANO_E_INVALID, "env is NULL");
}

static void limits_may_be_as_large_as_numbers_are(void) {
  nano_runtime *other = make_runtime(1);
  nano_app_options options = app_options(
      "boundless", "export default { async fetch() { await new Promise((done) => setTimeout(done)); return new Response('ok'); } }");
  nano_request_init init = request("GET", "http://test/");
  nano_response *response;
  options.heap_bytes = options.external_bytes = options.body_bytes = options.upload_bytes = UINT64_MAX;
  options.storage_bytes = options.cache_bytes = UINT64_MAX;
  options.cpu_ms = options.start_cpu_ms = options.wall_ms = options.idle_ms = options.errand_cpu_ms = UINT32_MAX;
  options.requests = options.subrequests = options.subrequests_at_once = options.timers = options.sockets = UINT32_MAX;
  options.errands = options.host_objects = options.storage_entries = options.log_bytes_per_s = UINT32_MAX;
  options.env_entries = options.env_entry_bytes = options.url_bytes = options.header_bytes = UINT32_MAX;
  nano_app *boundless = load(other, options);
  CHECK_EQ(nano_fetch(boundless, &init, 0, &response, NULL), NANO_OK);
  CHECK(is(nano_response_body(response), "ok"));
  nano_response_free(response);
  nano_app_free(boundless);
  nano_runtime_free(other);
}

static void requests_are_checked(void) {
  nano_request_init init = request("GET", "/relative");
  not_dispatched(init, NANO_E_INVALID, "absolute");
  not_dispatched(request("GE T", "http://test/"), NANO_E_INVALID, "method");
  not_dispatched(request("GET", "http://test/\xff"), NANO_E_INVALID, "url");
  nano_header split[] = {{nano_str("fine"), nano_str("yes")}, {nano_str("x-split"), nano_str("a\r\nb: c")}};
  init = request("GET", "http://test/");
  init.headers = split, init.headers_count = 2;
  not_dispatched(init, NANO_E_INVALID, "header 1 (\"x-split\")");
  init.headers = NULL;
  not_dispatched(init, NANO_E_INVALID, "headers");
  init.headers_count = 0, init.body = (nano_owned){(const uint8_t *)"x", 1, NULL, NULL};
  not_dispatched(init, NANO_E_INVALID, "body_kind");
  init.body.len = 0, init.body_kind = 77;
  not_dispatched(init, NANO_E_TOO_NEW, "77");
  static char url[20000];
  memset(url, 'a', sizeof url - 1);
  memcpy(url, "http://test/", 12);
  not_dispatched(request("GET", url), NANO_E_TOO_LARGE, "414");
}

/* A server need not read messages to know what to answer. */
static void an_error_knows_its_status_of_http(void) {
  static char text[11 << 20];
  memset(text, 'a', sizeof text);
  char url[20000];
  memset(url, 'a', sizeof url - 1), url[sizeof url - 1] = 0;
  memcpy(url, "http://test/", 12);
  nano_header wide = {nano_str("wide"), {(const uint8_t *)text, 200000}};
  nano_request_init inits[4] = {request("GET", url), request("GET", "http://test/"), request("POST", "http://test/"), request("GET", "no url")};
  inits[1].headers = &wide, inits[1].headers_count = 1;
  inits[2].body = (nano_owned){(const uint8_t *)text, sizeof text, NULL, NULL}, inits[2].body_kind = NANO_BODY_WHOLE;
  const int expected[4] = {414, 431, 413, 400};
  for (int i = 0; i < 4; i++) {
    nano_request id;
    nano_error *error = NULL;
    CHECK(nano_dispatch(app, &inits[i], NULL, &id, &error) != NANO_OK);
    CHECK_EQ(nano_error_http_status(error), expected[i]);
    nano_error_free(error);
  }
  CHECK_EQ(nano_error_http_status(NULL), 0);
}

static void what_an_app_throws_is_for_the_hosts_log(void) {
  nano_app *thrower = load(runtime, app_options("thrower", "export default { fetch() { throw new TypeError('no luck'); } }"));
  nano_request_init init = request("GET", "http://test/");
  nano_response *response;
  nano_error *error;
  nano_account account = NANO_ACCOUNT_INIT;
  CHECK_EQ(nano_fetch(thrower, &init, 0, &response, &error), NANO_E_EXCEPTION);
  CHECK(is(nano_error_message(error), "TypeError: no luck"));
  CHECK(has(nano_error_stack(error), "index.js:1:"));
  nano_error_free(error);
  nano_event event = next_of(runtime, dispatch(thrower, init), NANO_EVENT_ERROR);
  CHECK_EQ(event.flags, NANO_FLAG_END);
  CHECK_EQ(nano_event_account(&event, &account), NANO_OK);
  error = event.as.error, event.as.error = NULL;
  nano_event_release(&event, 1);
  CHECK_EQ(nano_error_code(error), NANO_E_EXCEPTION);
  CHECK_EQ(nano_error_account(error, &account), NANO_OK);
  nano_error_free(error);
  nano_app_free(thrower);
}

int main(void) {
  test_begin();
  runtime = make_runtime(1);
  app = load(runtime, app_options("app", "export default { fetch() { return new Response('ok'); } }"));
  null_is_refused_everywhere();
  null_reads_as_nothing();
  what_needs_no_handle_answers_at_any_time();
  foreign_ids_are_not_found();
  structs_may_be_older_or_newer();
  sources_that_do_not_load_say_where();
  env_is_checked();
  limits_may_be_as_large_as_numbers_are();
  requests_are_checked();
  an_error_knows_its_status_of_http();
  what_an_app_throws_is_for_the_hosts_log();
  nano_app_free(app);
  nano_runtime_free(runtime);
  return test_end();
}
