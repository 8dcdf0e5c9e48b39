/* The JSON (RFC 8259) that the conformance corpus is written in, as a tree. For files of ours: what is not JSON ends the program, and
 * nothing is freed. Text is UTF-8, escapes of it \" \\ \/ \b \f \n \r \t and \uXXXX. */
#ifndef JSON_H
#define JSON_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef enum json_type { JSON_NULL, JSON_FALSE, JSON_TRUE, JSON_NUMBER, JSON_TEXT, JSON_ARRAY, JSON_OBJECT } json_type;

/* text: of a number as it is written, or of a text; items and, of an object, their keys. */
typedef struct json {
  json_type type;
  char *text;
  size_t len, count;
  struct json *items;
  struct json *keys;
} json;

typedef struct json_in {
  const char *at, *end;
} json_in;

static inline _Noreturn void json_bad(const char *what) {
  printf("Bail out! JSON: %s\n", what);
  exit(2);
}

static inline void *json_room(void *old, size_t bytes) {
  void *room = realloc(old, bytes ? bytes : 1);
  if (!room) json_bad("no memory");
  return room;
}

static inline char json_skip(json_in *in) {
  while (in->at < in->end && strchr(" \t\r\n", *in->at)) in->at++;
  return in->at < in->end ? *in->at : 0;
}

static inline size_t json_utf8(uint32_t c, char *to) {
  if (c < 0x80) return to[0] = (char)c, 1;
  if (c < 0x800) return to[0] = (char)(0xc0 | c >> 6), to[1] = (char)(0x80 | (c & 63)), 2;
  if (c < 0x10000) return to[0] = (char)(0xe0 | c >> 12), to[1] = (char)(0x80 | (c >> 6 & 63)), to[2] = (char)(0x80 | (c & 63)), 3;
  return to[0] = (char)(0xf0 | c >> 18), to[1] = (char)(0x80 | (c >> 12 & 63)), to[2] = (char)(0x80 | (c >> 6 & 63)), to[3] = (char)(0x80 | (c & 63)), 4;
}

static inline uint32_t json_unit(json_in *in) {
  char digits[5] = {0};
  if (in->end - in->at < 4) json_bad("\\u");
  memcpy(digits, in->at, 4), in->at += 4;
  return (uint32_t)strtoul(digits, NULL, 16);
}

static inline json json_string(json_in *in) {
  json value = {.type = JSON_TEXT, .text = json_room(NULL, (size_t)(in->end - in->at))};
  for (in->at++; in->at < in->end && *in->at != '"';) {
    static const char names[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
    if (*in->at != '\\') {
      value.text[value.len++] = *in->at++;
      continue;
    }
    if (++in->at == in->end) break;
    char escape = *in->at++;
    const char *known = strchr(names, escape);
    if (escape == 'u') {
      uint32_t c = json_unit(in);
      if (c >> 10 == 0x36 && in->end - in->at >= 6 && in->at[0] == '\\' && in->at[1] == 'u') in->at += 2, c = 0x10000 + ((c & 1023) << 10) + (json_unit(in) & 1023);
      value.len += json_utf8(c, value.text + value.len);
    } else if (known) value.text[value.len++] = meant[known - names];
    else json_bad("an escape");
  }
  if (in->at++ == in->end) json_bad("a text that does not end");
  value.text[value.len] = 0;
  return value;
}

static inline json json_value(json_in *in) {
  json value = {0};
  char first = json_skip(in);
  if (first == '"') return json_string(in);
  if (first == '[' || first == '{') {
    value.type = first == '[' ? JSON_ARRAY : JSON_OBJECT, in->at++;
    for (char next; (next = json_skip(in)) != ']' && next != '}';) {
      value.items = json_room(value.items, (value.count + 1) * sizeof(json)), value.keys = json_room(value.keys, (value.count + 1) * sizeof(json));
      if (value.type == JSON_OBJECT) {
        value.keys[value.count] = json_string(in);
        if (json_skip(in) != ':') json_bad("no colon");
        in->at++;
      }
      value.items[value.count++] = json_value(in);
      if (json_skip(in) == ',') in->at++;
      else if (json_skip(in) != ']' && json_skip(in) != '}') json_bad("no comma");
    }
    return in->at++, value;
  }
  static const char *const words[] = {"null", "false", "true"};
  for (int i = 0; i < 3; i++) {
    size_t len = strlen(words[i]);
    if ((size_t)(in->end - in->at) >= len && !memcmp(in->at, words[i], len)) return in->at += len, value.type = (json_type)i, value;
  }
  const char *begun = in->at;
  while (in->at < in->end && strchr("+-.0123456789eE", *in->at)) in->at++;
  if (in->at == begun) json_bad("no value");
  value.type = JSON_NUMBER, value.len = (size_t)(in->at - begun), value.text = json_room(NULL, value.len + 1);
  memcpy(value.text, begun, value.len), value.text[value.len] = 0;
  return value;
}

static inline json json_parse(const char *text, size_t len) {
  json_in in = {text, text + len};
  json value = json_value(&in);
  if (json_skip(&in)) json_bad("something behind it");
  return value;
}

/* What an object has by this name; NULL if it has not, or is no object. */
static inline const json *json_get(const json *object, const char *name) {
  for (size_t i = 0; object && object->type == JSON_OBJECT && i < object->count; i++)
    if (!strcmp(object->keys[i].text, name)) return &object->items[i];
  return NULL;
}

static inline int64_t json_int(const json *value) { return value ? strtoll(value->text, NULL, 10) : 0; }

/* Equal but for the order of properties. */
static inline bool json_same(const json *a, const json *b) {
  if (a->type != b->type || a->len != b->len || a->count != b->count) return false;
  if (a->text && memcmp(a->text, b->text, a->len)) return false;
  for (size_t i = 0; i < a->count; i++) {
    const json *other = a->type == JSON_OBJECT ? json_get(b, a->keys[i].text) : &b->items[i];
    if (!other || !json_same(&a->items[i], other)) return false;
  }
  return true;
}

#endif
