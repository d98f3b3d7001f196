/*
 * What the publishers send and the readers check: H264 over RTP (RFC 6184) whose every byte follows from the stream's
 * id and the packet's place in it.
 *
 * Payload of a slice packet: NAL header (1 byte) or FU-A indicator and header (2 bytes), 0x88 or 0x9b when it begins a
 * slice (first_mb_in_slice 0, slice_type 7 or 5), the stamp, then bytes of a fixed table from an offset that the
 * packet's count gives. No byte after the NAL header is zero, so that no start code can appear.
 *
 * Stamp (22 bytes, 7 bits each under a set top bit, big-endian): stream id 4, count of the packet 8, CLOCK_MONOTONIC ns
 * at which it was made 8, length of the RTP packet 2. Parameter set packets have none, but are counted.
 */
#ifndef BENCH_PATTERN_H
#define BENCH_PATTERN_H

#include <stddef.h>
#include <stdint.h>

#define STAMP_SIZE 22
#define RTP_HEADER 12
#define MAX_PACKET 1400

struct stamp {
  uint32_t id;
  uint64_t count;
  uint64_t time_ns;
  uint32_t length;
};

extern const uint8_t SPS[];
extern const size_t SPS_SIZE;
extern const uint8_t PPS[];
extern const size_t PPS_SIZE;

/* Fills the table; once per process. */
void pattern_init(void);

/* The bytes that follow the stamp of packet `count`; MAX_PACKET of them may be read. */
const uint8_t *pattern_bytes(uint64_t count);

void stamp_write(uint8_t *at, const struct stamp *stamp);

/* Returns 0 when a byte lacks its top bit. */
int stamp_read(const uint8_t *at, struct stamp *stamp);

/* Base64 with padding, as sprop-parameter-sets wants it; `out` gets a terminating zero. */
void base64(const uint8_t *bytes, size_t size, char *out);

#endif
