/* What waits in the queues of messages, and what has become of it, is for the host to see. */
#include "harness.h"

static const char *SENDER = "export default { async fetch(request, env) {\n"
                            "  await env.JOBS.sendBatch([{ body: 'one' }, { body: 'two' }]);\n"
                            "  return new Response('sent');\n"
                            "} }";
static const char *TAKER = "export default { async queue(batch, env) {\n"
                           "  if (batch.queue === 'jobs') for (const m of batch.messages) m.body === 'one' ? m.ack() : m.retry();\n"
                           "  await env.HEARD(batch.queue);\n"
                           "} }";

static nano_runtime *runtime;

static void send(nano_app *app) {
  nano_request_init post = request("POST", "http://test/");
  nano_response *response;
  CHECK_EQ(nano_fetch(app, &post, 0, &response, NULL), NANO_OK);
  CHECK(is(nano_response_body(response), "sent"));
  nano_response_free(response);
}

/* Waits until the taker has said that it has had a batch of this queue. */
static void heard(const char *queue) {
  nano_event event = next_of(runtime, 0, NANO_EVENT_CALL);
  nano_call_view *view;
  CHECK_EQ(nano_call_request(runtime, event.id, &view), NANO_OK);
  CHECK(has(view->args, queue));
  nano_call_view_free(view);
  CHECK_EQ(nano_call_return(runtime, event.id, (nano_bytes){(const uint8_t *)"\xf6", 1}, NULL), NANO_OK);
  nano_event_release(&event, 1);
}

/* How many queues there are, and whether this is one of them. */
static size_t queues_with(const char *name, int *found) {
  nano_queues *queues;
  size_t count;
  *found = 0;
  CHECK_EQ(nano_runtime_queues(runtime, &queues), NANO_OK);
  const nano_bytes *names = nano_queues_names(queues, &count);
  CHECK_EQ(names != NULL, count > 0);
  for (size_t i = 0; i < count; i++) *found |= is(names[i], name);
  nano_queues_free(queues);
  return count;
}

static void what_waits_is_counted(nano_app *sender) {
  nano_queue_counters counters = NANO_QUEUE_COUNTERS_INIT;
  int found;
  CHECK_EQ(queues_with("jobs", &found), 0);
  counters.messages = 99;
  CHECK_EQ(nano_queue_stats(runtime, nano_str("jobs"), &counters), NANO_E_NOT_FOUND);
  CHECK_EQ(counters.messages, 0);
  send(sender);
  CHECK_EQ(queues_with("jobs", &found), 1);
  CHECK(found);
  CHECK_EQ(nano_queue_stats(runtime, nano_str("jobs"), &counters), NANO_OK);
  CHECK_EQ(counters.size, sizeof counters);
  CHECK_EQ(counters.messages, 2);
  CHECK(counters.bytes > 0);
  CHECK_EQ(counters.sent, 2);
  CHECK_EQ(counters.acked + counters.retried + counters.dead + counters.dropped, 0);
}

/* A host from before the last counters. */
static void an_older_struct_is_filled_as_far_as_it_goes(void) {
  struct {
    nano_queue_counters counters;
    uint64_t after;
  } older = {{0}, 7};
  older.counters.size = offsetof(nano_queue_counters, acked), older.counters.acked = 7;
  CHECK_EQ(nano_queue_stats(runtime, nano_str("jobs"), &older.counters), NANO_OK);
  CHECK_EQ(older.counters.sent, 2);
  CHECK_EQ(older.counters.acked, 7);
  older.counters.size = 0;
  CHECK_EQ(nano_queue_stats(runtime, nano_str("jobs"), &older.counters), NANO_E_INVALID);
  CHECK_EQ(older.after, 7);
}

static void what_became_of_them_is_counted(void) {
  nano_consumer consumers[2] = {{.queue = nano_str("jobs"), .dead_letters = nano_str("lost")}, {.queue = nano_str("lost")}};
  nano_binding heard_by = {.name = nano_str("HEARD"), .kind = NANO_BINDING_FUNCTION};
  nano_app_options options = app_options("taker", TAKER);
  consumers[0].batch = 2, consumers[0].retries = 1;
  consumers[0].batch_wait_ms = consumers[1].batch_wait_ms = NANO_CONSUMER_NONE;
  options.consumers = consumers, options.consumers_count = 2;
  options.env_bindings = &heard_by, options.env_bindings_count = 1;
  nano_app *taker = load(runtime, options);
  heard("jobs"), heard("jobs"), heard("lost");
  nano_queue_counters counters = NANO_QUEUE_COUNTERS_INIT;
  CHECK_EQ(nano_queue_stats(runtime, nano_str("jobs"), &counters), NANO_OK);
  CHECK_EQ(counters.messages, 0);
  CHECK_EQ(counters.bytes, 0);
  CHECK_EQ(counters.acked, 1);
  CHECK_EQ(counters.retried, 2);
  CHECK_EQ(counters.dead, 1);
  CHECK_EQ(nano_queue_stats(runtime, nano_str("lost"), &counters), NANO_OK);
  CHECK_EQ(counters.sent, 1);
  nano_app_free(taker);
}

int main(void) {
  test_begin();
  nano_binding jobs = {.name = nano_str("JOBS"), .kind = NANO_BINDING_QUEUE, .app = nano_str("jobs")};
  nano_app_options options = app_options("sender", SENDER);
  options.env_bindings = &jobs, options.env_bindings_count = 1;
  runtime = make_runtime(1);
  nano_app *sender = load(runtime, options);
  what_waits_is_counted(sender);
  an_older_struct_is_filled_as_far_as_it_goes();
  what_became_of_them_is_counted();
  nano_app_free(sender);
  nano_runtime_free(runtime);
  return test_end();
}
