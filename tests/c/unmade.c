/* A runtime that cannot be made leaves nothing behind: no thread, no descriptor. */
#include "harness.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

enum { THREADS = 8 };

/* The thread that cannot be made next, counted from one; zero or less for none. */
static atomic_int missing;

/* In place of the C library's, also for libnano.so. */
int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *), void *argument) {
  int (*create)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
  *(void **)&create = dlsym(RTLD_NEXT, "pthread_create");
  if (atomic_load(&missing) > 0 && atomic_fetch_sub(&missing, 1) == 1) return EAGAIN;
  return create(thread, attributes, run, argument);
}

/* Entries of a folder. */
static int count(const char *path) {
  DIR *folder = opendir(path);
  int entries = 0;
  if (!folder) return -1;
  while (readdir(folder)) entries++;
  return closedir(folder), entries;
}

static nano_status make(nano_runtime **runtime) {
  nano_runtime_options options = NANO_RUNTIME_OPTIONS_INIT;
  options.threads = THREADS;
  return nano_runtime_new(&options, runtime, NULL);
}

int main(void) {
  nano_runtime *runtime;
  test_begin();
  /* What the process has from its first runtime on. */
  nano_runtime_free(make_runtime(1));
  int descriptors = count("/proc/self/fd");
  int threads = count("/proc/self/task");
  /* The watchdog's, and each of the shards'. */
  for (int at = 1; at <= THREADS + 1; at++) {
    missing = at;
    CHECK_EQ(make(&runtime), NANO_E_IO);
    /* What has ended is there a moment longer. If it stays, the alarm ends this. */
    while (count("/proc/self/task") > threads || count("/proc/self/fd") > descriptors) sched_yield();
  }
  missing = 0;
  CHECK_EQ(make(&runtime), NANO_OK);
  nano_runtime_free(runtime);
  return test_end();
}
