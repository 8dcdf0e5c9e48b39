/* The binary interface: what a compiled host relies on and no later library may change. */
#include "harness.h"

#define AT(type, field, offset) _Static_assert(offsetof(type, field) == (offset), #type "." #field)
#define SIZE(type, bytes) _Static_assert(sizeof(type) == (bytes), #type)

SIZE(nano_event, 64);
AT(nano_event, type, 0);
AT(nano_event, flags, 4);
AT(nano_event, id, 8);
AT(nano_event, user_data, 16);
AT(nano_event, as, 24);
AT(nano_event, owner, 56);

SIZE(nano_bytes, 16);
AT(nano_bytes, len, 8);
SIZE(nano_header, 32);
AT(nano_header, value, 16);
SIZE(nano_variable, 32);
SIZE(nano_owned, 32);
AT(nano_owned, release, 16);
AT(nano_owned, ctx, 24);

SIZE(nano_init_options, 40);
AT(nano_init_options, heaps_bytes, 32);
AT(nano_init_options, jitless, 24);

SIZE(nano_certificate, 32);
SIZE(nano_listen_options, 96);
AT(nano_listen_options, certificates, 64);
AT(nano_listen_options, handshake_ms, 80);
AT(nano_listen_options, connections_of_app, 88);
AT(nano_listen_options, routes, 24);
AT(nano_listen_options, connections, 40);
AT(nano_listen_options, headers, 60);
SIZE(nano_route, 40);
AT(nano_route, app, 32);

SIZE(nano_runtime_options, 72);
AT(nano_runtime_options, roots, 56);
AT(nano_runtime_options, threads, 8);
AT(nano_runtime_options, events, 32);
AT(nano_runtime_options, flags, 36);
AT(nano_runtime_options, clock_unix_ms, 40);
AT(nano_runtime_options, cache_bytes, 48);

SIZE(nano_app_options, 352);
AT(nano_app_options, egress_allow, 248);
AT(nano_app_options, egress_deny, 264);
AT(nano_app_options, egress, 280);
AT(nano_app_options, crons, 288);
AT(nano_app_options, consumers, 304);
AT(nano_app_options, tail, 320);
SIZE(nano_consumer, 56);
AT(nano_consumer, batch, 32);
AT(nano_app_options, name, 8);
AT(nano_app_options, source, 24);
AT(nano_app_options, source_kind, 40);
AT(nano_app_options, flags, 44);
AT(nano_app_options, env, 48);
AT(nano_app_options, bindings, 64);
AT(nano_app_options, heap_bytes, 80);
AT(nano_app_options, external_bytes, 88);
AT(nano_app_options, body_bytes, 96);
AT(nano_app_options, cpu_ms, 104);
AT(nano_app_options, start_cpu_ms, 108);
AT(nano_app_options, wall_ms, 112);
AT(nano_app_options, idle_ms, 116);
AT(nano_app_options, requests, 120);
AT(nano_app_options, header_bytes, 152);
AT(nano_app_options, env_bindings, 160);
AT(nano_app_options, random_seed, 176);
AT(nano_app_options, storage_bytes, 184);
AT(nano_app_options, host_objects, 196);
AT(nano_app_options, outbound, 200);
AT(nano_app_options, base_url, 216);
AT(nano_app_options, errands, 232);
AT(nano_app_options, errand_cpu_ms, 236);
AT(nano_app_options, cache_bytes, 240);
AT(nano_app_options, user_data, 344);

SIZE(nano_binding, 104);
AT(nano_binding, kind, 16);
AT(nano_binding, app, 24);
AT(nano_binding, methods, 56);
AT(nano_binding, properties, 72);

SIZE(nano_request_init, 96);
AT(nano_request_init, method, 8);
AT(nano_request_init, url, 24);
AT(nano_request_init, headers, 40);
AT(nano_request_init, headers_count, 48);
AT(nano_request_init, body, 56);
AT(nano_request_init, body_kind, 88);
AT(nano_request_init, deadline_ms, 92);

SIZE(nano_call_response, 80);
AT(nano_call_response, status, 8);
AT(nano_call_response, body_kind, 12);
AT(nano_call_response, status_text, 16);
AT(nano_call_response, headers, 32);
AT(nano_call_response, body, 48);

SIZE(nano_call_view, 144);
AT(nano_call_view, body_kind, 4);
AT(nano_call_view, request, 8);
AT(nano_call_view, app, 16);
AT(nano_call_view, binding, 32);
AT(nano_call_view, method, 48);
AT(nano_call_view, url, 64);
AT(nano_call_view, headers, 80);
AT(nano_call_view, body, 96);
AT(nano_call_view, args, 112);
AT(nano_call_view, object, 128);
AT(nano_call_view, user_data, 136);

SIZE(nano_account, 64);
AT(nano_account, cpu_us, 8);
AT(nano_account, bytes_out, 56);
SIZE(nano_runtime_counters, 128);
SIZE(nano_app_counters, 96);
AT(nano_app_counters, waiting_bytes, 72);
AT(nano_app_counters, untold, 88);
SIZE(nano_queue_counters, 64);
AT(nano_queue_counters, messages, 8);
AT(nano_queue_counters, acked, 32);
AT(nano_queue_counters, dropped, 56);
SIZE(nano_log, 48);
AT(nano_log, text, 32);
SIZE(nano_app_change, 48);
SIZE(nano_release, 32);

int main(void) {
  test_begin();
  CHECK_EQ(nano_abi_version(), NANO_ABI_VERSION);
  CHECK(!strncmp(nano_version(), "nano/", 5));
  CHECK(strstr(nano_version(), " v8/") != NULL);
  return test_end();
}
