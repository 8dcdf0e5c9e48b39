/* A listener whose limits are given, for clients that try it: host [connections=N] [connections_of_app=N] [head_ms=N] [idle_ms=N]
 * [body_ms=N] [threads=N] [upload_bytes=N]
 *
 * Prints its address. "stats" on standard input is answered with a line of what there is; at the end of the input it drains and ends,
 * with 1 if something had to be cut off. The apps are told apart by Host: a for everything, healthy.test, loop.test, and
 * bomb.test. */
#include <nano.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *APP =
    "export default { async fetch(request) {\n"
    "  const { pathname, searchParams } = new URL(request.url);\n"
    "  const n = Number(searchParams.get('n') ?? 0);\n"
    "  if (pathname === '/big') return new Response('x'.repeat(n));\n"
    "  if (pathname === '/wait') { await scheduler.wait(n); return new Response('waited'); }\n"
    "  if (pathname === '/stream') {\n"
    "    let left = n;\n"
    "    return new Response(new ReadableStream({ pull(controller) {\n"
    "      if (left <= 0) return controller.close();\n"
    "      controller.enqueue(new Uint8Array(Math.min(left, 4096)).fill(120));\n"
    "      left -= 4096;\n"
    "    } }));\n"
    "  }\n"
    "  if (pathname === '/pass') return new Response(request.body);\n"
    "  if (pathname === '/begin') { await request.body?.getReader().read(); return new Response('begun'); }\n"
    "  if (pathname === '/cancel') { await request.body?.cancel(); return new Response('canceled'); }\n"
    "  if (pathname === '/throw') throw new Error('thrown');\n"
    "  if (pathname === '/socket') {\n"
    "    const { 0: webSocket, 1: ours } = new WebSocketPair();\n"
    "    ours.accept();\n"
    "    ours.addEventListener('message', ({ data }) => ours.send(data));\n"
    "    return new Response(null, { status: 101, webSocket });\n"
    "  }\n"
    "  if (request.method === 'POST') return new Response(String((await request.text()).length));\n"
    "  return new Response('hello');\n"
    "} };\n";
static const char *HEALTHY = "export default { fetch() { return new Response('hello'); } };\n";
static const char *LOOP = "export default { fetch() { for (;;); } };\n";
static const char *BOMB = "export default { fetch() { const all = []; for (;;) all.push(new Array(1e5).fill(Math.random())); } };\n";

static int failed(const char *what, nano_error *error) {
  nano_bytes message = nano_error_message(error);
  fprintf(stderr, "%s: %.*s\n", what, (int)message.len, (const char *)message.ptr);
  exit(2);
}

static nano_app *load(nano_runtime *runtime, const char *name, const char *source, uint32_t upload_bytes) {
  nano_app_options options = NANO_APP_OPTIONS_INIT;
  nano_app *app;
  nano_error *error;
  options.name = nano_str(name), options.source = nano_str(source), options.upload_bytes = upload_bytes;
  /* Half a million chunks take a test build's time, and a machine that stalls is charged for it. */
  if (source == APP) options.cpu_ms = 400;
  if (nano_app_load(runtime, &options, &app, &error)) failed("cannot load an app", error);
  return app;
}

static uint32_t number(int argc, char **argv, const char *name) {
  size_t len = strlen(name);
  for (int i = 1; i < argc; i++)
    if (!strncmp(argv[i], name, len) && argv[i][len] == '=') return (uint32_t)strtoul(argv[i] + len + 1, NULL, 10);
  return 0;
}

int main(int argc, char **argv) {
  nano_runtime_options options = NANO_RUNTIME_OPTIONS_INIT;
  nano_runtime *runtime;
  nano_error *error;
  options.threads = number(argc, argv, "threads") ? number(argc, argv, "threads") : 2;
  if (nano_runtime_new(&options, &runtime, &error)) failed("cannot start", error);
  nano_app *app = load(runtime, "a", APP, number(argc, argv, "upload_bytes"));
  nano_route routes[] = {{nano_str(""), nano_str(""), app},
                         {nano_str("healthy.test"), nano_str(""), load(runtime, "healthy", HEALTHY, 0)},
                         {nano_str("loop.test"), nano_str(""), load(runtime, "loop", LOOP, 0)},
                         {nano_str("bomb.test"), nano_str(""), load(runtime, "bomb", BOMB, 0)}};
  nano_listen_options listen = NANO_LISTEN_OPTIONS_INIT;
  listen.address = nano_str("127.0.0.1:0");
  listen.routes = routes, listen.routes_count = sizeof routes / sizeof *routes;
  listen.connections = number(argc, argv, "connections");
  listen.connections_of_app = number(argc, argv, "connections_of_app");
  listen.head_ms = number(argc, argv, "head_ms");
  listen.idle_ms = number(argc, argv, "idle_ms");
  listen.body_ms = number(argc, argv, "body_ms");
  nano_listener *listener;
  if (nano_listen(runtime, &listen, &listener, &error)) failed("cannot listen", error);
  nano_bytes address = nano_listener_address(listener);
  printf("%.*s\n", (int)address.len, (const char *)address.ptr);
  fflush(stdout);

  char line[64];
  while (fgets(line, sizeof line, stdin)) {
    nano_app_counters counters = NANO_APP_COUNTERS_INIT;
    nano_app_stats(app, &counters);
    printf("connections=%llu requests=%llu in_flight=%llu waiting_bytes=%llu starts=%llu condemned=%llu\n",
           (unsigned long long)nano_listener_connections(listener), (unsigned long long)counters.requests,
           (unsigned long long)counters.in_flight, (unsigned long long)counters.waiting_bytes, (unsigned long long)counters.starts,
           (unsigned long long)counters.condemned);
    fflush(stdout);
  }
  nano_listener_close(listener);
  nano_status drained = nano_runtime_drain(runtime, 10000);
  nano_runtime_free(runtime);
  return drained == NANO_OK ? 0 : 1;
}
