/* Any exported function can be called, with values both ways. */
#include "harness.h"
#include "cbor.h"

static const char *SOURCE = "export async function add(a, b) { return { sum: a + b }; }\n"
                            "export function boom() { throw new Error('bad'); }\n"
                            "export function kinds(...a) { return a; }\n"
                            "export const never = () => new Promise(() => {});\n"
                            "export const notAFunction = 7;\n";

static nano_runtime *runtime;
static nano_app *app;

static nano_bytes view(const cbor_out *out) { return (nano_bytes){out->ptr, out->len}; }

static void a_result_comes_as_an_event(void) {
  cbor_out args = {0};
  nano_request id;
  int mine;
  cbor_array(&args, 2), cbor_int(&args, 2), cbor_int(&args, -5);
  CHECK_EQ(nano_invoke(app, nano_str("add"), view(&args), &mine, &id, NULL), NANO_OK);
  nano_event event = next_event(runtime);
  CHECK_EQ(event.type, NANO_EVENT_RESULT);
  CHECK_EQ(event.flags, NANO_FLAG_END);
  CHECK(event.id == id && event.user_data == &mine);
  cbor_in in = {event.as.value.ptr, event.as.value.len};
  cbor_item map, key, sum;
  CHECK(cbor_next(&in, &map) && map.type == CBOR_MAP && map.number == 1);
  CHECK(cbor_next(&in, &key) && cbor_is(&key, "sum"));
  CHECK(cbor_next(&in, &sum) && sum.type == CBOR_NEGATIVE && sum.number == 2);
  CHECK_EQ(in.len, 0);
  nano_account account = NANO_ACCOUNT_INIT;
  CHECK_EQ(nano_event_account(&event, &account), NANO_OK);
  nano_event_release(&event, 1);
  free(args.ptr);
}

static void values_survive_the_way_there_and_back(void) {
  cbor_out args = {0};
  nano_event result;
  cbor_array(&args, 6);
  cbor_text(&args, "t\xc3\xa4xt"), cbor_bytes(&args, "\0\1", 2), cbor_float(&args, 1.5), cbor_simple(&args, CBOR_NULL);
  cbor_simple(&args, CBOR_TRUE), cbor_int(&args, INT64_C(9007199254740991));
  CHECK_EQ(nano_invoke_wait(app, nano_str("kinds"), view(&args), 0, &result, NULL), NANO_OK);
  CHECK_EQ(result.type, NANO_EVENT_RESULT);
  cbor_in in = {result.as.value.ptr, result.as.value.len};
  cbor_item item;
  CHECK(cbor_next(&in, &item) && item.type == CBOR_ARRAY && item.number == 6);
  CHECK(cbor_next(&in, &item) && cbor_is(&item, "t\xc3\xa4xt"));
  CHECK(cbor_next(&in, &item) && item.type == CBOR_BYTES && item.number == 2 && !memcmp(item.ptr, "\0\1", 2));
  CHECK(cbor_next(&in, &item) && item.type == CBOR_FLOAT && item.real == 1.5);
  CHECK(cbor_next(&in, &item) && item.type == CBOR_SIMPLE && item.number == CBOR_NULL);
  CHECK(cbor_next(&in, &item) && item.type == CBOR_SIMPLE && item.number == CBOR_TRUE);
  CHECK(cbor_next(&in, &item) && item.type == CBOR_UINT && item.number == UINT64_C(9007199254740991));
  nano_event_release(&result, 1);
  free(args.ptr);
}

static void failed(const char *name, nano_bytes args, uint32_t timeout_ms, nano_status status, const char *why) {
  nano_event result;
  nano_error *error;
  CHECK_EQ(nano_invoke_wait(app, nano_str(name), args, timeout_ms, &result, &error), status);
  CHECK_EQ(result.type, NANO_EVENT_NONE);
  CHECK(has(nano_error_message(error), why));
  nano_event_release(&result, 1);
  nano_error_free(error);
}

int main(void) {
  const nano_bytes none = {NULL, 0};
  test_begin();
  runtime = make_runtime(1);
  app = load(runtime, app_options("functions", SOURCE));
  a_result_comes_as_an_event();
  values_survive_the_way_there_and_back();
  failed("boom", none, 0, NANO_E_EXCEPTION, "Error: bad");
  failed("missing", none, 0, NANO_E_EXCEPTION, "missing");
  failed("add", nano_str("\x01"), 0, NANO_E_INVALID, "array");
  failed("add", nano_str("\x9f"), 0, NANO_E_INVALID, "byte");
  failed("add", (nano_bytes){NULL, 3}, 0, NANO_E_INVALID, "args is NULL");
  failed("never", none, 50, NANO_TIMEOUT, "time");
  nano_request id;
  CHECK_EQ(nano_invoke(app, nano_str("boom"), none, NULL, &id, NULL), NANO_OK);
  nano_event event = next_of(runtime, id, NANO_EVENT_NONE);
  CHECK_EQ(event.type, NANO_EVENT_ERROR);
  CHECK_EQ(nano_error_code(event.as.error), NANO_E_EXCEPTION);
  nano_event_release(&event, 1);
  nano_app_free(app);
  nano_runtime_free(runtime);
  return test_end();
}
