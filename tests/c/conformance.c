/* The conformance corpus (tests/conformance), through C: its README has the format. Values are compared by their bytes: NANO writes the
 * same value always the same way, and cbor_coded below is that way, written again. */
#include "harness.h"

#include "cbor.h"
#include "json.h"

#include <glob.h>
#include <math.h>
#include <stddef.h>

/* What has come of a request or an invocation. */
typedef struct outcome {
  bool ended, writable, is_stream;
  nano_event last; /* a RESULT, kept for its value */
  nano_response *response;
  nano_error *error;
  cbor_out body;
} outcome;

static nano_runtime *runtime;
static nano_app *app;

/* ---- Values ---- */

static void cbor_shortest(cbor_out *out, double number) {
  uint64_t wide;
  float narrow = (float)number;
  uint32_t bits;
  if (isnan(number)) {
    cbor_raw(out, "\xf9\x7e\x00", 3);
    return;
  }
  memcpy(&bits, &narrow, 4), memcpy(&wide, &number, 8);
  /* A half has 10 bits of mantissa, and exponents from -14; smaller ones do not come up in the corpus. */
  int exponent = (int)(bits >> 23 & 255) - 127;
  bool is_half = narrow == number && !(bits & 0x1fff) && ((exponent >= -14 && exponent <= 15) || isinf(number) || number == 0);
  if (is_half) {
    uint32_t half = bits >> 31 << 15 | (isinf(number) ? 31u : number == 0 ? 0u : (uint32_t)(exponent + 15)) << 10 | (bits >> 13 & 1023);
    uint8_t bytes[3] = {0xf9, (uint8_t)(half >> 8), (uint8_t)half};
    cbor_raw(out, bytes, 3);
  } else if (narrow == number) {
    uint8_t bytes[5] = {0xfa, (uint8_t)(bits >> 24), (uint8_t)(bits >> 16), (uint8_t)(bits >> 8), (uint8_t)bits};
    cbor_raw(out, bytes, 5);
  } else cbor_float(out, number);
}

/* Decimal digits as bytes in big endian, less one if it is below zero: CBOR's way of writing that. */
static void cbor_bigint(cbor_out *out, const char *digits) {
  uint8_t magnitude[64] = {0};
  bool negative = *digits == '-';
  for (digits += negative; *digits; digits++) {
    unsigned carry = (unsigned)(*digits - '0');
    for (int i = 63; i >= 0; i--) carry += magnitude[i] * 10u, magnitude[i] = (uint8_t)carry, carry >>= 8;
  }
  for (int i = 63; negative && i >= 0; i--)
    if (magnitude[i]--) break;
  size_t zeros = 0;
  while (zeros < 64 && !magnitude[zeros]) zeros++;
  cbor_head(out, 6, negative ? 3 : 2), cbor_bytes(out, magnitude + zeros, 64 - zeros);
}

static void cbor_hex(cbor_out *out, const json *hex) {
  uint8_t *bytes = json_room(NULL, hex->len / 2);
  for (size_t i = 0; i < hex->len / 2; i++) {
    char two[3] = {hex->text[2 * i], hex->text[2 * i + 1], 0};
    bytes[i] = (uint8_t)strtoul(two, NULL, 16);
  }
  cbor_bytes(out, bytes, hex->len / 2), free(bytes);
}

static void cbor_coded(cbor_out *out, const json *coded);

static void cbor_pairs(cbor_out *out, const json *pairs) {
  cbor_map(out, pairs->count);
  for (size_t i = 0; i < pairs->count; i++) cbor_coded(out, &pairs->items[i].items[0]), cbor_coded(out, &pairs->items[i].items[1]);
}

static void cbor_tagged(cbor_out *out, const char *tag, const json *content) {
  static const struct { const char *name; uint64_t tag; } kinds[] = {
      {"Int8", 72}, {"Uint8Clamped", 68}, {"Int16", 77}, {"Uint16", 69}, {"Int32", 78}, {"Uint32", 70}, {"Float16", 84},
      {"Float32", 85}, {"Float64", 86}, {"BigInt64", 79}, {"BigUint64", 71}};
  if (!strcmp(tag, "undefined")) cbor_simple(out, CBOR_UNDEFINED);
  else if (!strcmp(tag, "float")) cbor_shortest(out, strtod(content->text, NULL));
  else if (!strcmp(tag, "bigint")) cbor_bigint(out, content->text);
  else if (!strcmp(tag, "bytes")) cbor_hex(out, content);
  else if (!strcmp(tag, "object")) cbor_pairs(out, content);
  else if (!strcmp(tag, "map")) cbor_head(out, 6, 259), cbor_pairs(out, content);
  else if (!strcmp(tag, "set")) cbor_head(out, 6, 258), cbor_coded(out, content);
  else if (!strcmp(tag, "error")) {
    cbor_head(out, 6, 27), cbor_array(out, 3), cbor_text(out, "Error");
    for (int i = 0; i < 2; i++) cbor_textn(out, content->items[i].text, content->items[i].len);
  } else if (!strcmp(tag, "date_ms")) {
    int64_t ms = json_int(content);
    cbor_head(out, 6, 1);
    if (ms % 1000) cbor_shortest(out, (double)ms / 1000);
    else cbor_int(out, ms / 1000);
  } else if (!strcmp(tag, "typed")) {
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
      if (!strcmp(kinds[i].name, content->items[0].text)) cbor_head(out, 6, kinds[i].tag), cbor_hex(out, &content->items[1]);
  } else json_bad(tag);
}

static void cbor_coded(cbor_out *out, const json *coded) {
  switch (coded->type) {
    case JSON_NULL: cbor_simple(out, CBOR_NULL); break;
    case JSON_FALSE: cbor_simple(out, CBOR_FALSE); break;
    case JSON_TRUE: cbor_simple(out, CBOR_TRUE); break;
    case JSON_NUMBER: cbor_int(out, json_int(coded)); break;
    case JSON_TEXT: cbor_textn(out, coded->text, coded->len); break;
    case JSON_OBJECT: cbor_tagged(out, coded->keys[0].text, &coded->items[0]); break;
    case JSON_ARRAY:
      cbor_array(out, coded->count);
      for (size_t i = 0; i < coded->count; i++) cbor_coded(out, &coded->items[i]);
  }
}

/* ---- Events ---- */

/* echo, add and fail. */
static void answer(nano_call call) {
  nano_call_view *view;
  cbor_out out = {0};
  cbor_item item = {0};
  if (nano_call_request(runtime, call, &view)) return;
  cbor_in in = {view->args.ptr, view->args.len};
  CHECK(cbor_next(&in, &item) && item.type == CBOR_ARRAY);
  if (is(view->binding, "echo")) CHECK_EQ(nano_call_return(runtime, call, (nano_bytes){in.ptr, in.len}, NULL), NANO_OK);
  else if (is(view->binding, "add")) {
    int64_t sum = 0;
    while (cbor_next(&in, &item)) sum += item.type == CBOR_NEGATIVE ? -1 - (int64_t)item.number : (int64_t)item.number;
    cbor_int(&out, sum);
    CHECK_EQ(nano_call_return(runtime, call, (nano_bytes){out.ptr, out.len}, NULL), NANO_OK);
  } else CHECK_EQ(nano_call_fail(runtime, call, nano_str("no")), NANO_OK);
  free(out.ptr), nano_call_view_free(view);
}

/* Takes one event; false if none comes in time. */
static bool take(void) {
  nano_event event = next_event(runtime);
  outcome *o = event.user_data;
  if (event.type == NANO_EVENT_NONE) return false;
  if (event.type == NANO_EVENT_CALL) answer(event.id);
  if (!o) return nano_event_release(&event, 1), true;
  o->ended |= (event.flags & NANO_FLAG_END) != 0, o->writable |= event.type == NANO_EVENT_WRITABLE;
  if (event.type == NANO_EVENT_RESPONSE) {
    nano_bytes body = nano_response_body(event.as.response);
    o->response = event.as.response, event.as.response = NULL, o->is_stream = !o->ended;
    cbor_raw(&o->body, body.ptr, body.len);
  }
  if (event.type == NANO_EVENT_CHUNK) {
    cbor_raw(&o->body, event.as.chunk.ptr, event.as.chunk.len);
    nano_response_credit(runtime, event.id, (uint32_t)event.as.chunk.len);
  }
  if (event.type == NANO_EVENT_ERROR) o->error = event.as.error, event.as.error = NULL;
  if (event.type == NANO_EVENT_RESULT) o->last = event;
  else nano_event_release(&event, 1);
  return true;
}

static void finish(outcome *o) {
  while (!o->ended && take()) {}
  CHECK(o->ended);
}

static void forget(outcome *o) {
  nano_response_free(o->response), nano_error_free(o->error), nano_event_release(&o->last, 1), free(o->body.ptr);
  memset(o, 0, sizeof *o);
}

/* ---- Steps ---- */

static void fetch(const json *f, outcome *o) {
  const json *method = json_get(f, "method"), *headers = json_get(f, "headers"), *body = json_get(f, "body"), *chunks = json_get(f, "chunks");
  nano_request_init init = request(method ? method->text : "GET", json_get(f, "url")->text);
  nano_header list[16];
  nano_request id;
  for (size_t i = 0; headers && i < headers->count; i++, init.headers_count++)
    list[i] = (nano_header){nano_str(headers->items[i].items[0].text), nano_str(headers->items[i].items[1].text)};
  init.headers = list, init.deadline_ms = (uint32_t)json_int(json_get(f, "timeout_ms"));
  if (body) init.body_kind = NANO_BODY_WHOLE, init.body.ptr = (const uint8_t *)body->text, init.body.len = body->len;
  if (chunks) init.body_kind = NANO_BODY_STREAM;
  if (nano_dispatch(app, &init, o, &id, &o->error)) {
    o->ended = true;
    return;
  }
  for (size_t i = 0; chunks && i < chunks->count; i++) {
    nano_bytes rest = nano_str(chunks->items[i].text);
    size_t taken;
    while (nano_request_write(runtime, id, rest, &taken) == NANO_AGAIN) {
      rest.ptr += taken, rest.len -= taken;
      for (o->writable = false; !o->writable && !o->ended && take();) {}
    }
  }
  if (chunks) CHECK_EQ(nano_request_end(runtime, id), NANO_OK);
}

static void invoke(const char *name, const json *args, outcome *o) {
  cbor_out out = {0};
  nano_request id;
  if (args) cbor_coded(&out, args);
  if (nano_invoke(app, nano_str(name), (nano_bytes){out.ptr, out.len}, o, &id, &o->error)) o->ended = true;
  free(out.ptr);
}

static void check_error(nano_error *error, const json *expect) {
  nano_bytes message = nano_error_message(error);
  const json *contains = json_get(expect, "contains");
  const char *name = error ? nano_status_name(nano_error_code(error)) : "no error", *wanted = expect ? json_get(expect, "name")->text : "no error";
  test_check(!strcmp(name, wanted), wanted, __FILE__, __LINE__);
  if (strcmp(name, wanted)) printf("# it is %s: %.*s\n", name, (int)message.len, (const char *)message.ptr);
  if (contains) CHECK(has(message, contains->text));
}

/* All values of a header, joined as fetch does it; false if there is none. */
static bool header_of(const nano_response *response, const char *name, char *joined, size_t room) {
  size_t count, len = 0;
  bool found = false;
  const nano_header *headers = nano_response_headers(response, &count);
  joined[0] = 0;
  for (size_t i = 0; i < count; i++) {
    if (!is(headers[i].name, name)) continue;
    len += (size_t)snprintf(joined + len, room - len, "%s%.*s", found ? ", " : "", (int)headers[i].value.len, (const char *)headers[i].value.ptr);
    found = true;
  }
  return found;
}

static void check(outcome *o, const json *expect) {
  const json *field;
  check_error(o->error, json_get(expect, "error"));
  if ((field = json_get(expect, "status"))) CHECK_EQ(nano_response_status(o->response), json_int(field));
  if ((field = json_get(expect, "chunks"))) CHECK_EQ(o->is_stream, field->type == JSON_TRUE);
  if ((field = json_get(expect, "body"))) CHECK(o->body.len == field->len && (!field->len || !memcmp(o->body.ptr, field->text, field->len)));
  if ((field = json_get(expect, "json"))) {
    json have = json_parse((const char *)o->body.ptr, o->body.len);
    CHECK(json_same(&have, field));
  }
  field = json_get(expect, "headers");
  for (size_t i = 0; field && i < field->count; i++) {
    char joined[1024];
    bool found = header_of(o->response, field->keys[i].text, joined, sizeof joined), wanted = field->items[i].type == JSON_TEXT;
    test_check(found == wanted && (!wanted || !strcmp(joined, field->items[i].text)), field->keys[i].text, __FILE__, __LINE__);
  }
  if ((field = json_get(expect, "value"))) {
    cbor_out out = {0};
    cbor_coded(&out, field);
    CHECK(o->last.as.value.len == out.len && o->last.as.value.ptr && !memcmp(o->last.as.value.ptr, out.ptr, out.len));
    free(out.ptr);
  }
}

static void steps(const json *all) {
  outcome pending = {0};
  for (size_t i = 0; all && i < all->count; i++) {
    const json *step = &all->items[i], *expect = json_get(step, "expect"), *field;
    outcome o = {0};
    if ((field = json_get(step, "advance_ms"))) CHECK_EQ(nano_runtime_advance(runtime, (uint64_t)json_int(field)), NANO_OK);
    else if (json_get(step, "finish")) finish(&pending), check(&pending, expect);
    else if (json_get(step, "pending")) {
      fetch(json_get(step, "fetch"), &pending);
      /* Whatever was asked before has had its turn when this is answered: one thread, one queue. */
      invoke("there is no such function", NULL, &o), finish(&o);
    } else {
      if ((field = json_get(step, "fetch"))) fetch(field, &o);
      else invoke(json_get(json_get(step, "invoke"), "export")->text, json_get(json_get(step, "invoke"), "args"), &o);
      finish(&o), check(&o, expect);
    }
    forget(&o);
  }
  forget(&pending);
}

/* ---- Cases ---- */

static void set_limit(nano_app_options *options, const char *name, uint64_t value) {
#define LIMIT(field) {#field, offsetof(nano_app_options, field), sizeof(((nano_app_options *)0)->field)}
  static const struct { const char *name; size_t at, size; } limits[] = {
      LIMIT(heap_bytes), LIMIT(external_bytes), LIMIT(body_bytes), LIMIT(upload_bytes), LIMIT(storage_bytes), LIMIT(cache_bytes), LIMIT(cpu_ms), LIMIT(start_cpu_ms),
      LIMIT(wall_ms), LIMIT(idle_ms), LIMIT(errand_cpu_ms), LIMIT(requests), LIMIT(subrequests), LIMIT(subrequests_at_once), LIMIT(timers),
      LIMIT(errands), LIMIT(sockets), LIMIT(log_bytes_per_s), LIMIT(env_entries), LIMIT(env_entry_bytes), LIMIT(url_bytes), LIMIT(header_bytes),
      LIMIT(storage_entries), LIMIT(host_objects), LIMIT(egress), LIMIT(random_seed)};
  for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
    if (strcmp(limits[i].name, name)) continue;
    uint32_t narrow = (uint32_t)value;
    memcpy((char *)options + limits[i].at, limits[i].size == 4 ? (void *)&narrow : (void *)&value, limits[i].size);
    return;
  }
  json_bad(name);
}

static void set_option(nano_app_options *options, const char *name, const json *value) {
  static const char *const egress[] = {"public", "deny", "any"};
  if (!strcmp(name, "outbound")) options->outbound = nano_str(value->text);
  else if (!strcmp(name, "base_url")) options->base_url = nano_str(value->text);
  else if (!strcmp(name, "code_generation")) options->flags |= value->type == JSON_TRUE ? NANO_APP_CODE_GENERATION : 0;
  else if (!strcmp(name, "random_seed")) options->flags |= NANO_APP_SEEDED, options->random_seed = (uint64_t)json_int(value);
  else if (!strcmp(name, "egress"))
    for (uint32_t i = 0; i < 3; i++) options->egress = !strcmp(egress[i], value->text) ? i : options->egress;
  else json_bad(name);
}

static void replay(const json *test) {
  static const struct { const char *name; uint32_t kind; } kinds[] = {{"text", NANO_SOURCE_TEXT}, {"typescript", NANO_SOURCE_TYPESCRIPT}, {"tsx", NANO_SOURCE_TSX}, {"echo", NANO_SOURCE_ECHO}};
  const json *env = json_get(test, "env"), *limits = json_get(test, "limits"), *given = json_get(test, "options"), *functions = json_get(test, "functions"), *kind = json_get(test, "source_kind");
  nano_runtime_options runtime_options = NANO_RUNTIME_OPTIONS_INIT;
  nano_app_options options = app_options("case", json_get(test, "source")->text);
  nano_variable variables[16];
  nano_binding bindings[16] = {0};
  nano_error *error = NULL;
  printf("# %s\n", json_get(test, "name")->text);
  for (size_t i = 0; kind && i < 4; i++) options.source_kind = !strcmp(kinds[i].name, kind->text) ? kinds[i].kind : options.source_kind;
  for (size_t i = 0; env && i < env->count; i++, options.env_count++) variables[i] = (nano_variable){nano_str(env->keys[i].text), nano_str(env->items[i].text)};
  for (size_t i = 0; functions && i < functions->count; i++, options.env_bindings_count++)
    bindings[i].name = nano_str(functions->items[i].text), bindings[i].kind = NANO_BINDING_FUNCTION;
  for (size_t i = 0; limits && i < limits->count; i++) set_limit(&options, limits->keys[i].text, (uint64_t)json_int(&limits->items[i]));
  for (size_t i = 0; given && i < given->count; i++) set_option(&options, given->keys[i].text, &given->items[i]);
  options.env = variables, options.env_bindings = bindings;
  runtime_options.threads = 1, runtime_options.flags = NANO_RUNTIME_MANUAL_CLOCK;
  if (nano_runtime_new(&runtime_options, &runtime, &error)) bail("nano_runtime_new", error);
  if (nano_app_load(runtime, &options, &app, &error) == NANO_OK) steps(json_get(test, "steps"));
  check_error(error, json_get(test, "load_error"));
  nano_error_free(error), nano_app_free(app), nano_runtime_free(runtime);
}

int main(void) {
  glob_t files;
  test_begin();
  if (glob("tests/conformance/*.json", 0, NULL, &files)) json_bad("there is no corpus");
  for (size_t f = 0; f < files.gl_pathc; f++) {
    FILE *file = fopen(files.gl_pathv[f], "rb");
    static char text[1 << 20];
    if (!file) json_bad(files.gl_pathv[f]);
    size_t len = fread(text, 1, sizeof text, file);
    fclose(file);
    json corpus = json_parse(text, len);
    const json *cases = json_get(&corpus, "cases");
    for (size_t i = 0; i < cases->count; i++) replay(&cases->items[i]);
  }
  globfree(&files);
  return test_end();
}
