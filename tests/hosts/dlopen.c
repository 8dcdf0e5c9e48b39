/* A host that loads the library at run time, lets go of it while its threads run, and loads it again. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <nano.h>
#include <stdio.h>
#include <string.h>

#define NAME(symbol) __typeof__(symbol) *symbol##_ = (__typeof__(symbol) *)dlsym(library, #symbol)

static int serve(const char *path, int round) {
  void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (!library) return printf("# %s\n", dlerror()), 1;
  NAME(nano_runtime_new);
  NAME(nano_app_load);
  NAME(nano_fetch);
  NAME(nano_response_body);
  nano_runtime *runtime;
  nano_app *app;
  nano_response *response;
  nano_app_options options = NANO_APP_OPTIONS_INIT;
  nano_request_init init = NANO_REQUEST_INIT;
  options.name = nano_str("hello"), options.source = nano_str("export default { fetch() { return new Response('hi'); } };");
  init.method = nano_str("GET"), init.url = nano_str("http://app.test/");
  int failed = nano_runtime_new_(NULL, &runtime, NULL) || nano_app_load_(runtime, &options, &app, NULL) ||
               nano_fetch_(app, &init, 20000, &response, NULL) || memcmp(nano_response_body_(response).ptr, "hi", 2);
  printf("%s %d - loaded and answered, round %d\n", failed ? "not ok" : "ok", round, round);
  /* The runtime is not freed: its threads go on after dlclose. */
  return failed | dlclose(library);
}

int main(int argc, char **argv) {
  int failed = argc < 2 || serve(argv[1], 1) || serve(argv[1], 2);
  puts("1..2");
  return failed;
}
