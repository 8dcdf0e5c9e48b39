/* HTTP/1.1 for server.c, without sockets: how requests are read, strictly where leniency is a weakness, and how responses are written. */
#ifndef HTTP1_H
#define HTTP1_H

#include <nano.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "buffer.h"

enum { HTTP_HEADERS_MAX = 100, HTTP_LINE_MAX = 16 << 10, HTTP_HEAD_MAX = 128 << 10 };

typedef struct http_head {
  nano_bytes method, target, host;
  nano_header headers[HTTP_HEADERS_MAX]; /* without those that concern only this connection */
  size_t headers_count, length;          /* length: bytes of the whole head */
  uint64_t content_length;
  bool has_length, chunked, keep_alive, expects_continue, http11;
  bool lists_upgrade, websocket; /* a WebSocket is asked for if it has both */
} http_head;

/* A body: `left` bytes of it may be taken now. */
typedef struct http_body {
  uint64_t left;
  enum { BODY_SIZED, CHUNK_SIZE, CHUNK_EXTENSION, CHUNK_DATA, CHUNK_CR, CHUNK_LF, TRAILER_START, TRAILER_LINE, TRAILER_LF, BODY_DONE, BODY_BAD } state;
  unsigned digits, trailer;
} http_body;

/* A response: what its request lets it be, and what it then is. */
typedef struct http_reply {
  bool http11, bodiless, keep_alive; /* bodiless: the request was HEAD, or the status has no body; keep_alive: another request may follow */
  bool begun, chunked;
  bool switched; /* the connection is a WebSocket: bytes go through as they are */
} http_reply;

static inline bool http_token(unsigned char c) {
  return (unsigned)((c | 32) - 'a') < 26 || (unsigned)(c - '0') < 10 || (c && strchr("!#$%&'*+-.^_`|~", c));
}

static inline bool http_is(nano_bytes bytes, const char *text) {
  return bytes.len == strlen(text) && !strncasecmp((const char *)bytes.ptr, text, bytes.len);
}

/* Whether a list such as "keep-alive, Upgrade" has this word. */
static inline bool http_lists(nano_bytes list, const char *word) {
  for (size_t at = 0; at < list.len;) {
    while (at < list.len && strchr(" \t,", list.ptr[at])) at++;
    size_t end = at;
    while (end < list.len && !strchr(" \t,", list.ptr[end])) end++;
    if (http_is((nano_bytes){list.ptr + at, end - at}, word)) return true;
    at = end;
  }
  return false;
}

static inline bool http_is_host(nano_bytes host) {
  for (size_t i = 0; i < host.len; i++)
    if (!http_token(host.ptr[i]) && !strchr(":[]", host.ptr[i])) return false;
  return host.len > 0;
}

static inline bool http_hop_by_hop(nano_bytes name) {
  static const char *const NAMES[] = {"connection", "keep-alive", "proxy-connection", "transfer-encoding", "te", "trailer", "upgrade", "expect"};
  for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++)
    if (http_is(name, NAMES[i])) return true;
  return false;
}

/* One header line; the status to refuse the request with, or 0. */
static inline int http_header(http_head *head, nano_bytes name, nano_bytes value, bool *has_host) {
  if (http_is(name, "host")) {
    if (*has_host || !http_is_host(value)) return 400;
    *has_host = true, head->host = value;
  } else if (http_is(name, "content-length")) {
    if (head->has_length || value.len == 0 || value.len > 18) return 400;
    for (size_t i = 0; i < value.len; i++) {
      if ((unsigned)(value.ptr[i] - '0') >= 10) return 400;
      head->content_length = head->content_length * 10 + (value.ptr[i] - '0');
    }
    head->has_length = true;
  } else if (http_is(name, "transfer-encoding")) {
    if (head->chunked || !head->http11) return 400;
    if (!http_is(value, "chunked")) return 501;
    head->chunked = true;
  } else if (http_is(name, "connection")) {
    if (http_lists(value, "close")) head->keep_alive = false;
    else if (http_lists(value, "keep-alive")) head->keep_alive = true;
    head->lists_upgrade |= http_lists(value, "upgrade");
  } else if (http_is(name, "upgrade")) {
    head->websocket |= http_is(value, "websocket");
  } else if (http_is(name, "expect")) {
    if (!http_is(value, "100-continue")) return 417;
    head->expects_continue = true;
  }
  if (http_hop_by_hop(name)) return 0;
  if (head->headers_count == HTTP_HEADERS_MAX) return 431;
  head->headers[head->headers_count++] = (nano_header){name, value};
  return 0;
}

/* Parses a head: 1 if it is complete, 0 if there is more to come, otherwise the status to refuse it with. */
static inline int http_parse(const uint8_t *data, size_t len, http_head *head) {
  const uint8_t *line_end = memmem(data, len < HTTP_LINE_MAX ? len : HTTP_LINE_MAX, "\r\n", 2);
  if (!line_end) return len >= HTTP_LINE_MAX ? 414 : 0;
  const uint8_t *end = memmem(data, len, "\r\n\r\n", 4);
  if (!end) return len >= HTTP_HEAD_MAX ? 431 : 0;
  memset(head, 0, offsetof(http_head, headers));
  head->headers_count = 0, head->content_length = 0;
  head->has_length = head->chunked = head->expects_continue = head->lists_upgrade = head->websocket = false;
  head->length = (size_t)(end - data) + 4;

  const uint8_t *at = data;
  while (at < line_end && http_token(*at)) at++;
  head->method = (nano_bytes){data, (size_t)(at - data)};
  if (at == data || at == line_end || *at++ != ' ') return 400;
  const uint8_t *target = at;
  while (at < line_end && *at > ' ' && *at < 127) at++;
  head->target = (nano_bytes){target, (size_t)(at - target)};
  if (at == target || line_end - at != 9 || memcmp(at, " HTTP/1.", 8)) return 400;
  if (at[8] != '0' && at[8] != '1') return 505;
  head->http11 = head->keep_alive = at[8] == '1';

  bool has_host = false;
  for (at = line_end + 2; at < end + 2;) {
    const uint8_t *eol = memmem(at, (size_t)(end + 2 - at), "\r\n", 2), *name = at;
    while (at < eol && http_token(*at)) at++;
    if (at == name || at == eol || *at != ':') return 400;
    nano_bytes field = {name, (size_t)(at++ - name)};
    const uint8_t *stop = eol;
    while (at < stop && (*at == ' ' || *at == '\t')) at++;
    while (at < stop && (stop[-1] == ' ' || stop[-1] == '\t')) stop--;
    for (const uint8_t *c = at; c < stop; c++)
      if ((*c < ' ' && *c != '\t') || *c == 127) return 400;
    int refused = http_header(head, field, (nano_bytes){at, (size_t)(stop - at)}, &has_host);
    if (refused) return refused;
    at = eol + 2;
  }
  if ((head->chunked && head->has_length) || !has_host) return 400;
  head->websocket &= head->lists_upgrade && head->http11 && !head->chunked && !head->content_length && head->headers_count + 2 <= HTTP_HEADERS_MAX;
  if (head->websocket) {
    head->headers[head->headers_count++] = (nano_header){nano_str("connection"), nano_str("upgrade")};
    head->headers[head->headers_count++] = (nano_header){nano_str("upgrade"), nano_str("websocket")};
  }
  if (head->target.len > 7 && !strncasecmp((const char *)head->target.ptr, "http://", 7)) {
    /* An absolute target counts for more than the Host header. */
    const uint8_t *host = head->target.ptr + 7, *stop = head->target.ptr + head->target.len, *slash = memchr(host, '/', (size_t)(stop - host));
    if (!slash || !http_is_host((nano_bytes){host, (size_t)(slash - host)})) return 400;
    head->host = (nano_bytes){host, (size_t)(slash - host)};
    head->target = (nano_bytes){slash, (size_t)(stop - slash)};
  }
  return head->target.ptr[0] == '/' ? 1 : 400;
}

/* Steps over the framing in front of the next body bytes; how many bytes that was. Then take up to body->left bytes. */
static inline size_t http_framing(http_body *body, const uint8_t *data, size_t len) {
  size_t at = 0;
  for (;;) {
    if (body->left == 0 && body->state == BODY_SIZED) body->state = BODY_DONE;
    if (body->left == 0 && body->state == CHUNK_DATA) body->state = CHUNK_CR;
    if (body->left > 0 && (body->state == BODY_SIZED || body->state == CHUNK_DATA)) return at;
    if (body->state == BODY_DONE || body->state == BODY_BAD || at == len) return at;
    uint8_t c = data[at++];
    int hex = (unsigned)(c - '0') < 10 ? c - '0' : (unsigned)((c | 32) - 'a') < 6 ? (c | 32) - 'a' + 10 : -1;
    switch (body->state) {
      case CHUNK_SIZE:
        /* `left` counts up while its digits come; CHUNK_LF ends the line. */
        if (hex >= 0 && body->digits < 15) body->left = body->left << 4 | (unsigned)hex, body->digits++;
        else if (body->digits && c == '\r') body->state = CHUNK_EXTENSION, body->trailer = 1;
        else if (body->digits && (c == ';' || c == ' ')) body->state = CHUNK_EXTENSION, body->trailer = 0;
        else body->state = BODY_BAD;
        break;
      case CHUNK_EXTENSION:
        if (body->trailer == 1) {
          body->state = c != '\n' ? BODY_BAD : body->left ? CHUNK_DATA : TRAILER_START;
          body->digits = body->trailer = 0;
        } else if (c == '\r') body->trailer = 1;
        else if (++body->digits > 256) body->state = BODY_BAD;
        break;
      case CHUNK_CR: body->state = c == '\r' ? CHUNK_LF : BODY_BAD; break;
      case CHUNK_LF: body->state = c == '\n' ? CHUNK_SIZE : BODY_BAD, body->digits = 0; break;
      case TRAILER_START: body->state = c == '\r' ? TRAILER_LF : TRAILER_LINE; break;
      case TRAILER_LINE:
        if (++body->trailer > 4096) body->state = BODY_BAD;
        else if (c == '\n') body->state = TRAILER_START;
        break;
      case TRAILER_LF: body->state = c == '\n' ? BODY_DONE : BODY_BAD; break;
      default: body->state = BODY_BAD;
    }
  }
}

static inline const char *http_reason(int status) {
  switch (status) {
    case 101: return "Switching Protocols";
    case 200: return "OK";
    case 201: return "Created";
    case 202: return "Accepted";
    case 204: return "No Content";
    case 206: return "Partial Content";
    case 301: return "Moved Permanently";
    case 302: return "Found";
    case 303: return "See Other";
    case 304: return "Not Modified";
    case 307: return "Temporary Redirect";
    case 308: return "Permanent Redirect";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 409: return "Conflict";
    case 413: return "Content Too Large";
    case 414: return "URI Too Long";
    case 415: return "Unsupported Media Type";
    case 417: return "Expectation Failed";
    case 422: return "Unprocessable Content";
    case 429: return "Too Many Requests";
    case 431: return "Request Header Fields Too Large";
    case 500: return "Internal Server Error";
    case 501: return "Not Implemented";
    case 502: return "Bad Gateway";
    case 503: return "Service Unavailable";
    case 504: return "Gateway Timeout";
    case 505: return "HTTP Version Not Supported";
    case 507: return "Insufficient Storage";
    default: return "-";
  }
}

/* A response that is none of an app's. */
static inline void http_reply_text(http_reply *reply, buffer *out, int status, const char *type, const char *body) {
  buffer_putf(out, "HTTP/1.1 %d %s\r\ncontent-type: %s\r\ncontent-length: %zu\r\n%s\r\n", status, http_reason(status), type, strlen(body),
              reply->keep_alive ? "" : "connection: close\r\n");
  if (!reply->bodiless) buffer_put(out, body, strlen(body));
}

/* A status and nothing else: clients never see a message of an app or of NANO. */
static inline void http_reply_status(http_reply *reply, buffer *out, int status) {
  char body[128];
  snprintf(body, sizeof body, "%d %s\n", status, http_reason(status));
  http_reply_text(reply, out, status, "text/plain", body);
}

/* The head of an app's response, and its body if it is whole. */
static inline void http_reply_begin(http_reply *reply, buffer *out, const nano_response *response, bool whole) {
  int status = nano_response_status(response);
  size_t count;
  const nano_header *headers = nano_response_headers(response, &count);
  nano_bytes body = nano_response_body(response), text = nano_response_status_text(response);
  bool empty = status == 101 || status == 204 || status == 304, has_length = false;
  bool own_length = whole && !empty && (body.len || !reply->bodiless); /* an answer to HEAD may know better */
  if (!text.len) text = nano_str(http_reason(status));
  buffer_putf(out, "HTTP/1.1 %d %.*s\r\n", status, (int)(text.len < 200 ? text.len : 200), (const char *)text.ptr);
  for (size_t i = 0; i < count; i++) {
    if ((status != 101 && http_hop_by_hop(headers[i].name)) || (own_length && http_is(headers[i].name, "content-length"))) continue;
    has_length |= http_is(headers[i].name, "content-length");
    buffer_put(out, headers[i].name.ptr, headers[i].name.len), buffer_put(out, ": ", 2);
    buffer_put(out, headers[i].value.ptr, headers[i].value.len), buffer_put(out, "\r\n", 2);
  }
  bool framed = whole || has_length || empty;
  reply->begun = true, reply->chunked = !framed && reply->http11;
  if (!framed && !reply->http11) reply->keep_alive = false; /* the end of the connection ends the body */
  if (own_length) buffer_putf(out, "content-length: %zu\r\n", body.len);
  if (reply->chunked) buffer_putf(out, "transfer-encoding: chunked\r\n");
  reply->switched = status == 101;
  if (reply->switched) reply->keep_alive = false; /* nothing follows the WebSocket */
  else if (!reply->keep_alive) buffer_putf(out, "connection: close\r\n");
  buffer_put(out, "\r\n", 2);
  reply->bodiless |= empty && !reply->switched;
  if (whole && !reply->bodiless) buffer_put(out, body.ptr, body.len);
}

static inline void http_reply_chunk(const http_reply *reply, buffer *out, nano_bytes bytes) {
  if (reply->bodiless || bytes.len == 0) return;
  if (reply->chunked) buffer_putf(out, "%zx\r\n", bytes.len);
  buffer_put(out, bytes.ptr, bytes.len);
  if (reply->chunked) buffer_put(out, "\r\n", 2);
}

static inline void http_reply_end(const http_reply *reply, buffer *out) {
  if (reply->chunked && !reply->bodiless) buffer_put(out, "0\r\n\r\n", 5);
}

#endif
