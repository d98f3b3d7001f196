#include "pattern.h"

#define TABLE 65536

/* 1920x1080, constrained baseline, level 4.0. */
const uint8_t SPS[] = {0x67, 0x42, 0xc0, 0x28, 0xd9, 0x00, 0x78, 0x02, 0x27, 0xe5, 0x84, 0x00,
                       0x00, 0x03, 0x00, 0x04, 0x00, 0x00, 0x03, 0x00, 0xf0, 0x3c, 0x60, 0xc9, 0x20};
const size_t SPS_SIZE = sizeof SPS;
const uint8_t PPS[] = {0x68, 0xcb, 0x83, 0xcb, 0x20};
const size_t PPS_SIZE = sizeof PPS;

static uint8_t table[TABLE + MAX_PACKET];

void pattern_init(void) {
  uint32_t state = 0x9e3779b9u;
  for (size_t i = 0; i < sizeof table; i++) {
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    table[i] = (uint8_t)(1 + state % 255);
  }
}

const uint8_t *pattern_bytes(uint64_t count) { return table + count * 977 % TABLE; }

static void put(uint8_t *at, int bytes, uint64_t value) {
  for (int i = bytes - 1; i >= 0; i--) {
    at[i] = (uint8_t)(0x80 | (value & 0x7f));
    value >>= 7;
  }
}

static uint64_t take(const uint8_t *at, int bytes, uint8_t *tops) {
  uint64_t value = 0;
  for (int i = 0; i < bytes; i++) {
    *tops &= at[i];
    value = value << 7 | (at[i] & 0x7f);
  }
  return value;
}

void stamp_write(uint8_t *at, const struct stamp *stamp) {
  put(at, 4, stamp->id);
  put(at + 4, 8, stamp->count);
  put(at + 12, 8, stamp->time_ns);
  put(at + 20, 2, stamp->length);
}

int stamp_read(const uint8_t *at, struct stamp *stamp) {
  uint8_t tops = 0xff;
  stamp->id = (uint32_t)take(at, 4, &tops);
  stamp->count = take(at + 4, 8, &tops);
  stamp->time_ns = take(at + 12, 8, &tops);
  stamp->length = (uint32_t)take(at + 20, 2, &tops);
  return (tops & 0x80) != 0;
}

void base64(const uint8_t *bytes, size_t size, char *out) {
  static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (size_t i = 0; i < size; i += 3) {
    uint32_t group = (uint32_t)bytes[i] << 16;
    if (i + 1 < size) group |= (uint32_t)bytes[i + 1] << 8;
    if (i + 2 < size) group |= bytes[i + 2];
    *out++ = digits[group >> 18];
    *out++ = digits[group >> 12 & 63];
    *out++ = i + 1 < size ? digits[group >> 6 & 63] : '=';
    *out++ = i + 2 < size ? digits[group & 63] : '=';
  }
  *out = 0;
}
