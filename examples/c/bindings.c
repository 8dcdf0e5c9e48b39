/* A host that offers its apps something: env.KV, a key-value store that lives here and not in any app.
 *
 *     await env.KV.put("key", anyValue)   await env.KV.get("key")   await env.KV.delete("key")   await env.KV.list("prefix")
 *     await env.KV.fetch("http://kv/key", { method: "DELETE" })
 *
 * bindings [FOLDER] loads examples/apps/kv and sends it a few requests. A store of a real host would answer later, when its
 * database does: a call may be answered at any time, from any thread. */
#define _GNU_SOURCE
#include <nano.h>
#include <stdio.h>

#include "cbor.h"

/* ---- The store: values as the CBOR they came in, so that every JavaScript value can be kept. ---- */

enum { KEYS_MAX = 1000 };

typedef struct entry {
  uint8_t *key, *value; /* a key is text of JavaScript's, perhaps with a NUL in it */
  size_t key_len, value_len;
} entry;

static entry store[KEYS_MAX];
static size_t store_count;

static entry *find(const uint8_t *key, size_t len) {
  for (size_t i = 0; i < store_count; i++)
    if (store[i].key_len == len && !memcmp(store[i].key, key, len)) return &store[i];
  return NULL;
}

static bool begins_with(const entry *e, const uint8_t *prefix, size_t len) { return e->key_len >= len && !memcmp(e->key, prefix, len); }

static uint8_t *copy(const uint8_t *bytes, size_t len) {
  uint8_t *made = malloc(len + 1);
  if (!made) abort();
  return memcpy(made, bytes, len);
}

static bool put(const uint8_t *key, size_t len, nano_bytes value) {
  entry *e = find(key, len);
  if (!e) {
    if (store_count == KEYS_MAX) return false;
    e = &store[store_count++];
    *e = (entry){.key = copy(key, len), .key_len = len};
  }
  free(e->value);
  e->value = copy(value.ptr, value.len), e->value_len = value.len;
  return true;
}

static bool delete(const uint8_t *key, size_t len) {
  entry *e = find(key, len);
  if (!e) return false;
  free(e->key), free(e->value);
  *e = store[--store_count];
  return true;
}

/* ---- Calls ---- */

static nano_runtime *runtime;

/* What cannot be returned is a failure: the app waits until it is told. */
static void give_back(nano_call call, cbor_out *out) {
  nano_error *error;
  if (nano_call_return(runtime, call, (nano_bytes){out->ptr, out->len}, &error)) nano_call_fail(runtime, call, nano_error_message(error));
  nano_error_free(error), free(out->ptr);
}

static void call_method(nano_call call, const nano_call_view *view) {
  cbor_in in = {view->args.ptr, view->args.len};
  cbor_item args, key;
  cbor_out out = {0};
  if (!cbor_next(&in, &args) || args.number < 1 || !cbor_next(&in, &key) || key.type != CBOR_TEXT) {
    nano_call_fail(runtime, call, nano_str("KV: the first argument is a string"));
    return;
  }
  size_t len = (size_t)key.number;
  if (view->method.len == 3 && !memcmp(view->method.ptr, "get", 3)) {
    entry *e = find(key.ptr, len);
    if (e) cbor_raw(&out, e->value, e->value_len);
    else cbor_simple(&out, CBOR_NULL);
  } else if (view->method.len == 3 && !memcmp(view->method.ptr, "put", 3) && args.number == 2) {
    /* What is left is the second argument, whole. */
    if (!put(key.ptr, len, (nano_bytes){in.ptr, in.len})) {
      nano_call_fail(runtime, call, nano_str("KV: the store is full"));
      return;
    }
    cbor_simple(&out, CBOR_UNDEFINED);
  } else if (view->method.len == 6 && !memcmp(view->method.ptr, "delete", 6)) {
    cbor_simple(&out, delete(key.ptr, len) ? CBOR_TRUE : CBOR_FALSE);
  } else if (view->method.len == 4 && !memcmp(view->method.ptr, "list", 4)) {
    size_t count = 0;
    for (size_t i = 0; i < store_count; i++) count += begins_with(&store[i], key.ptr, len);
    cbor_array(&out, count);
    for (size_t i = 0; i < store_count; i++)
      if (begins_with(&store[i], key.ptr, len)) cbor_textn(&out, store[i].key, store[i].key_len);
  } else {
    nano_call_fail(runtime, call, nano_str("KV: get(key), put(key, value), delete(key) or list(prefix)"));
    return;
  }
  give_back(call, &out);
}

static void call_fetch(nano_call call, const nano_call_view *view) {
  nano_call_response response = NANO_CALL_RESPONSE_INIT;
  const uint8_t *path = memmem(view->url.ptr, view->url.len, "kv/", 3);
  size_t len = path ? (size_t)(view->url.ptr + view->url.len - path) - 3 : 0;
  response.status = 405;
  if (path && view->method.len == 6 && !memcmp(view->method.ptr, "DELETE", 6)) response.status = delete(path + 3, len) ? 204 : 404;
  nano_call_respond(runtime, call, &response, NULL);
}

static void on_call(nano_call call) {
  nano_call_view *view;
  if (nano_call_request(runtime, call, &view) != NANO_OK) return; /* given up in the meantime */
  switch (view->kind) {
    case NANO_CALL_METHOD: call_method(call, view); break;
    case NANO_CALL_FETCH: call_fetch(call, view); break;
    default: nano_call_fail(runtime, call, nano_str("KV does not know this kind of call"));
  }
  nano_call_view_free(view);
}

/* ---- The host's loop, until one request is answered ---- */

static void request(nano_app *app, const char *method, const char *url, const char *body) {
  nano_request_init init = NANO_REQUEST_INIT;
  nano_error *error = NULL;
  nano_request id;
  init.method = nano_str(method), init.url = nano_str(url);
  if (body) init.body_kind = NANO_BODY_WHOLE, init.body = (nano_owned){(const uint8_t *)body, strlen(body), NULL, NULL};
  printf("%-6s %-28s ", method, url);
  if (nano_dispatch(app, &init, NULL, &id, &error)) {
    printf("%.*s\n", (int)nano_error_message(error).len, (const char *)nano_error_message(error).ptr);
    nano_error_free(error);
    return;
  }
  for (bool ended = false; !ended;) {
    nano_event events[16];
    size_t count;
    if (nano_wait(runtime, events, 16, -1, &count)) return;
    for (size_t i = 0; i < count; i++) {
      if (events[i].type == NANO_EVENT_CALL) on_call(events[i].id);
      if (events[i].type == NANO_EVENT_RESPONSE) {
        nano_bytes text = nano_response_body(events[i].as.response);
        printf("%d %.*s\n", nano_response_status(events[i].as.response), (int)text.len, (const char *)text.ptr);
      }
      if (events[i].type == NANO_EVENT_ERROR) {
        nano_bytes message = nano_error_message(events[i].as.error);
        printf("%s: %.*s\n", nano_status_name(nano_error_code(events[i].as.error)), (int)message.len, (const char *)message.ptr);
      }
      ended |= events[i].id == id && events[i].flags & NANO_FLAG_END;
    }
    nano_event_release(events, count);
  }
}

int main(int argc, char **argv) {
  nano_app *app;
  nano_error *error;
  nano_bytes binding = nano_str("KV");
  nano_app_options options = NANO_APP_OPTIONS_INIT;
  options.name = nano_str("kv");
  options.source = nano_str(argc > 1 ? argv[1] : "../apps/kv");
  options.source_kind = NANO_SOURCE_FOLDER;
  options.bindings = &binding;
  options.bindings_count = 1;
  if (nano_runtime_new(NULL, &runtime, &error) || nano_app_load(runtime, &options, &app, &error)) {
    fprintf(stderr, "%.*s\n", (int)nano_error_message(error).len, (const char *)nano_error_message(error).ptr);
    return 1;
  }
  request(app, "PUT", "http://kv.example/greeting", "hello");
  request(app, "PUT", "http://kv.example/answer", "42");
  request(app, "GET", "http://kv.example/greeting", NULL);
  request(app, "GET", "http://kv.example/", NULL);
  request(app, "DELETE", "http://kv.example/greeting", NULL);
  request(app, "GET", "http://kv.example/greeting", NULL);
  nano_app_free(app);
  nano_runtime_free(runtime);
  while (store_count) delete(store[0].key, store[0].key_len);
  return 0;
}
