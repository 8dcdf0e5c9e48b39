/* A web server of one thread that hosts apps: server [--port N] [--threads N] FOLDER
 *
 * Every folder in FOLDER is an app, served at http://<folder>.localhost:<port>/. The server keeps to its own epoll loop;
 * NANO is one more descriptor in it. Bodies stream both ways, and nothing is read that there is no room for: what a client
 * sends waits in its socket while the app is busy, what an app sends waits in the app while the client is slow. WebSockets are bodies both ways. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "apps.h"
#include "http1.h"

enum { READ_MIN = 4096, IN_MAX = HTTP_HEAD_MAX + HTTP_LINE_MAX, CONNECTIONS_MAX = 10000, IDLE_SECONDS_MAX = 60 };

typedef struct conn {
  int fd; /* -1 when the client is gone and the last event is still to come */
  uint32_t interest;
  buffer in, out;
  char app[64];
  nano_request id;
  http_body body;
  bool busy, reading, discarding, blocked, eof;
  http_reply reply;
  uint32_t owed; /* credit to give back once what is in `out` has been sent */
  time_t active;
  struct conn *next, *previous;
} conn;

static nano_runtime *runtime;
static conn *connections, *graveyard;
static int epoll_fd, listener, connections_count;
static volatile sig_atomic_t stopping;

static void advance(conn *c);

/* ---- Connections ---- */

static void watch(conn *c) {
  if (c->fd < 0) return;
  uint32_t interest = (!c->eof && !c->blocked && buffer_len(&c->in) < IN_MAX ? EPOLLIN : 0) | (buffer_len(&c->out) ? EPOLLOUT : 0);
  if (interest == c->interest) return;
  struct epoll_event event = {.events = c->interest = interest, .data.ptr = c};
  epoll_ctl(epoll_fd, EPOLL_CTL_MOD, c->fd, &event);
}

/* Unlinks a connection; it is freed after the batch of events in which it may still be named. */
static void bury(conn *c) {
  *(c->previous ? &c->previous->next : &connections) = c->next;
  if (c->next) c->next->previous = c->previous;
  c->next = graveyard, graveyard = c;
  connections_count--;
}

static void drop(conn *c) {
  if (c->fd < 0) return;
  close(c->fd), c->fd = -1;
  if (c->busy) nano_request_cancel(runtime, c->id); /* its last event buries the connection */
  else bury(c);
}

/* Sends what there is; false if the client is gone. */
static bool flush(conn *c) {
  while (c->fd >= 0 && buffer_len(&c->out) > 0) {
    ssize_t sent = send(c->fd, c->out.bytes + c->out.at, buffer_len(&c->out), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0 && errno == EAGAIN) return true;
    if (sent < 0) return drop(c), false;
    buffer_take(&c->out, (size_t)sent), c->active = time(NULL);
  }
  if (c->owed && c->busy) nano_response_credit(runtime, c->id, c->owed);
  c->owed = 0;
  if (c->fd < 0 || c->busy || c->reply.keep_alive) return c->fd >= 0;
  if (c->eof || !c->reply.switched) return drop(c), false;
  shutdown(c->fd, SHUT_WR); /* to close it with something unread would reset it, and the last word might be lost: it is read until the client goes, too */
  return true;
}

/* ---- Responses ---- */

/* The request is answered: the next one may follow on the connection. */
static void finish(conn *c) {
  c->busy = c->blocked = false;
  c->discarding = c->reading;
  if (c->fd < 0) bury(c);
}

static void on_event(nano_event *event) {
  conn *c = event->user_data;
  if (event->type == NANO_EVENT_LOG) {
    const nano_log *log = event->as.log;
    fprintf(stderr, "%.*s: %.*s\n", (int)log->app.len, (const char *)log->app.ptr, (int)log->text.len, (const char *)log->text.ptr);
  }
  if (!c || event->type > NANO_EVENT_WRITABLE) return; /* nothing of a connection's, or of a type from the future */
  bool last = event->flags & NANO_FLAG_END, gone = c->fd < 0;
  if (event->type == NANO_EVENT_WRITABLE) c->blocked = false;
  if (!gone) {
    if (event->type == NANO_EVENT_RESPONSE) {
      http_reply_begin(&c->reply, &c->out, event->as.response, last);
      if (c->reply.switched) c->reading = !last, c->body = (http_body){.left = UINT64_MAX, .state = BODY_SIZED}; /* whatever comes */
    }
    if (event->type == NANO_EVENT_CHUNK) http_reply_chunk(&c->reply, &c->out, event->as.chunk), c->owed += (uint32_t)event->as.chunk.len;
    if (event->type == NANO_EVENT_END) http_reply_end(&c->reply, &c->out);
    if (event->type == NANO_EVENT_ERROR) {
      int status = log_error(c->app, event->as.error);
      if (c->reply.begun) c->reply.keep_alive = false; /* too late for a status: the body ends short of its length */
      else http_reply_status(&c->reply, &c->out, c->body.state == BODY_BAD ? 400 : status);
    }
  }
  if (last) finish(c);
  if (!gone && flush(c)) advance(c);
}

/* ---- Requests ---- */

/* Passes on what has come of the body. */
static void pump(conn *c) {
  while (c->reading && !c->blocked) {
    buffer_take(&c->in, http_framing(&c->body, c->in.bytes + c->in.at, buffer_len(&c->in)));
    if (c->body.state == BODY_DONE || c->body.state == BODY_BAD) {
      c->reading = false;
      if (c->body.state == BODY_BAD) c->reply.keep_alive = false, buffer_take(&c->in, buffer_len(&c->in)); /* nobody knows where the next one would begin */
      if (c->discarding || !c->busy) break;
      if (c->body.state == BODY_DONE) nano_request_end(runtime, c->id);
      else nano_request_cancel(runtime, c->id); /* answered with 400, unless the app has begun to */
      break;
    }
    if (buffer_len(&c->in) == 0) break;
    size_t len = buffer_len(&c->in) < c->body.left ? buffer_len(&c->in) : (size_t)c->body.left;
    if (!c->discarding) {
      nano_status status = nano_request_write(runtime, c->id, (nano_bytes){c->in.bytes + c->in.at, len}, &len);
      if (status == NANO_AGAIN) c->blocked = true;
      else if (status != NANO_OK) { /* it has ended without reading on */
        c->discarding = true;
        continue;
      }
    }
    buffer_take(&c->in, len), c->body.left -= len;
  }
}

static void begin_request(conn *c, http_head *head) {
  static char url[HTTP_LINE_MAX + 512];
  nano_request_init init = NANO_REQUEST_INIT;
  nano_error *error = NULL;
  int len = snprintf(url, sizeof url, "http://%.*s%.*s", (int)head->host.len, (const char *)head->host.ptr, (int)head->target.len, (const char *)head->target.ptr);
  c->reply = (http_reply){.http11 = head->http11, .bodiless = http_is(head->method, "HEAD"), .keep_alive = head->keep_alive};
  c->body = (http_body){.left = head->content_length, .state = head->chunked ? CHUNK_SIZE : BODY_SIZED};
  c->reading = head->chunked || head->content_length > 0;
  nano_app *app = (size_t)len < sizeof url ? app_of(runtime, head->host, c->app, sizeof c->app) : NULL;
  if (!app) {
    static char page[1 << 16];
    if ((size_t)len >= sizeof url) http_reply_status(&c->reply, &c->out, 414);
    else if (index_page(head->host, page, sizeof page)) http_reply_text(&c->reply, &c->out, 200, "text/html", page);
    else http_reply_status(&c->reply, &c->out, 404);
    buffer_take(&c->in, head->length);
    c->discarding = c->reading;
    return;
  }
  init.method = head->method, init.url = (nano_bytes){(const uint8_t *)url, (size_t)len};
  init.headers = head->headers, init.headers_count = head->headers_count;
  /* A body that is here already goes along; the rest of it streams. */
  bool whole = !head->chunked && head->content_length > 0 && buffer_len(&c->in) - head->length >= head->content_length;
  if (whole) init.body = (nano_owned){c->in.bytes + c->in.at + head->length, (size_t)head->content_length, NULL, NULL};
  init.body_kind = whole ? NANO_BODY_WHOLE : c->reading ? NANO_BODY_STREAM : head->websocket ? NANO_BODY_UPGRADE : NANO_BODY_NONE;
  c->busy = nano_dispatch(app, &init, c, &c->id, &error) == NANO_OK;
  buffer_take(&c->in, head->length + (whole && c->busy ? (size_t)head->content_length : 0));
  if (whole && c->busy) c->reading = false;
  c->discarding = c->reading && !c->busy;
  if (!c->busy) http_reply_status(&c->reply, &c->out, log_error(c->app, error));
  else if (c->reading && head->expects_continue && buffer_len(&c->in) == 0) buffer_putf(&c->out, "HTTP/1.1 100 Continue\r\n\r\n");
  nano_error_free(error);
  nano_app_free(app);
}

/* Does whatever the bytes that have come allow: one request at a time, the next when the last is answered. */
static void advance(conn *c) {
  http_head head;
  for (;;) {
    pump(c);
    if (!flush(c)) return;
    if (c->busy || c->reading || buffer_len(&c->in) == 0 || (!c->reply.keep_alive && buffer_len(&c->out) > 0)) break;
    int parsed = http_parse(c->in.bytes + c->in.at, buffer_len(&c->in), &head);
    if (parsed == 0) break;
    if (parsed == 1) begin_request(c, &head);
    else { /* nobody knows where the next one would begin */
      c->reply = (http_reply){0};
      buffer_take(&c->in, buffer_len(&c->in));
      http_reply_status(&c->reply, &c->out, parsed);
    }
  }
  if (c->eof && c->fd >= 0 && c->busy && c->reply.switched) {
    /* What it has said is still the app's to hear, and it may hear what the app says to that: until the request ends. */
    if (c->reading && buffer_len(&c->in) == 0) c->reading = false, nano_request_end(runtime, c->id);
  } else if (c->eof && c->fd >= 0) {
    if (c->reading && c->busy && !c->discarding) nano_request_abort(runtime, c->id, nano_str("the client went away"));
    c->reading = false, c->reply.keep_alive = false;
    if (!flush(c)) return;
    /* One that only closed its own side would still get an answer that comes at once; one that is listening to a stream has gone, and
     * nothing may ever be sent that would tell. */
    if (c->busy && c->reply.begun) {
      drop(c);
      return;
    }
  }
  watch(c);
}

static void on_readable(conn *c) {
  while (!c->blocked && !c->eof && buffer_len(&c->in) < IN_MAX) {
    uint8_t *end = buffer_reserve(&c->in, READ_MIN);
    ssize_t got = recv(c->fd, end, c->in.room - c->in.end, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EAGAIN) break;
    if (got < 0) {
      drop(c);
      return;
    }
    c->eof = got == 0, c->in.end += (size_t)got;
    /* Who is to take what there is for it, or to go, gains no time by what it says. */
    if (buffer_len(&c->out) == 0 && (c->busy || c->reply.keep_alive)) c->active = time(NULL);
  }
  advance(c);
}

static void on_listener(void) {
  for (int fd; (fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0;) {
    if (connections_count == CONNECTIONS_MAX) {
      close(fd);
      continue;
    }
    conn *c = calloc(1, sizeof *c);
    if (!c) abort();
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    c->fd = fd, c->reply.keep_alive = true, c->active = time(NULL), c->next = connections;
    if (connections) connections->previous = c;
    connections = c, connections_count++;
    struct epoll_event event = {.events = c->interest = EPOLLIN, .data.ptr = c};
    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event);
  }
}

/* ---- The loop ---- */

static void on_runtime(void) {
  nano_event events[256];
  size_t count;
  while (nano_poll(runtime, events, 256, &count) == NANO_OK && count > 0) {
    for (size_t i = 0; i < count; i++) on_event(&events[i]);
    nano_event_release(events, count);
  }
}

static void sweep(void) {
  static time_t last;
  time_t now = time(NULL);
  if (now == last) return;
  last = now;
  for (conn *c = connections, *next; c; c = next) {
    next = c->next;
    if (c->fd >= 0 && now - c->active > IDLE_SECONDS_MAX && (!c->busy || buffer_len(&c->out) > 0 || (c->eof && c->reply.switched))) drop(c);
  }
}

static void empty_graveyard(void) {
  for (conn *c; (c = graveyard);) graveyard = c->next, free(c->in.bytes), free(c->out.bytes), free(c);
}

static void stop(int signal) { (void)signal, stopping = 1; }

static int number(const char *text) {
  char *end;
  long value = strtol(text, &end, 10);
  if (*end || value < 0 || value > 65535) fprintf(stderr, "%s is not a number that makes sense here\n", text), exit(2);
  return (int)value;
}

int main(int argc, char **argv) {
  nano_runtime_options options = NANO_RUNTIME_OPTIONS_INIT;
  const char *folder = NULL;
  nano_error *error;
  int port = 8787, on = 1;
  for (int i = 1; i < argc; i++) {
    if (!strcmp(argv[i], "--port") && i + 1 < argc) port = number(argv[++i]);
    else if (!strcmp(argv[i], "--threads") && i + 1 < argc) options.threads = (uint32_t)number(argv[++i]);
    else if (argv[i][0] != '-' && !folder) folder = argv[i];
    else folder = NULL, argc = 0;
  }
  if (!folder) return fprintf(stderr, "usage: server [--port N] [--threads N] FOLDER\n"), 2;

  listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t length = sizeof address;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 1024)) return perror("cannot listen"), 1;
  getsockname(listener, (struct sockaddr *)&address, &length);

  options.events = NANO_EVENTS_LOG;
  if (nano_runtime_new(&options, &runtime, &error)) return log_error("nano", error), 1;
  load_apps(runtime, folder, ntohs(address.sin_port));

  struct sigaction action = {.sa_handler = stop};
  sigaction(SIGINT, &action, NULL), sigaction(SIGTERM, &action, NULL);
  epoll_fd = epoll_create1(EPOLL_CLOEXEC);
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = &listener};
  epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listener, &event);
  event.data.ptr = &runtime;
  epoll_ctl(epoll_fd, EPOLL_CTL_ADD, nano_runtime_fd(runtime), &event);

  while (!stopping) {
    struct epoll_event events[256];
    int count = epoll_wait(epoll_fd, events, 256, 1000);
    for (int i = 0; i < count; i++) {
      conn *c = events[i].data.ptr;
      if (events[i].data.ptr == &listener) on_listener();
      else if (events[i].data.ptr == &runtime) on_runtime();
      else if (c->fd < 0) continue;
      else if (events[i].events & (EPOLLERR | EPOLLHUP)) drop(c);
      else if (events[i].events & EPOLLIN) on_readable(c);
      else if (flush(c)) advance(c);
    }
    sweep();
    empty_graveyard();
  }
  nano_runtime_close(runtime);
  on_runtime();
  for (conn *c = connections, *next; c; c = next) next = c->next, drop(c);
  empty_graveyard();
  nano_runtime_free(runtime);
  return 0;
}
