/* Hazards of any host: each is a mode of this program, run by run.sh in a process of its own. */
#define _GNU_SOURCE
#include "../c/harness.h"

#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

static const char HELLO[] = "export default { fetch() { let s = 0; for (let i = 0; i < 2e5; i++) s += i; return new Response('hi'); } };";

static void expect_hi(nano_app *app) {
  nano_request_init init = request("GET", "http://app.test/");
  nano_response *response = NULL;
  CHECK_EQ(nano_fetch(app, &init, WAIT_MS, &response, NULL), NANO_OK);
  if (response) CHECK(is(nano_response_body(response), "hi"));
  nano_response_free(response);
}

/* Threads that existed before V8 started, and lack its protection-key rights, dispatch. */
static pthread_barrier_t started;
static nano_app *shared_app;
static void *old_thread(void *unused) {
  (void)unused;
  pthread_barrier_wait(&started);
  for (int i = 0; i < 50; i++) {
    nano_request_init init = request("GET", "http://app.test/");
    nano_response *response = NULL;
    if (nano_fetch(shared_app, &init, WAIT_MS, &response, NULL)) return (void *)1;
    nano_response_free(response);
  }
  return NULL;
}
static void threads(void) {
  pthread_t thread[8];
  pthread_barrier_init(&started, NULL, 9);
  for (int i = 0; i < 8; i++) pthread_create(&thread[i], NULL, old_thread, NULL);
  nano_runtime *runtime = make_runtime(2);
  shared_app = load(runtime, app_options("hello", HELLO));
  pthread_barrier_wait(&started);
  for (int i = 0; i < 8; i++) {
    void *failed;
    pthread_join(thread[i], &failed);
    CHECK(!failed);
  }
  nano_app_free(shared_app), nano_runtime_free(runtime);
}

static void recursion(void) {
  nano_runtime *runtime = make_runtime(1);
  nano_app *app = load(runtime, app_options("deep", "const f = () => f(); export default { fetch() { try { f(); } catch (e) { return new Response(e.name); } } };"));
  nano_request_init init = request("GET", "http://app.test/");
  nano_response *response = NULL;
  CHECK_EQ(nano_fetch(app, &init, WAIT_MS, &response, NULL), NANO_OK);
  if (response) CHECK(is(nano_response_body(response), "RangeError"));
  nano_response_free(response), nano_app_free(app), nano_runtime_free(runtime);
}

/* The process ends while an app loops on each thread: they have said so, and neither has anything else to do. run.sh does this many times. */
static void exit_while_looping(void) {
  nano_runtime_options runtime_options = NANO_RUNTIME_OPTIONS_INIT;
  runtime_options.threads = 2, runtime_options.events = NANO_EVENTS_LOG;
  nano_runtime *runtime;
  nano_error *error;
  if (nano_runtime_new(&runtime_options, &runtime, &error)) bail("nano_runtime_new", error);
  for (int i = 0; i < 2; i++) {
    nano_app_options options = app_options(i ? "one" : "two", "export default { fetch() { console.log('loops'); for (;;); } };");
    options.cpu_ms = 60000;
    dispatch(load(runtime, options), request("GET", "http://app.test/"));
  }
  for (int i = 0; i < 2; i++) {
    nano_event event = next_of(runtime, 0, NANO_EVENT_LOG);
    if (event.type != NANO_EVENT_LOG || !is(event.as.log->text, "loops")) FAIL("an app that loops");
    nano_event_release(&event, 1);
  }
  printf("exits\n");
  exit(0);
}

static void many_runtimes(void) {
  for (int i = 0; i < 50; i++) {
    nano_runtime *runtime = make_runtime(2);
    nano_app *app = load(runtime, app_options("hello", HELLO));
    expect_hi(app);
    nano_app_free(app), nano_runtime_free(runtime);
  }
}

static void forks(void) {
  nano_runtime *runtime = make_runtime(1);
  nano_app *app = load(runtime, app_options("hello", HELLO));
  pid_t child = fork();
  if (child == 0) {
    nano_request_init init = request("GET", "http://app.test/");
    nano_request id;
    nano_runtime *second;
    int wrong = nano_dispatch(app, &init, NULL, &id, NULL) != NANO_E_FORKED;
    wrong |= nano_runtime_new(NULL, &second, NULL) != NANO_E_FORKED;
    nano_app_free(app), nano_runtime_free(runtime);
    _exit(wrong);
  }
  int status = -1;
  waitpid(child, &status, 0);
  CHECK_EQ(status, 0);
  expect_hi(app);
  nano_app_free(app), nano_runtime_free(runtime);
}

static void address_space(void) {
  struct rlimit limit = {2ul << 30, 2ul << 30};
  nano_runtime *runtime = NULL;
  nano_error *error = NULL;
  setrlimit(RLIMIT_AS, &limit);
  CHECK_EQ(nano_runtime_new(NULL, &runtime, &error), NANO_E_ADDRESS_SPACE);
  CHECK(has(nano_error_message(error), "address-space limit"));
  nano_error_free(error);
}

/* No handler is installed, and signals meant for the host do not land on threads of NANO's. */
static volatile sig_atomic_t on_main;
static pthread_t main_thread;
static void handler(int signal) {
  (void)signal;
  if (pthread_equal(pthread_self(), main_thread)) on_main++;
}
static void signals(void) {
  struct sigaction before[32], now;
  main_thread = pthread_self();
  signal(SIGUSR1, handler);
  for (int n = 1; n < 32; n++) sigaction(n, NULL, &before[n]);
  nano_runtime *runtime = make_runtime(2);
  nano_app *app = load(runtime, app_options("hello", HELLO));
  expect_hi(app);
  for (int n = 1; n < 32; n++) {
    sigaction(n, NULL, &now);
    if (now.sa_handler != before[n].sa_handler) CHECK_EQ(n, 0);
  }
  for (int i = 0; i < 100; i++) kill(getpid(), SIGUSR1);
  CHECK_EQ(on_main, 100);
  nano_app_free(app), nano_runtime_free(runtime);
}

/* A library writes nothing to its host's output, not even when V8 is out of memory and a thread is given up. */
static void quiet(void) {
  char path[] = "/tmp/nano-quiet-XXXXXX";
  int file = mkstemp(path), streams[2] = {dup(1), dup(2)};
  unlink(path);
  dup2(file, 1), dup2(file, 2);
  nano_runtime *runtime = make_runtime(2);
  nano_app_options options = app_options("bomb", "export default { fetch() { return new Response('\\u0416'.repeat(2 ** 29 - 25).charAt(5)); } };");
  options.cpu_ms = 60000;
  nano_app *app = load(runtime, options);
  nano_request_init init = request("GET", "http://app.test/");
  nano_response *response = NULL;
  nano_status status = nano_fetch(app, &init, WAIT_MS, &response, NULL);
  nano_runtime_counters counters = NANO_RUNTIME_COUNTERS_INIT;
  nano_runtime_stats(runtime, &counters);
  fflush(NULL);
  off_t written = lseek(file, 0, SEEK_END);
  dup2(streams[0], 1), dup2(streams[1], 2);
  CHECK_EQ(status, NANO_E_MEMORY_LIMIT);
  CHECK_EQ(counters.parked, 1);
  CHECK_EQ(written, 0);
  nano_response_free(response), nano_app_free(app), nano_runtime_free(runtime);
}

int main(int argc, char **argv) {
  const char *mode = argc > 1 ? argv[1] : "";
  test_begin();
  if (!strcmp(mode, "threads")) threads();
  else if (!strcmp(mode, "recursion")) recursion();
  else if (!strcmp(mode, "exit")) exit_while_looping();
  else if (!strcmp(mode, "runtimes")) many_runtimes();
  else if (!strcmp(mode, "fork")) forks();
  else if (!strcmp(mode, "ulimit")) address_space();
  else if (!strcmp(mode, "signals")) signals();
  else if (!strcmp(mode, "quiet")) quiet();
  else return 2;
  return test_end();
}
