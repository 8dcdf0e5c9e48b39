/* The queue has one consumer at a time, whoever waits in it is woken, and everything else may be called meanwhile. */
#include "harness.h"

#include <pthread.h>
#include <sched.h>

static nano_runtime *runtime;

/* Waits for one event, or for the runtime to be closed. */
static void *consume(void *status_out) {
  nano_event event;
  size_t count;
  nano_status status;
  do {
    status = nano_wait(runtime, &event, 1, -1, &count);
    if (status != NANO_OK) continue;
    int known = event.type <= NANO_EVENT_APP;
    nano_event_release(&event, 1);
    if (known) break;
  } while (status == NANO_E_BUSY || status == NANO_OK);
  *(nano_status *)status_out = status;
  return NULL;
}

/* Takes what waits in the queue: a consumer would leave it with that, and be back in it a moment later. */
static void take_all(void) {
  nano_event event;
  size_t count;
  while (nano_poll(runtime, &event, 1, &count) == NANO_OK && count) nano_event_release(&event, 1);
}

/* Comes back when the other thread is waiting in the queue, which was empty when it began. */
static void until_busy(void) {
  nano_event event;
  size_t count = 1;
  while (nano_poll(runtime, &event, 1, &count) != NANO_E_BUSY) {
    if (count) nano_event_release(&event, 1);
    sched_yield();
  }
  CHECK_EQ(count, 0);
}

int main(void) {
  test_begin();
  runtime = make_runtime(1);
  nano_app *app = load(runtime, app_options("app", "export default { fetch() { return new Response('x'); } }"));
  nano_request_init init = request("GET", "http://test/");
  nano_event event;
  nano_response *response;
  size_t count;
  pthread_t thread;
  nano_status status = 99;

  take_all();
  CHECK_EQ(pthread_create(&thread, NULL, consume, &status), 0);
  until_busy();
  CHECK_EQ(nano_wait(runtime, &event, 1, 1000, &count), NANO_E_BUSY);
  CHECK_EQ(nano_fetch(app, &init, 0, &response, NULL), NANO_OK);
  nano_response_free(response);
  dispatch(app, init);
  pthread_join(thread, NULL);
  CHECK_EQ(status, NANO_OK);

  CHECK_EQ(nano_wait(runtime, &event, 1, 20, &count), NANO_TIMEOUT);
  CHECK_EQ(count, 0);

  CHECK_EQ(pthread_create(&thread, NULL, consume, &status), 0);
  until_busy();
  CHECK_EQ(nano_runtime_close(runtime), NANO_OK);
  pthread_join(thread, NULL);
  CHECK_EQ(status, NANO_E_SHUTDOWN);
  nano_app_free(app);
  nano_runtime_free(runtime);
  return test_end();
}
