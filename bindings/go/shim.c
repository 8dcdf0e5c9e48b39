#include "shim.h"

#include <stdlib.h>
#include <string.h>

static nano_bytes bytes_of(const uint8_t *ptr, size_t len) { return (nano_bytes){len ? ptr : NULL, len}; }

static void describe(const nano_runtime *runtime, const nano_event *event, nano_go_record *record) {
  memset(record, 0, sizeof *record);
  record->type = event->type, record->flags = event->flags, record->id = event->id;
  record->token = (uint64_t)(uintptr_t)event->user_data;
  switch (event->type) {
    case NANO_EVENT_RESPONSE:
      record->http_status = nano_response_status(event->as.response);
      record->more = nano_response_status_text(event->as.response);
      record->headers = nano_response_headers(event->as.response, &record->headers_count);
      /* Where there are none the pointer may be any, and Go looks at every pointer that it has. */
      if (!record->headers_count) record->headers = NULL;
      record->text = nano_response_body(event->as.response);
      break;
    case NANO_EVENT_ERROR:
      record->code = nano_error_code(event->as.error);
      record->http_status = nano_error_http_status(event->as.error);
      record->text = nano_error_message(event->as.error), record->more = nano_error_stack(event->as.error);
      break;
    case NANO_EVENT_CHUNK:
    case NANO_EVENT_CALL_CHUNK: record->text = event->as.chunk; break;
    case NANO_EVENT_RESULT: record->text = event->as.value; break;
    case NANO_EVENT_CALL:
      if (nano_call_request(runtime, event->id, &record->view) == NANO_OK) record->version = (uint64_t)(uintptr_t)record->view->user_data;
      break;
    case NANO_EVENT_LOG: record->log = event->as.log; break;
    case NANO_EVENT_APP: record->app = event->as.app; break;
    default: break;
  }
  if (event->flags & NANO_FLAG_END) {
    record->account = (nano_account)NANO_ACCOUNT_INIT;
    if (nano_event_account(event, &record->account) != NANO_OK) record->account.size = 0;
  }
}

nano_status nano_go_poll(const nano_runtime *runtime, nano_go_batch *batch) {
  for (size_t i = 0; i < batch->count; i++) nano_call_view_free(batch->records[i].view);
  nano_event_release(batch->events, batch->count);
  batch->count = 0;
  nano_status status = nano_poll(runtime, batch->events, NANO_GO_BATCH, &batch->count);
  for (size_t i = 0; i < batch->count; i++) describe(runtime, &batch->events[i], &batch->records[i]);
  return status;
}

/* Names and values as headers; in `room` if they fit there. NULL if there is no memory. */
static nano_header *headers_of(const uint8_t *text, const uint32_t *lens, size_t count, nano_header *room) {
  nano_header *headers = count <= NANO_GO_HEADERS ? room : malloc(count * sizeof *headers);
  for (size_t i = 0; headers && i < count; i++) {
    headers[i].name = bytes_of(text, lens[2 * i]), text += lens[2 * i];
    headers[i].value = bytes_of(text, lens[2 * i + 1]), text += lens[2 * i + 1];
  }
  return headers;
}

nano_go_begun nano_go_dispatch(const nano_app *app, const uint8_t *text, const uint32_t *lens, size_t headers, const uint8_t *body,
                               size_t body_len, uint32_t body_kind, uint32_t deadline_ms, uint64_t token) {
  nano_go_begun begun = {NANO_E_OVERLOADED, 0, NULL};
  nano_header room[NANO_GO_HEADERS];
  nano_request_init init = NANO_REQUEST_INIT;
  nano_header *list = headers_of(text + lens[0] + lens[1], lens + 2, headers, room);
  if (!list) return begun;
  init.method = bytes_of(text, lens[0]), init.url = bytes_of(text + lens[0], lens[1]);
  init.headers = list, init.headers_count = headers;
  init.body.ptr = body_len ? body : NULL, init.body.len = body_len;
  init.body_kind = body_kind, init.deadline_ms = deadline_ms;
  begun.status = nano_dispatch(app, &init, (void *)(uintptr_t)token, &begun.id, &begun.error);
  if (list != room) free(list);
  return begun;
}

nano_go_begun nano_go_invoke(const nano_app *app, const uint8_t *name, size_t name_len, const uint8_t *args, size_t args_len, uint64_t token) {
  nano_go_begun begun = {0, 0, NULL};
  begun.status = nano_invoke(app, bytes_of(name, name_len), bytes_of(args, args_len), (void *)(uintptr_t)token, &begun.id, &begun.error);
  return begun;
}

nano_go_begun nano_go_schedule(const nano_app *app, const uint8_t *cron, size_t cron_len, uint64_t time_ms, uint64_t token) {
  nano_go_begun begun = {0, 0, NULL};
  begun.status = nano_app_schedule(app, bytes_of(cron, cron_len), time_ms, (void *)(uintptr_t)token, &begun.id, &begun.error);
  return begun;
}

nano_go_written nano_go_write(const nano_runtime *runtime, uint64_t id, int is_call, const uint8_t *bytes, size_t len) {
  nano_go_written written = {0, 0};
  written.status = (is_call ? nano_call_write : nano_request_write)(runtime, id, bytes_of(bytes, len), &written.accepted);
  return written;
}

nano_status nano_go_abort(const nano_runtime *runtime, uint64_t id, const uint8_t *why, size_t len) {
  return nano_request_abort(runtime, id, bytes_of(why, len));
}

nano_go_begun nano_go_respond(const nano_runtime *runtime, nano_call call, uint32_t status, const uint8_t *text, const uint32_t *lens,
                              size_t headers, const uint8_t *body, size_t body_len, uint32_t body_kind) {
  nano_go_begun begun = {NANO_E_OVERLOADED, call, NULL};
  nano_header room[NANO_GO_HEADERS];
  nano_call_response response = NANO_CALL_RESPONSE_INIT;
  nano_header *list = headers_of(text + lens[0], lens + 1, headers, room);
  if (!list) return begun;
  response.status = status, response.body_kind = body_kind, response.status_text = bytes_of(text, lens[0]);
  response.headers = list, response.headers_count = headers;
  response.body.ptr = body_len ? body : NULL, response.body.len = body_len;
  begun.status = nano_call_respond(runtime, call, &response, &begun.error);
  if (list != room) free(list);
  return begun;
}

nano_go_begun nano_go_return(const nano_runtime *runtime, nano_call call, const uint8_t *value, size_t len) {
  nano_go_begun begun = {0, call, NULL};
  begun.status = nano_call_return(runtime, call, bytes_of(value, len), &begun.error);
  return begun;
}

nano_status nano_go_fail(const nano_runtime *runtime, nano_call call, const uint8_t *message, size_t len) {
  return nano_call_fail(runtime, call, bytes_of(message, len));
}
