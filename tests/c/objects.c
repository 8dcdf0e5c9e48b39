/* Functions, classes and other apps in env; objects that are given and come back; files kept by the host; a clock and a seed. */
#include "harness.h"
#include "cbor.h"

static nano_runtime *runtime;
static const nano_binding nothing;

static int releases;

/* As next_of, but counts the objects that come back on the way. */
static nano_event mine(uint64_t id, uint32_t type) {
  for (;;) {
    nano_event event = next_event(runtime);
    int wanted = type ? event.type == type : event.flags & NANO_FLAG_END;
    if (event.type == NANO_EVENT_RELEASE) {
      releases++;
      CHECK(event.id == UINT64_MAX && is(event.as.release->binding, "Database") && is(event.as.release->app, "objects"));
    }
    if (event.type == NANO_EVENT_NONE || (wanted && (!id || event.id == id))) return event;
    nano_event_release(&event, 1);
  }
}

static nano_app *app_with(nano_app_options options, const nano_binding *bindings, size_t count) {
  options.env_bindings = bindings, options.env_bindings_count = count;
  return load(runtime, options);
}

static nano_binding binding(const char *name, uint32_t kind) {
  nano_binding made = nothing;
  made.name = nano_str(name), made.kind = kind;
  return made;
}

static nano_call next_call(nano_call_view **view) {
  nano_event event = mine(0, NANO_EVENT_CALL);
  nano_call call = event.id;
  CHECK_EQ(event.type, NANO_EVENT_CALL);
  nano_event_release(&event, 1);
  CHECK_EQ(nano_call_request(runtime, call, view), NANO_OK);
  return call;
}

static void give(nano_call call, cbor_out *out) {
  CHECK_EQ(nano_call_return(runtime, call, (nano_bytes){out->ptr, out->len}, NULL), NANO_OK);
  free(out->ptr), *out = (cbor_out){0};
}

static void answered(nano_request id, const char *body) {
  nano_event event = mine(id, NANO_EVENT_NONE);
  if (event.type == NANO_EVENT_RESPONSE) {
    nano_bytes got = nano_response_body(event.as.response);
    if (!is(got, body)) printf("# \"%.*s\"\n", (int)got.len, (const char *)got.ptr);
    CHECK(is(got, body));
  } else {
    CHECK(!"RESPONSE");
  }
  nano_event_release(&event, 1);
}

static void functions_and_classes(void) {
  nano_bytes methods[] = {nano_str("query")}, properties[] = {nano_str("name")};
  nano_binding bindings[] = {binding("hash", NANO_BINDING_FUNCTION), binding("Database", NANO_BINDING_CLASS)};
  bindings[1].methods = methods, bindings[1].methods_count = 1, bindings[1].properties = properties, bindings[1].properties_count = 1;
  nano_app *app = app_with(
      app_options("objects", "export default { async fetch(r, env) { const db = new env.Database('main'); db.name = 'n'; const name = await db.name; "
                             "const same = await db.query(db, ['HostObject', 'Database', 5]); db[Symbol.dispose](); return new Response([await env.hash(1), name, same === db].join()); } }"),
      bindings, 2);
  nano_request id = dispatch(app, request("GET", "http://test/"));
  nano_call_view *view;
  cbor_out out = {0};

  nano_call call = next_call(&view);
  CHECK_EQ(view->kind, NANO_CALL_CONSTRUCT);
  CHECK(is(view->binding, "Database"));
  nano_call_view_free(view);
  /* An object of a class that the app has not is refused; the call still waits. */
  cbor_object(&out, "Nobody", 1);
  nano_error *error;
  CHECK_EQ(nano_call_return(runtime, call, (nano_bytes){out.ptr, out.len}, &error), NANO_E_INVALID);
  CHECK(has(nano_error_message(error), "Nobody"));
  nano_error_free(error);
  out.len = 0;
  cbor_object(&out, "Database", UINT64_MAX);
  give(call, &out);

  call = next_call(&view);
  CHECK_EQ(view->kind, NANO_CALL_OBJECT_SET);
  CHECK_EQ(view->object, UINT64_MAX);
  CHECK(is(view->method, "name") && is(view->binding, "Database"));
  cbor_in in = {view->args.ptr, view->args.len};
  cbor_item array, item;
  CHECK(cbor_next(&in, &array) && array.number == 1 && cbor_next(&in, &item) && cbor_is(&item, "n"));
  nano_call_view_free(view);
  CHECK_EQ(nano_call_return(runtime, call, (nano_bytes){NULL, 0}, NULL), NANO_OK);

  call = next_call(&view);
  CHECK_EQ(view->kind, NANO_CALL_OBJECT_GET);
  nano_call_view_free(view);
  cbor_text(&out, "n");
  give(call, &out);

  call = next_call(&view);
  CHECK_EQ(view->kind, NANO_CALL_OBJECT_METHOD);
  CHECK(is(view->method, "query"));
  in = (cbor_in){view->args.ptr, view->args.len};
  CHECK(cbor_next(&in, &array) && array.number == 2);
  CHECK(cbor_next(&in, &item) && item.type == CBOR_OBJECT && item.number == UINT64_MAX && is((nano_bytes){item.ptr, item.class_len}, "Database"));
  /* What an app writes itself is an array, whatever it says. */
  CHECK(cbor_next(&in, &item) && item.type == CBOR_ARRAY && item.number == 3);
  nano_call_view_free(view);
  cbor_object(&out, "Database", UINT64_MAX);
  give(call, &out);

  call = next_call(&view);
  CHECK_EQ(view->kind, NANO_CALL_FUNCTION);
  CHECK(is(view->binding, "hash"));
  nano_call_view_free(view);
  cbor_int(&out, 42);
  give(call, &out);
  answered(id, "42,n,true");
  CHECK_EQ(nano_app_unload(app, 1000, NULL), NANO_OK);
  nano_app_free(app);
}

/* Every giving is paid back by one RELEASE, and no more. */
static void objects_come_back(int given) {
  while (releases < given) {
    nano_event event = mine(0, NANO_EVENT_RELEASE);
    if (event.type == NANO_EVENT_NONE) FAIL("RELEASE");
    nano_event_release(&event, 1);
  }
  nano_event event;
  size_t count;
  CHECK_EQ(nano_poll(runtime, &event, 1, &count), NANO_OK);
  CHECK_EQ(count, 0);
  if (count) printf("# an event of type %u, id %llx\n", event.type, (unsigned long long)event.id);
  CHECK_EQ(releases, given);
}

static void bindings_that_are_wrong(void) {
  struct { nano_binding binding; nano_status status; } table[] = {
      {binding("X", 99), NANO_E_TOO_NEW}, {binding("X", NANO_BINDING_APP), NANO_E_INVALID}, {binding("", NANO_BINDING_FUNCTION), NANO_E_INVALID},
      {binding("X", NANO_BINDING_FUNCTION), NANO_E_TOO_NEW}, {binding("X", NANO_BINDING_OBJECT), NANO_E_TOO_NEW}, {binding("X", NANO_BINDING_CLASS), NANO_E_INVALID},
      {binding("X", NANO_BINDING_OBJECT), NANO_E_INVALID},
  };
  nano_bytes then = nano_str("then");
  table[3].binding.flags = 1, table[4].binding.reserved[1] = 1;
  table[5].binding.methods = &then, table[5].binding.methods_count = 1;
  table[6].binding.app = nano_str("y");
  for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
    nano_app_options options = app_options("wrong", "export default { fetch() {} }");
    nano_app *app;
    options.env_bindings = &table[i].binding, options.env_bindings_count = 1;
    CHECK_EQ(nano_app_load(runtime, &options, &app, NULL), table[i].status);
  }
}

static void an_app_calls_another(void) {
  nano_binding api = binding("API", NANO_BINDING_APP);
  api.app = nano_str("target"), api.entrypoint = nano_str("Admin");
  nano_app *target = load(runtime, app_options("target", "export class Admin { async fetch(r) { return new Response('got ' + await r.text()); } add(a, b) { return a + b; } } export default { fetch() {} }"));
  nano_app *app = app_with(app_options("calling", "export default { async fetch(r, env) { return new Response(await (await env.API.fetch(r)).text() + await env.API.add(1, 2)); } }"), &api, 1);
  nano_request_init init = request("POST", "http://test/");
  init.body_kind = NANO_BODY_WHOLE, init.body = (nano_owned){(const uint8_t *)"it", 2, NULL, NULL};
  answered(dispatch(app, init), "got it3");
  nano_app_unload(app, 1000, NULL), nano_app_unload(target, 1000, NULL);
  nano_app_free(app), nano_app_free(target);
}

static void what_an_app_may_and_where_its_fetch_goes(void) {
  nano_binding target_binding = binding("WEB", NANO_BINDING_APP);
  target_binding.app = nano_str("web");
  nano_app *target = load(runtime, app_options("web", "export default { fetch: (r) => new Response(r.url) }"));
  nano_app_options options = app_options("fetching", "export default { async fetch() { return new Response(await (await fetch('a')).text() + eval('1 + 1')); } }");
  options.outbound = nano_str("WEB"), options.base_url = nano_str("http://base/b/");
  options.flags = NANO_APP_CODE_GENERATION;
  nano_app *app = app_with(options, &target_binding, 1);
  answered(dispatch(app, request("GET", "http://test/")), "http://base/b/a2");
  nano_app_unload(app, 1000, NULL), nano_app_free(app);

  options.outbound = nano_str("NONE");
  options.env_bindings = &target_binding, options.env_bindings_count = 1;
  CHECK_EQ(nano_app_load(runtime, &options, &app, NULL), NANO_E_INVALID);
  nano_app_unload(target, 1000, NULL), nano_app_free(target);

  options = app_options("limited", "export default { async fetch() { const all = []; for (let i = 0; i < 3; i++) all.push(crypto.subtle.digest('SHA-1', new Uint8Array(1 << 20))); "
                                   "return new Response((await Promise.allSettled(all)).map((it) => it.status[0]).join('')); } }");
  options.errands = 2, options.errand_cpu_ms = 1000;
  app = load(runtime, options);
  answered(dispatch(app, request("GET", "http://test/")), "ffr");
  nano_app_unload(app, 1000, NULL), nano_app_free(app);
}

static void the_host_keeps_the_files(void) {
  nano_app_options options = app_options("files", "export default { async fetch() { const root = await navigator.storage.getDirectory(); return new Response(await root.getFileHandle('a').then((f) => f.name, (e) => e.name)); } }");
  options.flags = NANO_APP_HOST_FILES;
  nano_app *app = load(runtime, options);
  nano_request id = dispatch(app, request("GET", "http://test/"));
  nano_call_view *view;
  nano_call call = next_call(&view);
  CHECK_EQ(view->kind, NANO_CALL_FILES);
  CHECK(is(view->method, "open"));
  cbor_in in = {view->args.ptr, view->args.len};
  cbor_item array, path, kind, create;
  CHECK(cbor_next(&in, &array) && array.number == 3 && cbor_next(&in, &path) && cbor_is(&path, "a"));
  CHECK(cbor_next(&in, &kind) && cbor_is(&kind, "file") && cbor_next(&in, &create) && create.number == CBOR_FALSE);
  nano_call_view_free(view);
  CHECK_EQ(nano_call_fail(runtime, call, nano_str("NotFoundError: there is no a")), NANO_OK);
  answered(id, "NotFoundError");
  nano_app_unload(app, 1000, NULL);
  nano_app_free(app);
}

static void a_clock_and_a_seed(void) {
  nano_runtime_options options = NANO_RUNTIME_OPTIONS_INIT;
  nano_runtime *other;
  CHECK_EQ(nano_runtime_advance(runtime, 1), NANO_E_INVALID);
  CHECK_EQ(nano_runtime_advance(NULL, 1), NANO_E_INVALID);
  options.clock_unix_ms = 5000;
  CHECK_EQ(nano_runtime_new(&options, &other, NULL), NANO_E_INVALID);
  options.flags = NANO_RUNTIME_MANUAL_CLOCK, options.threads = 1;
  CHECK_EQ(nano_runtime_new(&options, &other, NULL), NANO_OK);
  nano_app_options app = app_options("seeded", "export default { fetch() { return new Response([Date.now(), crypto.randomUUID(), Math.random()].join()); } }");
  app.random_seed = 7;
  nano_app *loaded;
  CHECK_EQ(nano_app_load(other, &app, &loaded, NULL), NANO_E_INVALID);
  app.flags = NANO_APP_SEEDED;
  char first[128] = "", again[128] = "";
  for (int run = 0; run < 2; run++) {
    nano_runtime *keep = runtime;
    loaded = load(other, app);
    runtime = other;
    nano_request id = dispatch(loaded, request("GET", "http://test/"));
    nano_event event = mine(id, NANO_EVENT_NONE);
    if (event.type == NANO_EVENT_RESPONSE) {
      nano_bytes body = nano_response_body(event.as.response);
      snprintf(run ? again : first, sizeof first, "%.*s", (int)body.len, (const char *)body.ptr);
    }
    nano_event_release(&event, 1);
    nano_app_unload(loaded, 1000, NULL), nano_app_free(loaded);
    runtime = keep;
    if (run == 0) CHECK_EQ(nano_runtime_advance(other, 1000), NANO_OK);
  }
  CHECK(!strncmp(first, "5000,", 5) && !strncmp(again, "6000,", 5));
  CHECK(strlen(first) > 40 && !strcmp(first + 5, again + 5));
  CHECK_EQ(nano_runtime_advance(other, UINT64_MAX), NANO_E_INVALID);
  nano_runtime_free(other);
}

int main(void) {
  test_begin();
  runtime = make_runtime(1);
  functions_and_classes();
  objects_come_back(2);
  bindings_that_are_wrong();
  an_app_calls_another();
  what_an_app_may_and_where_its_fetch_goes();
  the_host_keeps_the_files();
  a_clock_and_a_seed();
  nano_runtime_free(runtime);
  return test_end();
}
