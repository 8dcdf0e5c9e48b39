/* Bytes in a row, put in at the end and taken out at the front. */
#ifndef BUFFER_H
#define BUFFER_H

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What is in it lies between `at` and `end`. Begin with zeros; free `bytes`. */
typedef struct buffer {
  uint8_t *bytes;
  size_t at, end, room;
} buffer;

static inline size_t buffer_len(const buffer *b) { return b->end - b->at; }

/* Room for so many bytes; those that are then written there count once `end` says so. */
static inline uint8_t *buffer_reserve(buffer *b, size_t len) {
  if (b->end + len > b->room && b->at >= b->room / 2 && b->at > 0) {
    b->end -= b->at;
    memmove(b->bytes, b->bytes + b->at, b->end);
    b->at = 0;
  }
  if (b->end + len > b->room) {
    b->room = b->end + len > b->room * 2 ? b->end + len : b->room * 2;
    if (!(b->bytes = realloc(b->bytes, b->room))) abort();
  }
  return b->bytes + b->end;
}

static inline void buffer_put(buffer *b, const void *bytes, size_t len) {
  if (len == 0) return;
  memcpy(buffer_reserve(b, len), bytes, len);
  b->end += len;
}

/* Puts in a line of less than a kilobyte. */
__attribute__((format(printf, 2, 3))) static inline void buffer_putf(buffer *b, const char *format, ...) {
  char line[1024];
  va_list arguments;
  va_start(arguments, format);
  int len = vsnprintf(line, sizeof line, format, arguments);
  va_end(arguments);
  buffer_put(b, line, len < (int)sizeof line ? (size_t)len : sizeof line - 1);
}

static inline void buffer_take(buffer *b, size_t len) {
  b->at += len;
  if (b->at == b->end) b->at = b->end = 0;
}

#endif
