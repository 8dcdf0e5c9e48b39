/* The little of CBOR (RFC 8949) that hosts of NANO need for the arguments and results of calls: integers, floats, text,
 * bytes, booleans, null, arrays and maps, and objects of the host's. Other tags are stepped over; lengths are definite, as NANO
 * writes them.
 *
 * Writing:  cbor_out out = {0}; cbor_array(&out, 2); cbor_text(&out, "key"); cbor_int(&out, 7); ... free(out.ptr);
 * Reading:  cbor_in in = {ptr, len}; cbor_item item; while (cbor_next(&in, &item)) ...
 */
#ifndef CBOR_H
#define CBOR_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef struct cbor_out {
  uint8_t *ptr;
  size_t len, room;
} cbor_out;

typedef struct cbor_in {
  const uint8_t *ptr;
  size_t len;
} cbor_in;

typedef enum cbor_type { CBOR_UINT, CBOR_NEGATIVE, CBOR_BYTES, CBOR_TEXT, CBOR_ARRAY, CBOR_MAP, CBOR_TAG, CBOR_SIMPLE, CBOR_FLOAT, CBOR_OBJECT } cbor_type;

/* number: the integer (-1 - number if negative), how many items or pairs follow, or the simple value;
 * ptr: bytes or text, `number` of them. Of an object: number is the host's own, ptr and class_len are the name of its class. */
typedef struct cbor_item {
  cbor_type type;
  uint64_t number;
  double real;
  const uint8_t *ptr;
  size_t class_len;
} cbor_item;

enum { CBOR_FALSE = 20, CBOR_TRUE = 21, CBOR_NULL = 22, CBOR_UNDEFINED = 23 };

static inline void cbor_raw(cbor_out *out, const void *bytes, size_t len) {
  if (out->len + len > out->room) {
    out->room = (out->len + len) * 2 + 64;
    out->ptr = realloc(out->ptr, out->room);
    if (!out->ptr) abort();
  }
  if (len) memcpy(out->ptr + out->len, bytes, len);
  out->len += len;
}

static inline void cbor_head(cbor_out *out, int major, uint64_t number) {
  uint8_t head[9];
  int bytes = number < 24 ? 0 : number <= 0xff ? 1 : number <= 0xffff ? 2 : number <= 0xffffffff ? 4 : 8;
  head[0] = (uint8_t)(major << 5 | (bytes == 0 ? (int)number : bytes == 1 ? 24 : bytes == 2 ? 25 : bytes == 4 ? 26 : 27));
  for (int i = 0; i < bytes; i++) head[1 + i] = (uint8_t)(number >> 8 * (bytes - 1 - i));
  cbor_raw(out, head, 1 + (size_t)bytes);
}

static inline void cbor_int(cbor_out *out, int64_t number) { cbor_head(out, number < 0, (uint64_t)(number < 0 ? -1 - number : number)); }
static inline void cbor_array(cbor_out *out, size_t items) { cbor_head(out, 4, items); }
static inline void cbor_map(cbor_out *out, size_t pairs) { cbor_head(out, 5, pairs); }
static inline void cbor_simple(cbor_out *out, int value) { cbor_head(out, 7, (uint64_t)value); }
static inline void cbor_bytes(cbor_out *out, const void *bytes, size_t len) { cbor_head(out, 2, len), cbor_raw(out, bytes, len); }
static inline void cbor_textn(cbor_out *out, const void *text, size_t len) { cbor_head(out, 3, len), cbor_raw(out, text, len); }
static inline void cbor_text(cbor_out *out, const char *text) { cbor_textn(out, text, strlen(text)); }
/* An object of the host's, by its class in env and the host's number for it: tag 27 over ["HostObject", class, number]. */
static inline void cbor_object(cbor_out *out, const char *class_name, uint64_t number) {
  cbor_head(out, 6, 27), cbor_array(out, 3), cbor_text(out, "HostObject"), cbor_text(out, class_name), cbor_head(out, 0, number);
}
static inline void cbor_float(cbor_out *out, double number) {
  uint64_t bits;
  uint8_t head[9] = {0xfb};
  memcpy(&bits, &number, 8);
  for (int i = 0; i < 8; i++) head[1 + i] = (uint8_t)(bits >> 8 * (7 - i));
  cbor_raw(out, head, 9);
}

/* The value of a float of 2, 4 or 8 bytes. */
static inline double cbor_real(uint64_t bits, int bytes) {
  double wide;
  float narrow;
  if (bytes == 8) return memcpy(&wide, &bits, 8), wide;
  if (bytes == 2) { /* half: sign, 5 bits of exponent, 10 of mantissa */
    uint32_t sign = (uint32_t)(bits >> 15) << 31, exponent = bits >> 10 & 31, mantissa = bits & 1023, word;
    if (exponent == 0) return (sign ? -1.0 : 1.0) * mantissa / 16777216.0;
    word = sign | (exponent == 31 ? 255u << 23 : (exponent + 112) << 23) | mantissa << 13;
    return memcpy(&narrow, &word, 4), narrow;
  }
  uint32_t word = (uint32_t)bits;
  return memcpy(&narrow, &word, 4), narrow;
}

/* The next item: an array's and a map's items follow one by one. False at the end, and for what is malformed. */
static inline bool cbor_next(cbor_in *in, cbor_item *item) {
  if (in->len == 0) return false;
  int major = in->ptr[0] >> 5, info = in->ptr[0] & 31;
  size_t bytes = info < 24 ? 0 : info <= 27 ? (size_t)1 << (info - 24) : SIZE_MAX;
  if (bytes == SIZE_MAX || in->len < 1 + bytes) return false;
  uint64_t number = bytes ? 0 : (uint64_t)info;
  for (size_t i = 0; i < bytes; i++) number = number << 8 | in->ptr[1 + i];
  in->ptr += 1 + bytes, in->len -= 1 + bytes;
  *item = (cbor_item){(cbor_type)major, number, 0, in->ptr, 0};
  if (major == CBOR_TAG) {
    /* Only the tag makes it an object: an app can write the array itself. */
    static const uint8_t object[] = {0x83, 0x6a, 'H', 'o', 's', 't', 'O', 'b', 'j', 'e', 'c', 't'};
    bool is_object = number == 27 && in->len > sizeof object && !memcmp(in->ptr, object, sizeof object);
    cbor_item class_name;
    if (!is_object) return cbor_next(in, item);
    in->ptr += sizeof object, in->len -= sizeof object;
    if (!cbor_next(in, &class_name) || class_name.type != CBOR_TEXT || !cbor_next(in, item) || item->type != CBOR_UINT) return false;
    *item = (cbor_item){CBOR_OBJECT, item->number, 0, class_name.ptr, (size_t)class_name.number};
    return true;
  }
  if (major == CBOR_SIMPLE && bytes >= 2) item->type = CBOR_FLOAT, item->real = cbor_real(number, (int)bytes);
  if (major != CBOR_BYTES && major != CBOR_TEXT) return true;
  if (number > in->len) return false;
  in->ptr += number, in->len -= number;
  return true;
}

static inline bool cbor_is(const cbor_item *item, const char *text) {
  return item->type == CBOR_TEXT && item->number == strlen(text) && !memcmp(item->ptr, text, item->number);
}

#endif
