/* What every test here uses: TAP lines, a time limit, and short words for making things. */
#ifndef HARNESS_H
#define HARNESS_H

#define _GNU_SOURCE

#include <nano.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CHECK(condition) test_check(!!(condition), #condition, __FILE__, __LINE__)
#define FAIL(what) do { CHECK(!what); return; } while (0) /* where going on makes no sense */
#define CHECK_EQ(a, b) test_equal((long long)(a), (long long)(b), #a " == " #b, __FILE__, __LINE__)
#define WAIT_MS 20000

static int test_count, test_failures;

static inline void test_check(int ok, const char *what, const char *file, int line) {
  printf("%s %d - %s\n", ok ? "ok" : "not ok", ++test_count, what);
  if (!ok) test_failures++, printf("# at %s:%d\n", file, line);
}
static inline void test_equal(long long a, long long b, const char *what, const char *file, int line) {
  test_check(a == b, what, file, line);
  if (a != b) printf("# %lld is not %lld\n", a, b);
}
/* A test that hangs ends by SIGALRM. */
static inline void test_begin(void) { setvbuf(stdout, NULL, _IOLBF, 0), alarm(120); }
static inline int test_end(void) { return printf("1..%d\n", test_count), test_failures != 0; }
static inline void bail(const char *what, nano_error *error) {
  nano_bytes message = nano_error_message(error);
  printf("Bail out! %s: %s: %.*s\n", what, nano_status_name(nano_error_code(error)), (int)message.len, (const char *)message.ptr);
  exit(2);
}

static inline int is(nano_bytes bytes, const char *text) { return bytes.len == strlen(text) && !memcmp(bytes.ptr, text, bytes.len); }
static inline int has(nano_bytes bytes, const char *text) { return bytes.len && memmem(bytes.ptr, bytes.len, text, strlen(text)); }

static inline nano_runtime *make_runtime(uint32_t threads) {
  nano_runtime_options options = NANO_RUNTIME_OPTIONS_INIT;
  nano_runtime *runtime;
  nano_error *error;
  options.threads = threads;
  if (nano_runtime_new(&options, &runtime, &error)) bail("nano_runtime_new", error);
  return runtime;
}
static inline nano_app_options app_options(const char *name, const char *source) {
  nano_app_options options = NANO_APP_OPTIONS_INIT;
  options.name = nano_str(name), options.source = nano_str(source);
  return options;
}
static inline nano_app *load(nano_runtime *runtime, nano_app_options options) {
  nano_app *app;
  nano_error *error;
  if (nano_app_load(runtime, &options, &app, &error)) bail("nano_app_load", error);
  return app;
}
static inline nano_request_init request(const char *method, const char *url) {
  nano_request_init init = NANO_REQUEST_INIT;
  init.method = nano_str(method), init.url = nano_str(url);
  return init;
}
static inline nano_request dispatch(nano_app *app, nano_request_init init) {
  nano_request id;
  nano_error *error;
  if (nano_dispatch(app, &init, NULL, &id, &error)) bail("nano_dispatch", error);
  return id;
}

/* The next event of a type we know; NANO_EVENT_NONE if there is none in time. */
static inline nano_event next_event(nano_runtime *runtime) {
  nano_event event;
  size_t count;
  while (nano_wait(runtime, &event, 1, WAIT_MS, &count) == NANO_OK) {
    if (event.type <= NANO_EVENT_VERSION_END) return event;
    nano_event_release(&event, 1);
  }
  memset(&event, 0, sizeof event);
  return event;
}
/* The next event of this id and type (any terminal one for NANO_EVENT_NONE); releases what comes before it. */
static inline nano_event next_of(nano_runtime *runtime, uint64_t id, uint32_t type) {
  for (;;) {
    nano_event event = next_event(runtime);
    int wanted = type ? event.type == type : event.flags & NANO_FLAG_END;
    if (event.type == NANO_EVENT_NONE || (wanted && (!id || event.id == id))) return event;
    nano_event_release(&event, 1);
  }
}

#endif
