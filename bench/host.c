/* What an app costs a C host, beside hosts in other languages: host LANGUAGE density|start APPS. */
#define _GNU_SOURCE
#include <nano.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { IDLE_S = 3, WAIT_MS = 60000, NAME_MAX_BYTES = 32 };

static const char *const SOURCE = "export default { fetch() { return new Response('Hello World'); } }; export const hello = (text) => 'Hello World';";

static void check(const char *what, nano_status status, nano_error *error) {
  if (status == NANO_OK) return;
  nano_bytes message = nano_error_message(error);
  fprintf(stderr, "%s: %s: %.*s\n", what, nano_status_name(status), (int)message.len, (const char *)message.ptr);
  exit(1);
}

static nano_app *load(nano_runtime *runtime, int number, int lazy) {
  nano_app *app;
  nano_error *error = NULL;
  nano_app_options options = NANO_APP_OPTIONS_INIT;
  char name[NAME_MAX_BYTES];
  snprintf(name, sizeof name, "app%d", number);
  options.name = nano_str(name), options.source = nano_str(SOURCE);
  /* Idle apps are what is measured: they must not be evicted under the measurement. */
  options.idle_ms = 3600000;
  if (lazy) options.flags = NANO_APP_LAZY;
  check("nano_app_load", nano_app_load(runtime, &options, &app, &error), error);
  return app;
}

static void fetch(nano_app *app) {
  nano_response *response;
  nano_error *error = NULL;
  nano_request_init request = NANO_REQUEST_INIT;
  request.method = nano_str("GET"), request.url = nano_str("http://app.test/");
  check("nano_fetch", nano_fetch(app, &request, WAIT_MS, &response, &error), error);
  nano_bytes body = nano_response_body(response);
  if (body.len != 11 || memcmp(body.ptr, "Hello World", 11)) check("a wrong answer", NANO_E_INVALID, NULL);
  nano_response_free(response);
}

static double resident_kb(void) {
  char line[256];
  double kb = 0;
  FILE *file = fopen("/proc/self/smaps_rollup", "r");
  while (file && fgets(line, sizeof line, file))
    if (sscanf(line, "Rss: %lf", &kb) == 1) break;
  if (file) fclose(file);
  return kb;
}

static double cpu_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static int ascending(const void *a, const void *b) {
  double left = *(const double *)a, right = *(const double *)b;
  return (left > right) - (left < right);
}

static void density(nano_runtime *runtime, const char *language, int count) {
  nano_app **apps = calloc((size_t)count, sizeof *apps);
  if (!apps) exit(1);
  double before = resident_kb();
  for (int i = 0; i < count; i++) apps[i] = load(runtime, i + 1, 0);
  nanosleep(&(struct timespec){.tv_sec = IDLE_S}, NULL);
  printf("{\"name\": \"%s.idle_rss_kb\", \"value\": %.3f, \"unit\": \"KB\", \"runs\": 1, \"note\": \"C: %d apps, one process, smaps Rss\"}\n", language,
         (resident_kb() - before) / count, count);
  for (int i = 0; i < count; i++) nano_app_free(apps[i]);
  free(apps);
}

static void start(nano_runtime *runtime, const char *language, int count) {
  double *spent = calloc((size_t)count, sizeof *spent);
  if (!spent) exit(1);
  for (int i = 0; i < count; i++) {
    double began = cpu_ms();
    nano_app *app = load(runtime, i + 1, 1);
    fetch(app);
    spent[i] = cpu_ms() - began;
    nano_app_free(app);
  }
  qsort(spent, (size_t)count, sizeof *spent, ascending);
  printf("{\"name\": \"%s.start_cpu_ms\", \"value\": %.3f, \"unit\": \"ms\", \"runs\": 1, \"note\": \"C: the same\"}\n", language, spent[count / 2]);
  free(spent);
}

int main(int argc, char **argv) {
  int count = argc > 3 ? atoi(argv[3]) : 0;
  nano_runtime *runtime;
  nano_error *error = NULL;
  nano_runtime_options options = NANO_RUNTIME_OPTIONS_INIT;
  if (count <= 0) return 2;
  options.threads = 1;
  check("nano_runtime_new", nano_runtime_new(&options, &runtime, &error), error);
  nano_app *first = load(runtime, 0, 0);
  fetch(first);
  (strcmp(argv[2], "start") ? density : start)(runtime, argv[1], count);
  nano_app_free(first);
  nano_runtime_free(runtime);
}
