/* M readers: each interleaved packet is checked byte for byte, its delay goes into one histogram for all. */
#define _GNU_SOURCE
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "load.h"
#include "net.h"
#include "pattern.h"
#include "rtsp.h"
#include "tls.h"

#define MAX_REST 65540          /* an interleaved frame: 4 bytes and 65,535 */
#define CHUNK (256 * 1024)
#define SLOT_NS 10000           /* width of a histogram slot */
#define SLOTS 500000            /* 5 s; the last one holds what is later */
#define KEEPALIVE_NS 30000000000ull
#define BATCH 64                /* datagrams taken at once */
#define DATAGRAM 2048
#define MEDIA (1ull << 32)      /* epoll data: MEDIA or REPORTS + index for the datagrams of a reader */
#define REPORTS (2ull << 32)

struct reader {
  int fd, started, counted, in_frame;
  int media, reports; /* sockets for datagrams */
  struct tls *tls;
  uint16_t sequence;  /* next expected */
  uint32_t id, ssrc, time;
  uint64_t count;     /* next expected, valid when `counted` */
  uint8_t *rest;      /* an incomplete frame */
  uint32_t rest_size, rest_room;
  uint64_t alive_ns;  /* next keep-alive */
  struct rtsp rtsp;
};

static struct reader *readers;
static const struct load *load;
static int epoll, opened, playing;
static uint8_t space[MAX_REST + CHUNK];
static uint32_t slots[SLOTS];
static uint64_t delays, worst_ns, received, packets, rtcp, gaps, lost, sequence_gaps, mismatches, closed;

static void mismatch(const struct reader *r, const char *what) {
  if (mismatches++ < 10) fprintf(stderr, "reader %td: mismatch: %s\n", r - readers, what);
}

static void fail(struct reader *r, const char *why) {
  if (closed++ < 10) fprintf(stderr, "reader %td: %s\n", r - readers, why);
  close(r->fd);
  r->fd = -1;
}

static uint32_t u32(const uint8_t *at) { return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3]; }

static void delay(uint64_t made_ns, uint64_t now) {
  uint64_t ns = now > made_ns ? now - made_ns : 0;
  slots[ns / SLOT_NS < SLOTS ? ns / SLOT_NS : SLOTS - 1]++;
  delays++;
  if (ns > worst_ns) worst_ns = ns;
}

/* What must hold from one RTP header to the next. Returns 0 when the rest is not worth checking. */
static int check_header(struct reader *r, const uint8_t *packet, size_t size) {
  if (size < RTP_HEADER + 1 || packet[0] != 0x80 || (packet[1] & 0x7f) != 96) return mismatch(r, "RTP header"), 0;
  uint16_t sequence = (uint16_t)(packet[2] << 8 | packet[3]);
  uint32_t time = u32(packet + 4), ssrc = u32(packet + 8);
  if (r->started && sequence != r->sequence) sequence_gaps++;
  if (r->started && ssrc != r->ssrc) mismatch(r, "SSRC");
  if (r->started && r->in_frame && time != r->time) mismatch(r, "timestamp within a frame");
  if (r->started && (int32_t)(time - r->time) < 0) mismatch(r, "timestamp goes back");
  r->started = 1;
  r->sequence = (uint16_t)(sequence + 1);
  r->ssrc = ssrc;
  r->time = time;
  return 1;
}

static void check_count(struct reader *r, const struct stamp *stamp) {
  if (r->counted && stamp->count != r->count) {
    gaps++;
    lost += stamp->count - r->count;
    if (gaps < 10) fprintf(stderr, "reader %td: gap: %" PRIi64 "\n", r - readers, (int64_t)(stamp->count - r->count));
  }
  r->counted = 1;
  r->count = stamp->count + 1;
}

static void check_parameter_set(struct reader *r, const uint8_t *nal, size_t size) {
  const uint8_t *expected = nal[0] == SPS[0] ? SPS : PPS;
  size_t expected_size = nal[0] == SPS[0] ? SPS_SIZE : PPS_SIZE;
  if (size != expected_size || memcmp(nal, expected, size) != 0) mismatch(r, "parameter set");
  r->count++;
}

static void check(struct reader *r, const uint8_t *packet, size_t size, uint64_t now) {
  packets++;
  int knew = r->started && r->counted;
  if (!check_header(r, packet, size)) return;
  const uint8_t *at = packet + RTP_HEADER, *end = packet + size;
  if (at[0] == SPS[0] || at[0] == PPS[0]) return check_parameter_set(r, at, size - RTP_HEADER);
  int fragment = (at[0] & 0x1f) == 28, marker = packet[1] >> 7, begins = 1, ends = 1, key;
  if (fragment) {
    begins = at[1] >> 7;
    ends = at[1] >> 6 & 1;
    key = (at[1] & 0x1f) == 5;
    if (at[0] != (key ? 0x7c : 0x5c) || (!key && (at[1] & 0x1f) != 1)) mismatch(r, "NAL header");
    at += 2;
  } else {
    key = at[0] == 0x65;
    if (!key && at[0] != 0x41) mismatch(r, "NAL header");
    at += 1;
  }
  if (begins && *at++ != (key ? 0x88 : 0x9b)) mismatch(r, "slice header");
  struct stamp stamp;
  if (end - at < STAMP_SIZE || !stamp_read(at, &stamp)) return mismatch(r, "stamp");
  if (stamp.length != size) mismatch(r, "length");
  if (stamp.id != r->id) mismatch(r, "stream");
  check_count(r, &stamp);
  if (marker != ends) mismatch(r, "marker");
  if (knew && begins == r->in_frame) mismatch(r, "frame boundary"); /* a hole in a frame, too */
  r->in_frame = !ends;
  at += STAMP_SIZE;
  if (memcmp(at, pattern_bytes(stamp.count), (size_t)(end - at)) != 0) mismatch(r, "payload");
  delay(stamp.time_ns, now);
}

static void request(struct reader *r) {
  char text[1024];
  size_t size = rtsp_request(&r->rtsp, text, sizeof text);
  ssize_t n = r->tls != NULL ? tls_write(r->tls, text, size) : write(r->fd, text, size);
  if (n != (ssize_t)size) fail(r, "request not taken");
}

static void response(struct reader *r, const uint8_t *data, size_t size) {
  enum rtsp_step before = r->rtsp.step;
  rtsp_response(&r->rtsp, data, size);
  if (r->rtsp.step == RTSP_REFUSED) return fail(r, "refused");
  if (r->rtsp.step < RTSP_RUNNING) return request(r);
  if (before < RTSP_RUNNING) playing++;
}

/* Takes whole frames and responses; returns the bytes used. */
static size_t take(struct reader *r, const uint8_t *data, size_t size, uint64_t now) {
  size_t at = 0;
  while (r->fd >= 0 && size - at >= 4) {
    const uint8_t *frame = data + at;
    if (frame[0] != '$') {
      long whole = rtsp_measure(frame, size - at);
      if (whole < 0) return mismatch(r, "neither frame nor response"), fail(r, "lost in the stream"), size;
      if (whole == 0) break;
      response(r, frame, (size_t)whole);
      at += (size_t)whole;
      continue;
    }
    size_t length = (size_t)frame[2] << 8 | frame[3];
    if (size - at < 4 + length) break;
    if (frame[1] == 0) check(r, frame + 4, length, now);
    else if (frame[1] == 1 && length >= 8 && frame[4] >> 6 == 2 && frame[5] >= 192 && frame[5] <= 223) rtcp++;
    else mismatch(r, "RTCP or channel");
    at += 4 + length;
  }
  return at;
}

static void keep(struct reader *r, const uint8_t *data, size_t size) {
  if (size > r->rest_room) {
    r->rest_room = size < 2048 ? 2048 : MAX_REST;
    r->rest = realloc(r->rest, r->rest_room);
  }
  memcpy(r->rest, data, size);
  r->rest_size = (uint32_t)size;
}

/* Returns 0 when there is nothing more to read for now. */
static int receive(struct reader *r) {
  uint8_t *begin = space + MAX_REST - r->rest_size;
  ssize_t n = r->tls != NULL ? tls_read(r->tls, space + MAX_REST, CHUNK) : read(r->fd, space + MAX_REST, CHUNK);
  if (n <= 0) {
    if (n == 0 || errno != EAGAIN) fail(r, n == 0 ? "closed by the server" : strerror(errno));
    return 0;
  }
  received += (uint64_t)n;
  if (load->unchecked) return 1;
  if (r->rest_size > 0) memcpy(begin, r->rest, r->rest_size);
  size_t size = r->rest_size + (size_t)n, used = take(r, begin, size, now_ns());
  if (size - used > MAX_REST) return mismatch(r, "endless frame"), fail(r, "lost in the stream"), 0;
  keep(r, begin + used, size - used);
  return 1;
}

/* Takes the datagrams that wait, in the order in which they came. */
static void receive_datagrams(struct reader *r, int fd) {
  static struct mmsghdr messages[BATCH];
  static struct iovec parts[BATCH];
  for (int i = 0; i < BATCH && messages[i].msg_hdr.msg_iov == NULL; i++) {
    parts[i] = (struct iovec){space + i * DATAGRAM, DATAGRAM};
    messages[i].msg_hdr.msg_iov = &parts[i];
    messages[i].msg_hdr.msg_iovlen = 1;
  }
  int count = recvmmsg(fd, messages, BATCH, MSG_DONTWAIT, NULL);
  uint64_t now = now_ns();
  for (int i = 0; i < count; i++) {
    size_t size = messages[i].msg_len;
    received += size;
    if (fd == r->reports) rtcp++;
    else if (load->unchecked) packets++;
    else check(r, space + i * DATAGRAM, size, now);
  }
}

/* Has the datagrams of the next reader come to sockets of its own. */
static void open_datagrams(struct reader *r, int index) {
  r->media = udp_open(&r->rtsp.ports[0]);
  r->reports = udp_open(&r->rtsp.ports[1]);
  watch(epoll, r->media, EPOLLIN, MEDIA + (uint64_t)index);
  watch(epoll, r->reports, EPOLLIN, REPORTS + (uint64_t)index);
}

static void open_reader(uint64_t now) {
  int index = opened++;
  struct reader *r = &readers[index];
  char path[64];
  r->id = (uint32_t)(index % load->paths);
  snprintf(path, sizeof path, "%s%u", load->prefix, r->id);
  r->fd = tcp_connect(load->port);
  if (load->tls) r->tls = tls_connect(r->fd);
  r->alive_ns = now + KEEPALIVE_NS;
  watch(epoll, r->fd, EPOLLIN, (uint64_t)index);
  rtsp_init(&r->rtsp, 0, load->port, path);
  if (load->udp) open_datagrams(r, index);
  if (!load->raw) return request(r);
  playing++;
  uint16_t port = (uint16_t)r->rtsp.ports[0];
  if (load->udp && write(r->fd, &port, sizeof port) != sizeof port) fail(r, "port not taken");
}

static void keep_alive(uint64_t now) {
  for (int i = 0; i < opened && !load->raw; i++) {
    struct reader *r = &readers[i];
    if (r->fd < 0 || r->rtsp.step != RTSP_RUNNING || now < r->alive_ns) continue;
    r->alive_ns = now + KEEPALIVE_NS;
    request(r);
  }
}

/* Serves all sockets until `until_ns`, opening readers at the ramp's rate. */
static void serve(uint64_t until_ns, int whole_ramp) {
  struct epoll_event events[512];
  uint64_t begin = now_ns(), now, check_alive = begin;
  int first = opened;
  while (!stopped && (now = now_ns()) < until_ns && closed < (uint64_t)load->count) {
    if (whole_ramp && playing + (int)closed >= load->count) return;
    uint64_t next = begin + (uint64_t)((opened - first) * 1e9 / load->ramp);
    if (opened < load->count && now >= next) open_reader(now);
    if (now >= check_alive) {
      keep_alive(now);
      check_alive = now + 500000000ull;
    }
    uint64_t wake = opened < load->count && next < until_ns ? next : until_ns;
    if (wake > check_alive) wake = check_alive;
    int count = wait_until(epoll, events, 512, wake);
    for (int i = 0; i < count; i++) {
      uint64_t index = events[i].data.u64;
      struct reader *r = &readers[(uint32_t)index];
      if (index >= MEDIA) receive_datagrams(r, index >= REPORTS ? r->reports : r->media);
      else if (r->fd >= 0 && receive(r) && r->tls != NULL) while (r->fd >= 0 && receive(r));
    }
  }
}

static double percentile(double part) {
  uint64_t seen = 0;
  for (int i = 0; i < SLOTS; i++) {
    seen += slots[i];
    if (delays > 0 && (double)seen >= part * (double)delays) return (i + 1) * (SLOT_NS / 1e6);
  }
  return 0;
}

void read_streams(const struct load *options) {
  load = options;
  readers = calloc((size_t)load->count, sizeof *readers);
  epoll = epoll_create1(0);
  serve(now_ns() + (uint64_t)((load->count / load->ramp + 30) * 1e9), 1);
  fprintf(stderr, "ready %d\n", playing);
  if (load->warmup > 0) serve(now_ns() + (uint64_t)(load->warmup * 1e9), 0);
  memset(slots, 0, sizeof slots);
  delays = worst_ns = 0;
  uint64_t begin = now_ns(), bytes_before = received, packets_before = packets;
  fprintf(stderr, "begin\n");
  serve(load->seconds > 0 ? begin + (uint64_t)(load->seconds * 1e9) : UINT64_MAX, 0);
  double seconds = (double)(now_ns() - begin) / 1e9;
  fprintf(stderr, "end\n");
  printf("{\"readers\":%d,\"playing\":%d,\"seconds\":%.3f,\"bytes\":%" PRIu64 ",\"packets\":%" PRIu64 ",\"rtcp\":%" PRIu64
         ",\"gaps\":%" PRIu64 ",\"lost\":%" PRIu64 ",\"sequenceGaps\":%" PRIu64 ",\"mismatches\":%" PRIu64
         ",\"closed\":%" PRIu64 ",\"delayMs\":{\"p50\":%.2f,\"p99\":%.2f,\"max\":%.2f}}\n",
         load->count, playing, seconds, received - bytes_before, packets - packets_before, rtcp, gaps, lost, sequence_gaps,
         mismatches, closed, percentile(0.5), percentile(0.99), (double)worst_ns / 1e6);
}
