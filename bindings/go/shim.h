/* What Go asks of NANO, in as few crossings as there can be: one to begin a request, one for a batch of events. Nothing here keeps a
 * pointer that Go gave it. */
#ifndef NANO_GO_SHIM_H
#define NANO_GO_SHIM_H

#include <nano.h>

enum { NANO_GO_BATCH = 64, NANO_GO_HEADERS = 64 };

/* An event with everything about it that would cost another crossing to ask for. Lives until the next nano_go_poll. */
typedef struct nano_go_record {
  uint32_t type;
  uint32_t flags;
  uint64_t id;
  uint64_t token;
  uint32_t http_status; /* of a RESPONSE or an ERROR */
  nano_status code;     /* of an ERROR */
  nano_bytes text;      /* body, chunk, value, or message */
  nano_bytes more;      /* status text, or stack */
  const nano_header *headers;
  size_t headers_count;
  nano_call_view *view; /* of a CALL; NULL if it is answered or given up already */
  uint64_t version;     /* of a CALL: the number of the version that makes it */
  const nano_log *log;
  const nano_app_change *app;
  nano_account account; /* size is 0 if there is none */
} nano_go_record;

typedef struct nano_go_batch {
  size_t count;
  nano_go_record records[NANO_GO_BATCH];
  nano_event events[NANO_GO_BATCH];
} nano_go_batch;

/* How something began: the id, or why not. */
typedef struct nano_go_begun {
  nano_status status;
  nano_request id;
  nano_error *error;
} nano_go_begun;

typedef struct nano_go_written {
  nano_status status;
  size_t accepted;
} nano_go_written;

/* Frees the batch before, and takes the next. */
nano_status nano_go_poll(const nano_runtime *runtime, nano_go_batch *batch);

/* text has the method, the URL, and the headers' names and values one after another; lens has their lengths. */
nano_go_begun nano_go_dispatch(const nano_app *app, const uint8_t *text, const uint32_t *lens, size_t headers, const uint8_t *body,
                               size_t body_len, uint32_t body_kind, uint32_t deadline_ms, uint64_t token);
nano_go_begun nano_go_invoke(const nano_app *app, const uint8_t *name, size_t name_len, const uint8_t *args, size_t args_len, uint64_t token);
nano_go_begun nano_go_schedule(const nano_app *app, const uint8_t *cron, size_t cron_len, uint64_t time_ms, uint64_t token);
nano_go_written nano_go_write(const nano_runtime *runtime, uint64_t id, int is_call, const uint8_t *bytes, size_t len);
nano_status nano_go_abort(const nano_runtime *runtime, uint64_t id, const uint8_t *why, size_t len);

/* text has the status text, and the headers' names and values; lens has their lengths. */
nano_go_begun nano_go_respond(const nano_runtime *runtime, nano_call call, uint32_t status, const uint8_t *text, const uint32_t *lens,
                              size_t headers, const uint8_t *body, size_t body_len, uint32_t body_kind);
nano_go_begun nano_go_return(const nano_runtime *runtime, nano_call call, const uint8_t *value, size_t len);
nano_status nano_go_fail(const nano_runtime *runtime, nano_call call, const uint8_t *message, size_t len);

#endif
