/* A host that offers its apps a function and two classes:
 *
 *     const db = new env.Database("people");        // lives here; the app holds a name for it
 *     const row = await db.row(1);                  // an env.Row, which only the host makes
 *     await row.name, row.name = "Ada";             // a property: read it with await
 *     await env.hash("text");                       // a function
 *
 * An object is whatever the host likes: its number is a pointer here. Each time it is given to an app the host counts, and each
 * NANO_EVENT_RELEASE counts down: at zero nobody has it any more. */
#define _GNU_SOURCE
#include <nano.h>
#include <stdio.h>

#include "cbor.h"

static const char *APP =
    "export default { async fetch(request, env) {\n"
    "  const db = new env.Database('people');\n"
    "  const row = await db.row(1);\n"
    "  row.name = 'Augusta Ada King, comtesse de Lovelace, née Byron';\n"
    "  const again = await db.row(1);\n"
    "  return new Response(`${await row.name} ${row === again} ${await env.hash('nano')} ${row instanceof env.Row}`);\n"
    "} }";

/* ---- What the host has ---- */

enum { ROWS = 3 };

typedef struct object {
  int given; /* and not released */
  char *name; /* text of JavaScript's: of any length, and perhaps with a NUL in it */
  size_t name_len;
  struct object *rows;
} object;

static object database, rows[ROWS];
static nano_runtime *runtime;
static int released;

static void rename_to(object *it, const void *name, size_t len) {
  it->name = realloc(it->name, len + 1);
  if (!it->name) abort();
  memcpy(it->name, name, len), it->name_len = len;
}

/* Whether the app has got it. What cannot be returned is a failure: the app waits until it is told. */
static bool give_back(nano_call call, cbor_out *out) {
  nano_error *error;
  nano_status status = nano_call_return(runtime, call, (nano_bytes){out->ptr, out->len}, &error);
  if (status != NANO_OK) nano_call_fail(runtime, call, nano_error_message(error));
  nano_error_free(error), free(out->ptr);
  return status == NANO_OK;
}

static void give_object(nano_call call, const char *class_name, object *it) {
  cbor_out out = {0};
  cbor_object(&out, class_name, (uint64_t)(uintptr_t)it);
  /* If the call has been given up nobody got the object, and no RELEASE will come. */
  if (give_back(call, &out)) it->given++;
}

static bool is(nano_bytes bytes, const char *text) { return bytes.len == strlen(text) && !memcmp(bytes.ptr, text, bytes.len); }

static void on_call(nano_call call) {
  nano_call_view *view;
  cbor_out out = {0};
  cbor_item args, arg = {0};
  if (nano_call_request(runtime, call, &view) != NANO_OK) return; /* given up in the meantime */
  cbor_in in = {view->args.ptr, view->args.len};
  /* Numbers of objects are only ever ours: an app cannot make one up. */
  object *it = (object *)(uintptr_t)view->object;
  bool has_arg = cbor_next(&in, &args) && args.number > 0 && cbor_next(&in, &arg);
  switch (view->kind) {
    case NANO_CALL_FUNCTION: { /* env.hash(text): FNV-1a */
      uint32_t hash = 2166136261u;
      for (uint64_t i = 0; has_arg && arg.type == CBOR_TEXT && i < arg.number; i++) hash = (hash ^ arg.ptr[i]) * 16777619u;
      cbor_int(&out, hash);
      give_back(call, &out);
      break;
    }
    case NANO_CALL_CONSTRUCT: give_object(call, "Database", &database); break;
    case NANO_CALL_OBJECT_METHOD:
      if (is(view->method, "row") && has_arg && arg.type == CBOR_UINT && arg.number < ROWS) give_object(call, "Row", &it->rows[arg.number]);
      else nano_call_fail(runtime, call, nano_str("row(index): there is no such row"));
      break;
    case NANO_CALL_OBJECT_GET:
      cbor_textn(&out, it->name, it->name_len);
      give_back(call, &out);
      break;
    case NANO_CALL_OBJECT_SET:
      if (has_arg && arg.type == CBOR_TEXT) {
        rename_to(it, arg.ptr, (size_t)arg.number);
        give_back(call, &out);
      } else nano_call_fail(runtime, call, nano_str("a name is text"));
      break;
    default: nano_call_fail(runtime, call, nano_str("this host does not know this kind of call"));
  }
  nano_call_view_free(view);
}

static void on_event(const nano_event *event) {
  if (event->type == NANO_EVENT_CALL) on_call(event->id);
  if (event->type == NANO_EVENT_RELEASE && --((object *)(uintptr_t)event->id)->given == 0) released++;
  if (event->type == NANO_EVENT_RESPONSE) {
    nano_bytes text = nano_response_body(event->as.response);
    printf("%d %.*s\n", nano_response_status(event->as.response), (int)text.len, (const char *)text.ptr);
  }
  if (event->type == NANO_EVENT_ERROR) {
    nano_bytes message = nano_error_message(event->as.error);
    printf("%.*s\n", (int)message.len, (const char *)message.ptr);
  }
}

int main(void) {
  static const nano_binding nothing;
  nano_binding bindings[3] = {nothing, nothing, nothing};
  nano_bytes database_methods[] = {nano_str("row")}, row_properties[] = {nano_str("name")};
  nano_app_options options = NANO_APP_OPTIONS_INIT;
  nano_request_init init = NANO_REQUEST_INIT;
  nano_event events[16];
  nano_request id;
  nano_error *error;
  nano_app *app;
  size_t count;

  bindings[0].name = nano_str("hash"), bindings[0].kind = NANO_BINDING_FUNCTION;
  bindings[1].name = nano_str("Database"), bindings[1].kind = NANO_BINDING_CLASS;
  bindings[1].methods = database_methods, bindings[1].methods_count = 1;
  bindings[2].name = nano_str("Row"), bindings[2].kind = NANO_BINDING_CLASS, bindings[2].flags = NANO_CLASS_NOT_CONSTRUCTIBLE;
  bindings[2].properties = row_properties, bindings[2].properties_count = 1;
  options.name = nano_str("classes"), options.source = nano_str(APP);
  options.env_bindings = bindings, options.env_bindings_count = 3;

  database.rows = rows;
  rename_to(&database, "people", 6);
  if (nano_runtime_new(NULL, &runtime, &error) || nano_app_load(runtime, &options, &app, &error)) {
    fprintf(stderr, "%.*s\n", (int)nano_error_message(error).len, (const char *)nano_error_message(error).ptr);
    return 1;
  }
  init.method = nano_str("GET"), init.url = nano_str("http://classes.example/");
  if (nano_dispatch(app, &init, NULL, &id, NULL)) return 1;
  for (bool ended = false; !ended;) {
    if (nano_wait(runtime, events, 16, -1, &count)) return 1;
    for (size_t i = 0; i < count; i++) {
      on_event(&events[i]);
      ended |= events[i].id == id && events[i].flags & NANO_FLAG_END;
    }
    nano_event_release(events, count);
  }
  /* What the app still held comes back when its instances end. */
  nano_app_free(app);
  nano_runtime_close(runtime);
  while (nano_poll(runtime, events, 16, &count) == NANO_OK && count > 0) {
    for (size_t i = 0; i < count; i++) on_event(&events[i]);
    nano_event_release(events, count);
  }
  printf("%d rows of %.*s, %d objects released\n", ROWS, (int)database.name_len, database.name, released);
  nano_runtime_free(runtime);
  free(database.name);
  for (int i = 0; i < ROWS; i++) free(rows[i].name);
  return 0;
}
