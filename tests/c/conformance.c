/* The conformance corpus (tests/conformance), through C: its README has the format. Values are compared by their bytes: NANO writes the
 * same value always the same way, and cbor_coded below is that way, written again. */
#include "harness.h"

#include "cbor.h"
#include "json.h"

#include <glob.h>
#include <math.h>
#include <stddef.h>

#define COUNTERS_MAX 64

/* What has come of a request or an invocation. */
typedef struct outcome {
  bool ended, writable, is_stream;
  nano_event last; /* a RESULT, kept for its value */
  nano_response *response;
  nano_error *error;
  cbor_out body;
} outcome;

/* A line of an app's log, or an app's change of state: its name is the level or the state. */
typedef struct said {
  char *app, *name, *text;
  uint64_t dropped;
} said;

typedef struct heard {
  said *all;
  size_t count;
} heard;

static nano_runtime *runtime;
static nano_app *app;
static heard lines, states;

/* What nobody knows is not passed over. known has a blank before and behind each word. */
static void only(const json *object, const char *known) {
  char word[64];
  if (object && object->type != JSON_OBJECT) json_bad(known);
  for (size_t i = 0; object && i < object->count; i++) {
    snprintf(word, sizeof word, " %s ", object->keys[i].text);
    if (!strstr(known, word)) json_bad(object->keys[i].text);
  }
}

/* A text, or [text, times]. */
static nano_bytes text_of(const json *given) {
  if (given->type == JSON_TEXT) return (nano_bytes){(const uint8_t *)given->text, given->len};
  if (given->type != JSON_ARRAY || given->count != 2) json_bad("no text");
  size_t len = given->items[0].len, times = (size_t)json_int(&given->items[1]);
  uint8_t *all = json_room(NULL, len * times);
  for (size_t i = 0; i < times; i++) memcpy(all + i * len, given->items[0].text, len);
  return (nano_bytes){all, len * times};
}

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

/* UTF-16 code units in big endian, as UTF-8 with halves of surrogate pairs as three bytes each. */
static void cbor_units(cbor_out *out, const json *hex) {
  uint8_t text[64];
  size_t len = 0;
  for (size_t i = 0; i < hex->len; i += 4) {
    char four[5] = {hex->text[i], hex->text[i + 1], hex->text[i + 2], hex->text[i + 3], 0};
    unsigned unit = (unsigned)strtoul(four, NULL, 16);
    if (len + 3 > sizeof text || (unit > 0x7f && unit < 0x800)) json_bad(four);
    if (unit > 0x7f) text[len++] = (uint8_t)(0xe0 | unit >> 12), text[len++] = (uint8_t)(0x80 | (unit >> 6 & 63)), text[len++] = (uint8_t)(0x80 | (unit & 63));
    else text[len++] = (uint8_t)unit;
  }
  cbor_head(out, 6, 273), cbor_bytes(out, text, len);
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
  else if (!strcmp(tag, "buffer")) cbor_head(out, 6, 0x4e414e4f), cbor_hex(out, content);
  else if (!strcmp(tag, "view")) cbor_head(out, 6, 0x4e414e50), cbor_hex(out, content);
  else if (!strcmp(tag, "units")) cbor_units(out, content);
  else if (!strcmp(tag, "hole")) cbor_head(out, 6, 31), cbor_simple(out, CBOR_UNDEFINED);
  else if (!strcmp(tag, "regexp")) cbor_head(out, 6, 21066), cbor_coded(out, content);
  else if (!strcmp(tag, "repeat")) cbor_textn(out, text_of(content).ptr, text_of(content).len);
  else if (!strcmp(tag, "object")) cbor_pairs(out, content);
  else if (!strcmp(tag, "map")) cbor_head(out, 6, 259), cbor_pairs(out, content);
  else if (!strcmp(tag, "set")) cbor_head(out, 6, 258), cbor_coded(out, content);
  else if (!strcmp(tag, "error")) {
    cbor_head(out, 6, 27), cbor_array(out, 1 + content->count), cbor_text(out, "Error");
    for (int i = 0; i < 2; i++) cbor_textn(out, content->items[i].text, content->items[i].len);
    if (content->count > 2) cbor_pairs(out, &content->items[2]);
  } else if (!strcmp(tag, "date_ms")) {
    int64_t ms = json_int(content);
    cbor_head(out, 6, 1);
    if (ms % 1000) cbor_shortest(out, (double)ms / 1000);
    else cbor_int(out, ms / 1000);
  } else if (!strcmp(tag, "typed")) {
    size_t kind = 0;
    while (kind < sizeof kinds / sizeof *kinds && strcmp(kinds[kind].name, content->items[0].text)) kind++;
    if (kind == sizeof kinds / sizeof *kinds) json_bad(content->items[0].text);
    cbor_head(out, 6, kinds[kind].tag), cbor_hex(out, &content->items[1]);
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

/* ---- What the host has: the README says what each does ---- */

/* The answer of mirror that is being written: one at a time. */
static struct {
  nano_call id; /* 0: there is none */
  cbor_out body;
  size_t sent;
  bool is_whole, is_broken;
} mirrored;

static void mirror_goes_on(void) {
  while (mirrored.sent < mirrored.body.len) {
    size_t taken = 0;
    nano_status status = nano_call_write(runtime, mirrored.id, (nano_bytes){mirrored.body.ptr + mirrored.sent, mirrored.body.len - mirrored.sent}, &taken);
    mirrored.sent += taken;
    if (status == NANO_AGAIN) return;
    CHECK_EQ(status, NANO_OK);
    if (status) break;
  }
  if (!mirrored.is_whole) return;
  if (mirrored.is_broken) CHECK_EQ(nano_call_fail(runtime, mirrored.id, nano_str("no")), NANO_OK);
  else CHECK_EQ(nano_call_end(runtime, mirrored.id), NANO_OK);
  mirrored.id = 0;
}

static void mirror_begins(nano_call call, const nano_call_view *view) {
  nano_header headers[] = {{nano_str("x-method"), view->method}, {nano_str("x-url"), view->url}};
  nano_call_response response = NANO_CALL_RESPONSE_INIT;
  response.status = 201, response.body_kind = NANO_BODY_STREAM, response.headers = headers, response.headers_count = 2;
  CHECK_EQ(mirrored.id, 0);
  CHECK_EQ(nano_call_respond(runtime, call, &response, NULL), NANO_OK);
  mirrored.id = call, mirrored.body.len = mirrored.sent = 0;
  mirrored.is_whole = view->body_kind != NANO_BODY_STREAM, mirrored.is_broken = has(view->url, "/broken");
  cbor_raw(&mirrored.body, view->body.ptr, view->body.len);
  mirror_goes_on();
}

static int64_t number_of(cbor_in *in) {
  cbor_item item = {0};
  CHECK(cbor_next(in, &item) && (item.type == CBOR_UINT || item.type == CBOR_NEGATIVE));
  return item.type == CBOR_NEGATIVE ? -1 - (int64_t)item.number : (int64_t)item.number;
}

/* What comes of a call but for mirror.fetch; false if it fails. */
static bool result_of(const nano_call_view *view, cbor_in *in, cbor_out *out) {
  static int64_t counters[COUNTERS_MAX];
  static uint64_t made;
  int64_t *counter = &counters[view->object % COUNTERS_MAX];
  cbor_item item = {0};
  switch (view->kind) {
    case NANO_CALL_FUNCTION:
      if (is(view->binding, "echo")) return cbor_raw(out, in->ptr, in->len), true;
      if (!is(view->binding, "add")) return false;
      int64_t first = number_of(in);
      return cbor_int(out, first + number_of(in)), true;
    case NANO_CALL_METHOD:
      if (!is(view->method, "twice") || !cbor_next(in, &item) || item.type != CBOR_TEXT) return false;
      cbor_head(out, 3, 2 * item.number), cbor_raw(out, item.ptr, item.number), cbor_raw(out, item.ptr, item.number);
      return true;
    case NANO_CALL_CONSTRUCT:
      counters[++made % COUNTERS_MAX] = number_of(in);
      return cbor_object(out, "Counter", made), true;
    case NANO_CALL_OBJECT_METHOD:
      if (is(view->method, "itself")) return cbor_object(out, "Counter", view->object), true;
      if (!is(view->method, "add")) return false;
      return cbor_int(out, *counter += number_of(in)), true;
    case NANO_CALL_OBJECT_GET: return cbor_int(out, *counter), true;
    case NANO_CALL_OBJECT_SET: return *counter = number_of(in), true;
    default: return false;
  }
}

static void answer(nano_call call) {
  nano_call_view *view;
  cbor_out out = {0};
  cbor_item item = {0};
  if (nano_call_request(runtime, call, &view)) return;
  cbor_in in = {view->args.ptr, view->args.len};
  if (view->args.len) CHECK(cbor_next(&in, &item) && item.type == CBOR_ARRAY);
  if (view->kind == NANO_CALL_FETCH) mirror_begins(call, view);
  else if (result_of(view, &in, &out)) CHECK_EQ(nano_call_return(runtime, call, (nano_bytes){out.ptr, out.len}, NULL), NANO_OK);
  else CHECK_EQ(nano_call_fail(runtime, call, nano_str("no")), NANO_OK);
  free(out.ptr), nano_call_view_free(view);
}

/* ---- Events ---- */

static char *copied(nano_bytes text) { return strndup(text.len ? (const char *)text.ptr : "", text.len); }

static void hear(heard *to, said what) {
  to->all = json_room(to->all, (to->count + 1) * sizeof(said));
  to->all[to->count++] = what;
}

/* What is no request's. */
static void route(const nano_event *event) {
  static const char *const levels[] = {"debug", "info", "warn", "error"};
  const nano_log *log = event->as.log;
  const nano_app_change *change = event->as.app;
  if (event->type == NANO_EVENT_CALL) answer(event->id);
  if (event->type == NANO_EVENT_LOG) hear(&lines, (said){copied(log->app), strdup(levels[log->level & 3]), copied(log->text), log->dropped});
  if (event->type == NANO_EVENT_APP) hear(&states, (said){copied(change->app), copied(change->state), copied(change->reason), 0});
  if (!mirrored.id || event->id != mirrored.id) return;
  if (event->type == NANO_EVENT_CALL_CHUNK) {
    cbor_raw(&mirrored.body, event->as.chunk.ptr, event->as.chunk.len);
    mirrored.is_whole = !event->as.chunk.len;
    if (!mirrored.is_whole) CHECK_EQ(nano_call_credit(runtime, event->id, (uint32_t)event->as.chunk.len), NANO_OK);
  }
  if (event->type == NANO_EVENT_CALL_CANCELED) mirrored.id = 0;
  else if (event->type != NANO_EVENT_CALL) mirror_goes_on();
}

/* Takes one event; false if none comes in time. */
static bool take(void) {
  nano_event event = next_event(runtime);
  outcome *o = event.user_data;
  if (event.type == NANO_EVENT_NONE) return false;
  if (!o) return route(&event), nano_event_release(&event, 1), true;
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

/* ---- Requests ---- */

static void fetch(const json *f, outcome *o) {
  const json *method = json_get(f, "method"), *headers = json_get(f, "headers"), *body = json_get(f, "body"), *chunks = json_get(f, "chunks");
  nano_request_init init = request(method ? method->text : "GET", json_get(f, "url")->text);
  nano_header list[16];
  nano_request id;
  only(f, " method url headers body chunks timeout_ms ");
  for (size_t i = 0; headers && i < headers->count; i++, init.headers_count++)
    list[i] = (nano_header){nano_str(headers->items[i].items[0].text), nano_str(headers->items[i].items[1].text)};
  init.headers = list, init.deadline_ms = (uint32_t)json_int(json_get(f, "timeout_ms"));
  if (body) init.body_kind = NANO_BODY_WHOLE, init.body.ptr = text_of(body).ptr, init.body.len = text_of(body).len;
  if (chunks) init.body_kind = NANO_BODY_STREAM;
  if (nano_dispatch(app, &init, o, &id, &o->error)) {
    o->ended = true;
    return;
  }
  for (size_t i = 0; chunks && i < chunks->count; i++) {
    nano_bytes rest = text_of(&chunks->items[i]);
    nano_status status;
    size_t taken;
    while ((status = nano_request_write(runtime, id, rest, &taken)) == NANO_AGAIN) {
      rest.ptr += taken, rest.len -= taken;
      for (o->writable = false; !o->writable && !o->ended && take();) {}
    }
    /* It has ended: with what, its last event says. */
    if (status) return;
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
  only(expect, " name contains ");
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
  if ((field = json_get(expect, "body"))) {
    nano_bytes wanted = text_of(field);
    CHECK_EQ(o->body.len, wanted.len);
    CHECK(o->body.len == wanted.len && (!wanted.len || !memcmp(o->body.ptr, wanted.ptr, wanted.len)));
  }
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

/* ---- Apps ---- */

static void set_limit(nano_app_options *options, const char *name, uint64_t value) {
#define LIMIT(field) {#field, offsetof(nano_app_options, field), sizeof(((nano_app_options *)0)->field)}
  static const struct { const char *name; size_t at, size; } limits[] = {
      LIMIT(heap_bytes), LIMIT(external_bytes), LIMIT(body_bytes), LIMIT(upload_bytes), LIMIT(storage_bytes), LIMIT(cache_bytes), LIMIT(cpu_ms), LIMIT(start_cpu_ms),
      LIMIT(wall_ms), LIMIT(idle_ms), LIMIT(errand_cpu_ms), LIMIT(requests), LIMIT(subrequests), LIMIT(subrequests_at_once), LIMIT(timers),
      LIMIT(errands), LIMIT(sockets), LIMIT(log_bytes_per_s), LIMIT(env_entries), LIMIT(env_entry_bytes), LIMIT(url_bytes), LIMIT(header_bytes),
      LIMIT(storage_entries), LIMIT(host_objects)};
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
  uint32_t mode = 0;
  if (!strcmp(name, "outbound")) options->outbound = nano_str(value->text);
  else if (!strcmp(name, "base_url")) options->base_url = nano_str(value->text);
  else if (!strcmp(name, "code_generation")) options->flags |= value->type == JSON_TRUE ? NANO_APP_CODE_GENERATION : 0;
  else if (!strcmp(name, "random_seed")) options->flags |= NANO_APP_SEEDED, options->random_seed = (uint64_t)json_int(value);
  else if (!strcmp(name, "egress")) {
    while (mode < 3 && strcmp(egress[mode], value->text)) mode++;
    if (mode == 3) json_bad(value->text);
    options->egress = mode;
  } else json_bad(name);
}

/* An app's options and what they point to. */
typedef struct described {
  nano_app_options options;
  nano_variable variables[16];
  nano_binding bindings[16];
} described;

static void bind(described *to, const char *name) {
  static const nano_bytes methods[] = {{(const uint8_t *)"add", 3}, {(const uint8_t *)"fail", 4}, {(const uint8_t *)"itself", 6}};
  static const nano_bytes properties[] = {{(const uint8_t *)"value", 5}};
  static const struct { const char *name; uint32_t kind; } host[] = {
      {"echo", NANO_BINDING_FUNCTION}, {"add", NANO_BINDING_FUNCTION}, {"fail", NANO_BINDING_FUNCTION}, {"mirror", NANO_BINDING_OBJECT}, {"Counter", NANO_BINDING_CLASS}};
  nano_binding *binding = &to->bindings[to->options.env_bindings_count++];
  size_t i = 0;
  while (i < sizeof host / sizeof *host && strcmp(host[i].name, name)) i++;
  if (i == sizeof host / sizeof *host) json_bad(name);
  binding->name = nano_str(name), binding->kind = host[i].kind;
  if (binding->kind == NANO_BINDING_CLASS) binding->methods = methods, binding->methods_count = 3, binding->properties = properties, binding->properties_count = 1;
}

/* What a version, if there is one, says otherwise than the app. */
static const json *either(const json *version, const json *given, const char *field) {
  const json *own = json_get(version, field);
  return own ? own : json_get(given, field);
}

static void describe(described *to, const char *name, const json *given, const json *version) {
  static const struct { const char *name; uint32_t kind; } kinds[] = {
      {"text", NANO_SOURCE_TEXT}, {"typescript", NANO_SOURCE_TYPESCRIPT}, {"tsx", NANO_SOURCE_TSX}, {"echo", NANO_SOURCE_ECHO}, {"file", NANO_SOURCE_FILE}};
  const json *env = either(version, given, "env"), *kind = either(version, given, "source_kind"), *limits = json_get(given, "limits");
  const json *options = json_get(given, "options"), *host = json_get(given, "host");
  size_t k = 0;
  memset(to, 0, sizeof *to);
  to->options = app_options(name, either(version, given, "source")->text);
  while (kind && k < 5 && strcmp(kinds[k].name, kind->text)) k++;
  if (k == 5) json_bad(kind->text);
  to->options.source_kind = kinds[k].kind;
  for (size_t i = 0; env && i < env->count; i++, to->options.env_count++) to->variables[i] = (nano_variable){nano_str(env->keys[i].text), nano_str(env->items[i].text)};
  for (size_t i = 0; host && i < host->count; i++) bind(to, host->items[i].text);
  for (size_t i = 0; limits && i < limits->count; i++) set_limit(&to->options, limits->keys[i].text, (uint64_t)json_int(&limits->items[i]));
  for (size_t i = 0; options && i < options->count; i++) set_option(&to->options, options->keys[i].text, &options->items[i]);
  to->options.env = to->variables, to->options.env_bindings = to->bindings;
}

/* ---- What is heard ---- */

/* Until all has come that has been said so far: whoever speaks now is heard last. One thread, one queue. */
static void hear_all(void) {
  static unsigned marks;
  char name[32];
  nano_app *mark;
  snprintf(name, sizeof name, "mark %u", ++marks);
  mark = load(runtime, app_options(name, "console.log('mark'); export function nothing() {}"));
  while ((!lines.count || strcmp(lines.all[lines.count - 1].app, name)) && take()) {}
  CHECK(lines.count && !strcmp(lines.all[lines.count - 1].app, name));
  nano_app_free(mark);
}

static int by_state(const void *a, const void *b) {
  int order = strcmp(((const said *)a)->name, ((const said *)b)->name);
  return order ? order : strcmp(((const said *)a)->text, ((const said *)b)->text);
}

static void check_heard(heard *all, const json *wanted, bool is_log) {
  size_t count = 0;
  hear_all();
  for (size_t i = 0; i < all->count; i++)
    if (strncmp(all->all[i].app, "mark", 4)) all->all[count++] = all->all[i];
  if (!is_log) qsort(all->all, count, sizeof(said), by_state);
  CHECK_EQ(count, wanted->count);
  for (size_t i = 0; i < count; i++) {
    const said *have = &all->all[i];
    const json *want = i < wanted->count ? &wanted->items[i] : NULL, *text = want && want->count > 1 ? &want->items[1] : NULL;
    bool ok = want && !strcmp(have->name, want->items[0].text);
    if (is_log) ok = ok && !strcmp(have->text, text->text) && have->dropped == (uint64_t)json_int(want->count > 2 ? &want->items[2] : NULL);
    else ok = ok && (!text || strstr(have->text, text->text));
    CHECK(ok);
    if (!ok) printf("# it is %s: %s (%d dropped)\n", have->name, have->text, (int)have->dropped);
  }
  all->count = 0;
}

/* ---- Steps ---- */

#define RESPONSE " status headers body json chunks error "
#define APP " source source_kind env limits options host "

typedef enum verb { FETCH, FINISH, INVOKE, LOAD, RELOAD, UNLOAD, ADVANCE, LOG, STATES, KILL, DRAIN, CLOSE, VERBS } verb;

/* What each step may expect. Of the others there is nothing to be expected. */
static const struct { const char *name, *expected; } verbs[VERBS] = {
    {"fetch", RESPONSE}, {"finish", RESPONSE}, {"invoke", " value error "}, {"load", " error "}, {"reload", " error "}, {"unload", " error "},
    {"advance_ms", NULL}, {"log", NULL}, {"states", NULL}, {"kill", NULL}, {"drain", NULL}, {"close", NULL}};

static nano_error *load_another(const json *what) {
  const json *name = json_get(what, "name");
  described given;
  nano_error *error = NULL;
  nano_app *other;
  only(what, " name" APP);
  describe(&given, name ? name->text : "case", what, NULL);
  if (nano_app_load(runtime, &given.options, &other, &error) == NANO_OK) nano_app_free(app), app = other;
  return error;
}

static nano_error *reload(const json *test, const json *what) {
  described given;
  nano_error *error = NULL;
  only(what, " source source_kind env ");
  describe(&given, "case", test, what);
  if (nano_app_reload(app, &given.options, &error) == NANO_OK) return NULL;
  return error;
}

static void act(verb what, const json *how) {
  uint32_t instances = 0;
  switch (what) {
    case ADVANCE: CHECK_EQ(nano_runtime_advance(runtime, (uint64_t)json_int(how)), NANO_OK); break;
    case LOG: check_heard(&lines, how, true); break;
    case STATES: check_heard(&states, how, false); break;
    case KILL:
      CHECK_EQ(nano_app_kill(app, &instances, NULL), NANO_OK);
      CHECK_EQ(instances, json_int(how));
      break;
    case DRAIN: CHECK_EQ(nano_runtime_drain(runtime, 0), how->type == JSON_TRUE ? NANO_TIMEOUT : NANO_OK); break;
    default: CHECK_EQ(nano_runtime_close(runtime), NANO_OK);
  }
}

static void take_step(const json *test, const json *step, outcome *pending) {
  const json *expect = json_get(step, "expect"), *what = NULL;
  bool is_pending = json_get(step, "pending");
  outcome o = {0}, *whose = &o;
  size_t kind = VERBS;
  for (size_t i = 0; i < step->count; i++) {
    const char *key = step->keys[i].text;
    if (!strcmp(key, "expect") || !strcmp(key, "pending")) continue;
    if (what) json_bad("two steps in one");
    what = &step->items[i];
    for (kind = 0; kind < VERBS && strcmp(verbs[kind].name, key);) kind++;
    if (kind == VERBS) json_bad(key);
  }
  if (!what || (is_pending && kind != FETCH) || !expect != (!verbs[kind].expected || is_pending)) json_bad("what step is this?");
  if (expect) only(expect, verbs[kind].expected);
  if (is_pending) {
    fetch(what, pending);
    /* Whatever was asked before has had its turn when this is answered: one thread, one queue. */
    invoke("there is no such function", NULL, &o), finish(&o), forget(&o);
    return;
  }
  if (kind == FETCH) fetch(what, &o);
  else if (kind == FINISH) whose = pending;
  else if (kind == INVOKE) only(what, " export args "), invoke(json_get(what, "export")->text, json_get(what, "args"), &o);
  else {
    o.ended = true;
    if (kind == LOAD) o.error = load_another(what);
    else if (kind == RELOAD) o.error = reload(test, what);
    else if (kind == UNLOAD) nano_app_unload(app, 0, &o.error);
    else act((verb)kind, what);
  }
  finish(whose);
  if (expect) check(whose, expect);
  forget(whose);
}

/* ---- Cases ---- */

static void replay(const json *test) {
  const json *all = json_get(test, "steps"), *limits = json_get(test, "runtime");
  nano_runtime_options options = NANO_RUNTIME_OPTIONS_INIT;
  outcome pending = {0};
  described given;
  nano_error *error = NULL;
  printf("# %s\n", json_get(test, "name")->text);
  only(test, " name runtime load_error steps" APP), only(limits, " apps requests ");
  describe(&given, "case", test, NULL);
  options.threads = 1, options.flags = NANO_RUNTIME_MANUAL_CLOCK, options.events = NANO_EVENTS_LOG | NANO_EVENTS_APP;
  options.apps = (uint32_t)json_int(json_get(limits, "apps")), options.requests = (uint32_t)json_int(json_get(limits, "requests"));
  if (nano_runtime_new(&options, &runtime, &error)) bail("nano_runtime_new", error);
  app = NULL, lines.count = states.count = 0, mirrored.id = 0;
  if (nano_app_load(runtime, &given.options, &app, &error) == NANO_OK)
    for (size_t i = 0; all && i < all->count; i++) take_step(test, &all->items[i], &pending);
  check_error(error, json_get(test, "load_error"));
  forget(&pending), nano_error_free(error), nano_app_free(app), nano_runtime_free(runtime);
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
    only(&corpus, " about cases ");
    for (size_t i = 0; i < cases->count; i++) replay(&cases->items[i]);
  }
  globfree(&files);
  return test_end();
}
