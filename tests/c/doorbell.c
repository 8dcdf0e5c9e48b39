/* How a host's own loop learns that events wait: a descriptor to poll, or a function that is called. */
#include "harness.h"

#include <poll.h>

static int pipe_fds[2];

static void ring(void *ctx) {
  /* On a thread of NANO's: pass it on, nothing more. */
  char byte = *(char *)ctx;
  if (write(pipe_fds[1], &byte, 1) != 1) abort();
}

static int readable(int fd, int timeout_ms) {
  struct pollfd poller = {fd, POLLIN, 0};
  return poll(&poller, 1, timeout_ms) == 1 && poller.revents & POLLIN;
}

/* Polls until the count is zero; how many requests ended. */
static int drain(nano_runtime *runtime) {
  nano_event events[8];
  size_t count;
  int ended = 0;
  while (nano_poll(runtime, events, 8, &count) == NANO_OK && count > 0) {
    for (size_t i = 0; i < count; i++) ended += events[i].type <= NANO_EVENT_APP && events[i].flags & NANO_FLAG_END;
    nano_event_release(events, count);
  }
  return ended;
}

int main(void) {
  char letter = 'a', got = 0;
  test_begin();
  CHECK_EQ(pipe(pipe_fds), 0);
  nano_runtime *runtime = make_runtime(1);
  nano_app *app = load(runtime, app_options("app", "export default { fetch() { return new Response('x'); } }"));
  nano_request_init init = request("GET", "http://test/");
  int fd = nano_runtime_fd(runtime);
  CHECK(fd >= 0);
  CHECK_EQ(drain(runtime), 0);
  CHECK(!readable(fd, 0));

  dispatch(app, init);
  CHECK(readable(fd, WAIT_MS));
  CHECK(readable(fd, 0));
  CHECK_EQ(drain(runtime), 1);
  CHECK(!readable(fd, 0));

  CHECK_EQ(nano_runtime_set_doorbell(runtime, ring, &letter), NANO_OK);
  for (int i = 0; i < 3; i++) {
    /* A ring may find the queue emptied already, but no event comes without a ring after it. */
    int ended = 0;
    dispatch(app, init);
    while (!ended && readable(pipe_fds[0], WAIT_MS) && read(pipe_fds[0], &got, 1) == 1) ended = drain(runtime);
    CHECK_EQ(ended, 1);
    CHECK_EQ(got, 'a');
  }

  for (int i = 0; i < 100; i++) dispatch(app, init);
  for (int ended = 0; ended < 100; ended += drain(runtime)) {
    if (!readable(fd, WAIT_MS)) {
      CHECK(!"readable while events wait");
      break;
    }
  }
  CHECK_EQ(nano_runtime_set_doorbell(runtime, NULL, NULL), NANO_OK);
  while (readable(pipe_fds[0], 0)) CHECK_EQ(read(pipe_fds[0], &got, 1), 1);
  dispatch(app, init);
  /* What told of the last of them may find the queue emptied already. */
  int ended = 0;
  while (!ended && readable(fd, WAIT_MS)) ended = drain(runtime);
  CHECK_EQ(ended, 1);
  CHECK(!readable(pipe_fds[0], 0));

  /* The end of the app's version comes when nothing else rings any more. */
  nano_app_options versioned = app_options("versioned", "export default { fetch() { return new Response('x'); } }");
  nano_app *other;
  versioned.flags = NANO_APP_LAZY, versioned.user_data = &letter;
  other = load(runtime, versioned);
  CHECK_EQ(nano_runtime_set_doorbell(runtime, ring, &letter), NANO_OK);
  CHECK_EQ(nano_runtime_close(runtime), NANO_OK);
  CHECK(readable(pipe_fds[0], 0));
  nano_event event;
  size_t count;
  CHECK_EQ(nano_poll(runtime, &event, 1, &count), NANO_OK);
  CHECK(count == 1 && event.type == NANO_EVENT_VERSION_END && event.user_data == &letter);
  nano_event_release(&event, 1);
  nano_app_free(other);
  nano_app_free(app);
  nano_runtime_free(runtime);
  return test_end();
}
