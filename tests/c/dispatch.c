/* A request goes in, one RESPONSE event comes out. */
#include "harness.h"

static nano_runtime *runtime;
static int released;

static void count_release(void *ctx) { ++*(int *)ctx; }

static void debug_builds_teach_to_skip_unknown_events(void) {
#ifdef NANO_DEBUG_BUILD
  nano_event event;
  size_t count;
  CHECK_EQ(nano_poll(runtime, &event, 1, &count), NANO_OK);
  CHECK_EQ(count, 1);
  CHECK(event.type > NANO_EVENT_APP);
  nano_event_release(&event, 1);
  CHECK_EQ(nano_poll(runtime, &event, 1, &count), NANO_OK);
  CHECK_EQ(count, 0);
#endif
}

static void one_event_carries_the_whole_response(nano_app *echo) {
  nano_header headers[] = {{nano_str("X-One"), nano_str(" 1 ")}, {nano_str("accept"), nano_str("*/*")}};
  nano_request_init init = request("POST", "http://test/a?b=c");
  int mine;
  nano_request id = 0;
  init.headers = headers, init.headers_count = 2;
  init.body_kind = NANO_BODY_WHOLE;
  init.body.ptr = (const uint8_t *)"body", init.body.len = 4;
  CHECK_EQ(nano_dispatch(echo, &init, &mine, &id, NULL), NANO_OK);
  CHECK(id != 0);
  nano_event event = next_event(runtime);
  CHECK_EQ(event.type, NANO_EVENT_RESPONSE);
  CHECK_EQ(event.flags, NANO_FLAG_END);
  CHECK_EQ(event.id, id);
  CHECK(event.user_data == &mine);
  nano_response *response = event.as.response;
  CHECK_EQ(nano_response_status(response), 200);
  CHECK(is(nano_response_body(response), "{\"method\":\"POST\",\"url\":\"http://test/a?b=c\","
                                         "\"headers\":{\"accept\":\"*/*\",\"x-one\":\"1\"},\"body\":\"body\"}"));
  size_t count = 0;
  const nano_header *list = nano_response_headers(response, &count);
  CHECK(count >= 1 && list != NULL);
  CHECK(is(nano_response_header(response, nano_str("Content-Type")), "application/json"));
  CHECK(nano_response_header(response, nano_str("x-none")).ptr == NULL);

  nano_account account = NANO_ACCOUNT_INIT;
  CHECK_EQ(nano_event_account(&event, &account), NANO_OK);
  CHECK_EQ(account.bytes_in, 4);
  CHECK(account.wall_us > 0);

  /* Taken out of the event, it outlives it. */
  event.as.response = NULL;
  CHECK_EQ(nano_event_account(&event, &account), NANO_E_NOT_FOUND);
  nano_event_release(&event, 1);
  nano_event_release(&event, 1);
  CHECK_EQ(event.type, NANO_EVENT_NONE);
  CHECK_EQ(nano_response_account(response, &account), NANO_OK);
  CHECK_EQ(nano_response_status(response), 200);
  nano_response_free(response);
}

static void a_handed_body_is_released_once(nano_app *echo) {
  nano_request_init init = request("POST", "http://test/");
  nano_response *response;
  init.body_kind = NANO_BODY_WHOLE;
  init.body = (nano_owned){(const uint8_t *)"handed", 6, count_release, &released};
  CHECK_EQ(nano_fetch(echo, &init, 0, &response, NULL), NANO_OK);
  CHECK(has(nano_response_body(response), "\"body\":\"handed\""));
  nano_response_free(response);
  CHECK_EQ(released, 1);
  init.url = nano_str("not a url");
  CHECK_EQ(nano_fetch(echo, &init, 0, &response, NULL), NANO_E_INVALID);
  CHECK(response == NULL);
  CHECK_EQ(released, 2);
}

static void many_requests_end_once_each(nano_app *echo) {
  enum { MANY = 500 };
  static unsigned char ends[MANY];
  int seen = 0, twice = 0;
  nano_event events[64];
  for (size_t i = 0; i < MANY; i++) {
    nano_request_init init = request("GET", "http://test/");
    nano_request id;
    if (nano_dispatch(echo, &init, &ends[i], &id, NULL)) CHECK(!"dispatched");
  }
  while (seen < MANY) {
    size_t count;
    if (nano_wait(runtime, events, 64, WAIT_MS, &count) != NANO_OK) break;
    for (size_t i = 0; i < count; i++)
      if (events[i].flags & NANO_FLAG_END) seen++, twice += (*(unsigned char *)events[i].user_data)++ > 0;
    nano_event_release(events, count);
  }
  CHECK_EQ(seen, MANY);
  CHECK_EQ(twice, 0);
}

static void the_console_reaches_who_asked_for_it(void) {
  nano_runtime_options options = NANO_RUNTIME_OPTIONS_INIT;
  nano_runtime *listening;
  options.threads = 1, options.events = NANO_EVENTS_LOG | NANO_EVENTS_APP;
  CHECK_EQ(nano_runtime_new(&options, &listening, NULL), NANO_OK);
  nano_app *app = load(listening, app_options("talker", "export default { fetch() { console.warn('careful'); return new Response(); } }"));
  nano_request_init init = request("GET", "http://test/");
  nano_request id = dispatch(app, init);
  nano_event change = next_of(listening, 0, NANO_EVENT_APP);
  CHECK(change.type == NANO_EVENT_APP && is(change.as.app->app, "talker"));
  nano_event log = next_of(listening, 0, NANO_EVENT_LOG);
  CHECK(log.type == NANO_EVENT_LOG && is(log.as.log->app, "talker") && is(log.as.log->text, "careful"));
  CHECK(log.type == NANO_EVENT_LOG && log.as.log->level == NANO_LOG_WARN);
  nano_event_release(&change, 1);
  nano_event_release(&log, 1);
  nano_event end = next_of(listening, id, NANO_EVENT_NONE);
  CHECK_EQ(end.type, NANO_EVENT_RESPONSE);
  size_t count = 1;
  CHECK(nano_response_headers(end.as.response, &count) == NULL);
  CHECK_EQ(count, 0);
  nano_event_release(&end, 1);
  nano_app_free(app);
  nano_runtime_free(listening);
}

int main(void) {
  test_begin();
  runtime = make_runtime(2);
  debug_builds_teach_to_skip_unknown_events();
  nano_app_options options = NANO_APP_OPTIONS_INIT;
  options.name = nano_str("echo"), options.source_kind = NANO_SOURCE_ECHO;
  nano_app *echo = load(runtime, options);
  one_event_carries_the_whole_response(echo);
  a_handed_body_is_released_once(echo);
  many_requests_end_once_each(echo);
  the_console_reaches_who_asked_for_it();
  nano_app_free(echo);
  nano_runtime_free(runtime);
  return test_end();
}
