/* What the caches of an app, and of all, may keep is for the host to say. */
#include "harness.h"
#include "cbor.h"

static const char *SOURCE = "export async function keeps(size) {\n"
                            "  await caches.default.put('http://a.test/' + size, new Response('x'.repeat(size)));\n"
                            "  return await caches.default.match('http://a.test/' + size) !== undefined;\n"
                            "}\n";

/* Whether a response of so many bytes is kept. */
static int keeps(nano_app *app, int64_t size) {
  cbor_out args = {0};
  nano_event result;
  cbor_array(&args, 1), cbor_int(&args, size);
  CHECK_EQ(nano_invoke_wait(app, nano_str("keeps"), (nano_bytes){args.ptr, args.len}, 0, &result, NULL), NANO_OK);
  cbor_in in = {result.as.value.ptr, result.as.value.len};
  cbor_item item;
  CHECK(cbor_next(&in, &item) && item.type == CBOR_SIMPLE);
  nano_event_release(&result, 1);
  free(args.ptr);
  return item.number == CBOR_TRUE;
}

static nano_runtime *runtime_with(uint64_t cache_bytes) {
  nano_runtime_options options = NANO_RUNTIME_OPTIONS_INIT;
  nano_runtime *runtime;
  nano_error *error;
  options.threads = 1, options.cache_bytes = cache_bytes;
  if (nano_runtime_new(&options, &runtime, &error)) bail("nano_runtime_new", error);
  return runtime;
}

static nano_app *app_with(nano_runtime *runtime, const char *name, uint64_t cache_bytes) {
  nano_app_options options = app_options(name, SOURCE);
  options.cache_bytes = cache_bytes;
  return load(runtime, options);
}

int main(void) {
  test_begin();
  nano_runtime *runtime = runtime_with(0);
  nano_app *plain = app_with(runtime, "plain", 0), *small = app_with(runtime, "small", 10000);
  CHECK(keeps(plain, 100000));
  CHECK(keeps(small, 5000));
  CHECK(!keeps(small, 100000));
  nano_app_free(plain), nano_app_free(small);
  nano_runtime_free(runtime);

  runtime = runtime_with(20000);
  plain = app_with(runtime, "plain", 0);
  CHECK(keeps(plain, 5000));
  CHECK(!keeps(plain, 100000));
  nano_app_free(plain);
  nano_runtime_free(runtime);
  return test_end();
}
