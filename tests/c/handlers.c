/* Handlers beside fetch: times, messages and the events of other apps, by options and by hand. */
#include "harness.h"
#include "cbor.h"

static nano_runtime *runtime;

static const char *SOURCE =
    "export default {\n"
    "  async fetch(request, env) { await env.JOBS.send('x'); return new Response(); },\n"
    "  scheduled(c) { if (c.cron === 'bad') throw new Error('bad'); if (c.cron === 'once') c.noRetry();"
    "    console.log('due', c.cron, c.scheduledTime); },\n"
    "  queue(batch) { console.log('got', batch.queue, batch.messages[0].body); },\n"
    "};\n";

static void next_log(const char *text) {
  nano_event event;
  do event = next_event(runtime);
  while (event.type != NANO_EVENT_LOG && event.type != NANO_EVENT_NONE);
  CHECK(event.type == NANO_EVENT_LOG && is(event.as.log->text, text));
  nano_event_release(&event, 1);
}

static void scheduled_by_hand(nano_app *app) {
  nano_request id;
  int mine;
  CHECK_EQ(nano_app_schedule(app, nano_str("once"), 5000, &mine, &id, NULL), NANO_OK);
  next_log("due once 5000");
  nano_event event = next_of(runtime, id, NANO_EVENT_NONE);
  CHECK_EQ(event.type, NANO_EVENT_RESULT);
  CHECK(event.user_data == &mine);
  cbor_in in = {event.as.value.ptr, event.as.value.len};
  cbor_item item;
  CHECK(cbor_next(&in, &item) && item.type == CBOR_MAP && item.number == 2);
  CHECK(cbor_next(&in, &item) && cbor_is(&item, "outcome"));
  CHECK(cbor_next(&in, &item) && cbor_is(&item, "ok"));
  nano_event_release(&event, 1);
  CHECK_EQ(nano_app_schedule(app, nano_str("bad"), 0, NULL, &id, NULL), NANO_OK);
  event = next_of(runtime, id, NANO_EVENT_NONE);
  CHECK_EQ(event.type, NANO_EVENT_ERROR);
  CHECK_EQ(nano_error_code(event.as.error), NANO_E_EXCEPTION);
  nano_event_release(&event, 1);
  CHECK_EQ(nano_app_schedule(NULL, nano_str("x"), 0, NULL, &id, NULL), NANO_E_INVALID);
}

static void refused(nano_app_options options, nano_status status, const char *why) {
  nano_app *app;
  nano_error *error;
  options.name = nano_str("refused");
  CHECK_EQ(nano_app_load(runtime, &options, &app, &error), status);
  CHECK(app == NULL && has(nano_error_message(error), why));
  nano_error_free(error);
}

int main(void) {
  test_begin();
  nano_runtime_options runtime_options = NANO_RUNTIME_OPTIONS_INIT;
  runtime_options.threads = 1;
  runtime_options.flags = NANO_RUNTIME_MANUAL_CLOCK;
  runtime_options.events = NANO_EVENTS_LOG;
  CHECK_EQ(nano_runtime_new(&runtime_options, &runtime, NULL), NANO_OK);

  nano_bytes crons[] = {nano_str("* * * * *")}, tail[] = {nano_str("told")};
  nano_binding jobs = {0};
  jobs.name = nano_str("JOBS"), jobs.kind = NANO_BINDING_QUEUE, jobs.app = nano_str("jobs");
  nano_consumer consumer = {0};
  consumer.queue = nano_str("jobs"), consumer.batch_wait_ms = NANO_CONSUMER_NONE;
  nano_app_options options = app_options("app", SOURCE);
  options.crons = crons, options.crons_count = 1;
  options.env_bindings = &jobs, options.env_bindings_count = 1;
  options.consumers = &consumer, options.consumers_count = 1;
  options.tail = tail, options.tail_count = 1;
  nano_app *app = load(runtime, options);

  CHECK_EQ(nano_runtime_advance(runtime, 60000), NANO_OK);
  next_log("due * * * * * 1767225660000");
  dispatch(app, request("GET", "http://test/"));
  next_log("got jobs x");
  scheduled_by_hand(app);
  nano_app *told = load(runtime, app_options("told", "export default { tail(events) { console.log('told', events.length > 0); } }"));
  dispatch(app, request("GET", "http://test/"));
  next_log("got jobs x");
  nano_event event;
  size_t count;
  while (nano_wait(runtime, &event, 1, 0, &count) == NANO_OK) nano_event_release(&event, 1);
  CHECK_EQ(nano_runtime_advance(runtime, 10000), NANO_OK);
  next_log("told true");

  crons[0] = nano_str("* * * * 0");
  refused(options, NANO_E_INVALID, "1 is Sunday");
  crons[0] = nano_str("* * * * *"), consumer.queue = nano_str("");
  refused(options, NANO_E_INVALID, "a queue's name");
  consumer.queue = nano_str("jobs");
  refused(options, NANO_E_BUSY, "has a consumer already");
  consumer.reserved = 1;
  refused(options, NANO_E_TOO_NEW, "nano_consumer.reserved");

  nano_app_free(told);
  nano_app_free(app);
  nano_runtime_free(runtime);
  return test_end();
}
