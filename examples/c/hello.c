/* The smallest host: one app, one request, one answer. */
#include <nano.h>
#include <stdio.h>

static const char *APP = "export default { fetch: (request, env) => new Response(`Hello, ${env.NAME}, from ${request.url}`) };";

static int failed(const char *what, nano_error *error) {
  nano_bytes message = nano_error_message(error);
  fprintf(stderr, "%s: %s: %.*s\n", what, nano_status_name(nano_error_code(error)), (int)message.len, (const char *)message.ptr);
  nano_error_free(error);
  return 1;
}

int main(int argc, char **argv) {
  nano_runtime *runtime;
  nano_app *app;
  nano_response *response;
  nano_error *error;
  if (nano_runtime_new(NULL, &runtime, &error)) return failed("cannot start", error);

  nano_variable env[] = {{nano_str("NAME"), nano_str(argc > 1 ? argv[1] : "world")}};
  nano_app_options options = NANO_APP_OPTIONS_INIT;
  options.name = nano_str("hello"), options.source = nano_str(APP), options.env = env, options.env_count = 1;
  if (nano_app_load(runtime, &options, &app, &error)) return failed("cannot load the app", error);

  nano_request_init request = NANO_REQUEST_INIT;
  request.method = nano_str("GET"), request.url = nano_str("http://hello.example/");
  if (nano_fetch(app, &request, 1000, &response, &error)) return failed("no answer", error);
  nano_account account = NANO_ACCOUNT_INIT;
  nano_response_account(response, &account);
  nano_bytes body = nano_response_body(response);
  printf("%d %.*s\n", nano_response_status(response), (int)body.len, (const char *)body.ptr);
  printf("%s: %llu us of CPU, %llu KiB of heap\n", nano_version(), (unsigned long long)account.cpu_us,
         (unsigned long long)account.heap_bytes / 1024);

  nano_response_free(response);
  nano_app_free(app);
  nano_runtime_free(runtime);
  return 0;
}
