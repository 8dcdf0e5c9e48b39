/* Requests per second through nano.h: one shard, one host thread, no sockets. A window of requests is kept in flight;
 * what comes back is taken, checked and released in batches. Prints one JSON line per figure. */
#define _GNU_SOURCE
#include <nano.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { WINDOW = 256, BATCH = 64, RUNS = 5, WARM_UP_MS = 500, RUN_MS = 1000, WAIT_MS = 10000 };

static const char *const SOURCE = "export default { fetch(request) { return new Response('Hello World'); } };\n";
static const char *const HEADERS[][2] = {
  {"host", "hello.test"},
  {"user-agent", "Mozilla/5.0 (X11; Linux x86_64)"},
  {"accept", "text/html,application/xhtml+xml"},
  {"accept-language", "en-US,en;q=0.5"},
  {"accept-encoding", "gzip, deflate, br"},
  {"connection", "keep-alive"},
  {"cache-control", "max-age=0"},
  {"cookie", "session=0123456789abcdef"},
};
enum { HEADERS_COUNT = sizeof HEADERS / sizeof *HEADERS };

struct load {
  nano_runtime *runtime;
  nano_app *app;
  nano_request_init request;
  unsigned in_flight;
};

static void die(const char *what, nano_status status, nano_error *error) {
  nano_bytes message = nano_error_message(error);
  fprintf(stderr, "%s: %s: %.*s\n", what, nano_status_name(status), (int)message.len, (const char *)message.ptr);
  exit(1);
}

static double seconds(clockid_t clock) {
  struct timespec now;
  clock_gettime(clock, &now);
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void fill(struct load *load) {
  for (; load->in_flight < WINDOW; load->in_flight++) {
    nano_request id;
    nano_error *error = NULL;
    nano_status status = nano_dispatch(load->app, &load->request, NULL, &id, &error);
    if (status != NANO_OK) die("nano_dispatch", status, error);
  }
}

/* Takes one batch and checks every answer; how many requests it ended. */
static unsigned take(struct load *load) {
  nano_event events[BATCH];
  size_t count;
  unsigned ended = 0;
  nano_status status = nano_wait(load->runtime, events, BATCH, WAIT_MS, &count);
  if (status != NANO_OK) die("nano_wait", status, NULL);
  for (size_t i = 0; i < count; i++) {
    if (events[i].type == NANO_EVENT_ERROR) die("the request", nano_error_code(events[i].as.error), events[i].as.error);
    if (events[i].type != NANO_EVENT_RESPONSE) continue;
    nano_bytes body = nano_response_body(events[i].as.response);
    if (events[i].flags != NANO_FLAG_END || nano_response_status(events[i].as.response) != 200 || body.len != 11 ||
        memcmp(body.ptr, "Hello World", 11))
      die("a wrong answer", NANO_OK, NULL);
    ended++;
  }
  nano_event_release(events, count);
  load->in_flight -= ended;
  return ended;
}

/* Keeps the window full for so long; requests per second, and CPU microseconds of both threads per request. */
static double run(struct load *load, int ms, double *cpu_us) {
  unsigned long ended = 0;
  double cpu = seconds(CLOCK_PROCESS_CPUTIME_ID), began = seconds(CLOCK_MONOTONIC), now = began;
  while (now < began + ms / 1e3) {
    fill(load);
    ended += take(load);
    now = seconds(CLOCK_MONOTONIC);
  }
  *cpu_us = (seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu) * 1e6 / (double)ended;
  return (double)ended / (now - began);
}

static int ascending(const void *a, const void *b) {
  double left = *(const double *)a, right = *(const double *)b;
  return (left > right) - (left < right);
}

static void report(const char *name, double *values, const char *unit) {
  qsort(values, RUNS, sizeof *values, ascending);
  printf("{\"name\": \"%s\", \"value\": %.3f, \"unit\": \"%s\", \"runs\": %d, \"note\": \"nano.h, one shard, GET with %d headers, "
         "%d in flight, median of %d x %d ms\"}\n", name, values[RUNS / 2], unit, RUNS, HEADERS_COUNT, WINDOW, RUNS, RUN_MS);
}

int main(void) {
  struct load load = {0};
  nano_error *error = NULL;
  nano_runtime_options runtime_options = NANO_RUNTIME_OPTIONS_INIT;
  runtime_options.threads = 1;
  nano_status status = nano_runtime_new(&runtime_options, &load.runtime, &error);
  if (status != NANO_OK) die("nano_runtime_new", status, error);
  nano_app_options app_options = NANO_APP_OPTIONS_INIT;
  app_options.name = nano_str("hello");
  app_options.source = nano_str(SOURCE);
  status = nano_app_load(load.runtime, &app_options, &load.app, &error);
  if (status != NANO_OK) die("nano_app_load", status, error);

  nano_header headers[HEADERS_COUNT];
  for (size_t i = 0; i < HEADERS_COUNT; i++) headers[i] = (nano_header){nano_str(HEADERS[i][0]), nano_str(HEADERS[i][1])};
  load.request = (nano_request_init)NANO_REQUEST_INIT;
  load.request.method = nano_str("GET");
  load.request.url = nano_str("http://hello.test/path?query=1");
  load.request.headers = headers;
  load.request.headers_count = HEADERS_COUNT;

  double per_s[RUNS], cpu_us[RUNS];
  run(&load, WARM_UP_MS, cpu_us);
  for (int i = 0; i < RUNS; i++) per_s[i] = run(&load, RUN_MS, &cpu_us[i]);
  while (load.in_flight) take(&load);
  report("dispatch.per_s", per_s, "1/s");
  report("dispatch.cpu_us", cpu_us, "us");

  nano_app_free(load.app);
  nano_runtime_free(load.runtime);
  return 0;
}
