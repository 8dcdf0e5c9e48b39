/* What V8 takes outside its heaps is counted in this library, too, which has another malloc: the linker has done its part. */
#include "harness.h"

static const char *SOURCE = "const kept = [], segments = new Intl.Segmenter('en'), text = '\\u0416'.repeat(100000);\n"
                            "const does = {\n"
                            "  '/compiles': () => new RegExp('a|'.repeat(1000000)).test('b'),\n"
                            "  '/parses': () => { try { JSON.parse('['.repeat(3000000)); } catch (error) { return error.name; } },\n"
                            "  '/keeps': () => { for (;;) kept.push(segments.segment(text)); },\n"
                            "  '/drops': () => { for (let n = 0; n < 200; n++) segments.segment(text); },\n"
                            "  '/refused': () => { try { '\\uFDFA'.repeat(1000000).normalize('NFKD'); } catch (error) { return error.name; } },\n"
                            "};\n"
                            "export default { fetch: (request) => new Response(String(does[new URL(request.url).pathname]())) };\n";

static nano_runtime *runtime;

/* How an app fares that does one of these: the code, and what it answers if it does. */
static nano_status fares(const char *what, const char *answer) {
  nano_app_options options = app_options(what, SOURCE);
  options.heap_bytes = 8 << 20, options.external_bytes = 4 << 20;
  options.cpu_ms = 60000, options.wall_ms = 120000;
  nano_app *app = load(runtime, options);
  char url[64];
  snprintf(url, sizeof url, "http://test%s", what);
  nano_request_init get = request("GET", url);
  nano_response *response;
  nano_error *error = NULL;
  nano_status status = nano_fetch(app, &get, 0, &response, &error);
  nano_error_free(error);
  if (status == NANO_OK) {
    CHECK(is(nano_response_body(response), answer));
    nano_response_free(response);
  }
  CHECK_EQ(nano_app_unload(app, 0, NULL), NANO_OK);
  nano_app_free(app);
  return status;
}

int main(void) {
  test_begin();
  runtime = make_runtime(1);
  CHECK_EQ(fares("/drops", "undefined"), NANO_OK);
  CHECK_EQ(fares("/keeps", ""), NANO_E_MEMORY_LIMIT);
  CHECK_EQ(fares("/refused", "TypeError"), NANO_OK);
  CHECK_EQ(fares("/compiles", ""), NANO_E_MEMORY_LIMIT);
  CHECK_EQ(fares("/parses", "RangeError"), NANO_OK);
  CHECK_EQ(fares("/drops", "undefined"), NANO_OK);
  nano_runtime_free(runtime);
  return test_end();
}
