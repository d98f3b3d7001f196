/* N publishers, each with a phase of its own within the frame period; paced by elapsed time, frame by frame. */
#define _GNU_SOURCE
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "load.h"
#include "net.h"
#include "pattern.h"
#include "rtsp.h"

#define GOP 60           /* frames from one key frame to the next */
#define KEY_WEIGHT 4     /* a key frame is so many times larger than another */
#define KEEPALIVE_NS 30000000000ull
#define REPORT_FRAMES 150

struct publisher {
  int fd;
  uint16_t sequence;
  uint64_t count;  /* packets made */
  uint64_t frame;  /* frames due so far, skipped ones included */
  uint8_t *out;    /* the frame being written */
  size_t pending, sent;
  int waits;        /* for room in the socket */
  int datagrams[2]; /* sockets for RTP and RTCP, where they do not go over the connection */
  struct rtsp rtsp;
};

static struct publisher *publishers;
static const struct load *load;
static int epoll;
static size_t frame_bytes, out_size;
static uint64_t frames, skipped, packets, rtp_bytes, wire_bytes, closed;

static void fail(struct publisher *p, const char *why) {
  fprintf(stderr, "publisher %td: %s\n", p - publishers, why);
  close(p->fd);
  p->fd = -1;
  closed++;
}

static void header(struct publisher *p, uint8_t *at, size_t length, int marker, uint32_t time) {
  uint32_t ssrc = 0x5e000000u + (uint32_t)(p - publishers);
  uint8_t bytes[16] = {'$', 0, (uint8_t)(length >> 8), (uint8_t)length, 0x80, (uint8_t)(marker << 7 | 96)};
  bytes[6] = (uint8_t)(p->sequence >> 8), bytes[7] = (uint8_t)p->sequence;
  for (int i = 0; i < 4; i++) {
    bytes[8 + i] = (uint8_t)(time >> (24 - 8 * i));
    bytes[12 + i] = (uint8_t)(ssrc >> (24 - 8 * i));
  }
  memcpy(at, bytes, sizeof bytes);
  p->sequence++;
  p->count++;
  packets++;
  rtp_bytes += length;
}

static size_t parameter_set(struct publisher *p, uint8_t *at, const uint8_t *nal, size_t size, uint32_t time) {
  header(p, at, RTP_HEADER + size, 0, time);
  memcpy(at + 16, nal, size);
  return 16 + size;
}

/* One slice of `left` bytes behind its NAL header, as a single NAL unit or as FU-A (RFC 6184 §5.6, §5.8). */
static size_t slice(struct publisher *p, uint8_t *out, size_t left, int key, uint32_t time) {
  uint8_t nal = key ? 0x65 : 0x41;
  uint64_t made = now_ns();
  int whole = left + 1 + RTP_HEADER <= MAX_PACKET, first = 1;
  uint8_t *at = out;
  while (left > 0) {
    size_t room = MAX_PACKET - RTP_HEADER - (whole ? 1 : 2);
    size_t size = left < room ? left : room;
    if (left > size && left - size < 64) size = left - 64; /* the last piece has room for its stamp */
    int last = size == left;
    size_t length = RTP_HEADER + (whole ? 1u : 2u) + size;
    uint64_t count = p->count;
    header(p, at, length, last, time);
    uint8_t *to = at + 16;
    if (whole) *to++ = nal;
    else *to++ = (nal & 0xe0) | 28, *to++ = (uint8_t)(first << 7 | last << 6 | (nal & 0x1f));
    if (first) *to++ = key ? 0x88 : 0x9b;
    stamp_write(to, &(struct stamp){(uint32_t)(p - publishers), count, made, (uint32_t)length});
    to += STAMP_SIZE;
    memcpy(to, pattern_bytes(count), (size_t)(at + 4 + length - to));
    at += 4 + length;
    left -= size;
    first = 0;
  }
  return (size_t)(at - out);
}

/* A sender report without report blocks (RFC 3550 §6.4.1). */
static size_t report(struct publisher *p, uint8_t *at, uint32_t time) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  uint32_t words[7] = {0x80c80006u, 0x5e000000u + (uint32_t)(p - publishers), (uint32_t)(now.tv_sec + 2208988800),
                       (uint32_t)(((uint64_t)now.tv_nsec << 32) / 1000000000ull), time, (uint32_t)p->count, 0};
  memcpy(at, "$\1\0\34", 4);
  for (int i = 0; i < 28; i++) at[4 + i] = (uint8_t)(words[i / 4] >> (24 - 8 * (i % 4)));
  return 32;
}

static void flush(struct publisher *p) {
  while (p->fd >= 0 && p->sent < p->pending) {
    ssize_t n = write(p->fd, p->out + p->sent, p->pending - p->sent);
    if (n < 0 && errno == EAGAIN) break;
    if (n < 0) return fail(p, strerror(errno));
    p->sent += (size_t)n;
    wire_bytes += (uint64_t)n;
  }
  int waits = p->sent < p->pending;
  if (waits == p->waits) return;
  rewatch(epoll, p->fd, waits ? EPOLLIN | EPOLLOUT : EPOLLIN, (uint64_t)(p - publishers));
  p->waits = waits;
}

/* Sends the frame in datagrams. What the system does not take is lost, as on a network. */
static void send_datagrams(struct publisher *p) {
  for (size_t at = 0; at < p->pending;) {
    const uint8_t *frame = p->out + at;
    size_t size = (size_t)frame[2] << 8 | frame[3];
    if (send(p->datagrams[frame[1]], frame + 4, size, 0) == (ssize_t)size) wire_bytes += size;
    at += 4 + size;
  }
  p->sent = p->pending;
}

static void send_frame(struct publisher *p) {
  uint64_t frame = p->frame++;
  if (p->fd < 0) return;
  flush(p);
  if (p->sent < p->pending) {
    skipped++;
    return;
  }
  uint32_t time = (uint32_t)((double)frame * 90000 / load->fps + 0.5);
  /* datagrams have no back-pressure: key frames of cameras do not all come at once, as they would here */
  int key = (frame + (load->udp ? (uint64_t)(p - publishers) : 0)) % GOP == 0;
  uint8_t *at = p->out;
  if (frame % REPORT_FRAMES == 0) at += report(p, at, time);
  if (key) at += parameter_set(p, at, SPS, SPS_SIZE, time);
  if (key) at += parameter_set(p, at, PPS, PPS_SIZE, time);
  at += slice(p, at, key ? frame_bytes * KEY_WEIGHT : frame_bytes, key, time);
  frames++;
  p->pending = (size_t)(at - p->out);
  p->sent = 0;
  if (load->udp) send_datagrams(p);
  else flush(p);
}

static void request(struct publisher *p) {
  char text[2048];
  size_t size = rtsp_request(&p->rtsp, text, sizeof text);
  if (write(p->fd, text, size) != (ssize_t)size) fail(p, "request not taken");
}

/* Blocks (by polling) until the session records; called one publisher at a time, so pacing has not begun. */
static void start(struct publisher *p, int index) {
  char path[64];
  snprintf(path, sizeof path, "%s%d", load->prefix, index);
  p->fd = tcp_connect(load->port);
  p->out = malloc(out_size);
  watch(epoll, p->fd, EPOLLIN, (uint64_t)index);
  if (load->raw) return;
  rtsp_init(&p->rtsp, 1, load->port, path);
  for (int i = 0; i < 2 && load->udp; i++) p->datagrams[i] = udp_open(&p->rtsp.ports[i]);
  uint8_t in[8192];
  size_t filled = 0;
  uint64_t deadline = now_ns() + 10000000000ull;
  request(p);
  while (p->fd >= 0 && p->rtsp.step < RTSP_RUNNING) {
    ssize_t n = read(p->fd, in + filled, sizeof in - filled);
    if (n == 0 || now_ns() > deadline || stopped) return fail(p, "no answer");
    if (n < 0) {
      usleep(200);
      continue;
    }
    filled += (size_t)n;
    long whole = rtsp_measure(in, filled);
    if (whole < 0) return fail(p, "malformed answer");
    if (whole == 0) continue;
    rtsp_response(&p->rtsp, in, (size_t)whole);
    memmove(in, in + whole, filled -= (size_t)whole);
    if (p->rtsp.step < RTSP_RUNNING) request(p);
  }
  if (p->rtsp.step == RTSP_REFUSED) return fail(p, "refused");
  for (int i = 0; i < 2 && load->udp && p->fd >= 0; i++) udp_connect(p->datagrams[i], p->rtsp.server_ports[i]);
}

/* Takes and drops what the server says, until `until_ns`. */
static void listen_until(uint64_t until_ns) {
  static uint8_t in[65536];
  struct epoll_event events[256];
  do {
    int count = wait_until(epoll, events, 256, until_ns);
    for (int i = 0; i < count; i++) {
      struct publisher *p = &publishers[events[i].data.u64];
      if (p->fd < 0) continue;
      if (events[i].events & EPOLLOUT) flush(p);
      if (p->fd < 0 || (events[i].events & ~(uint32_t)EPOLLOUT) == 0) continue;
      ssize_t n = read(p->fd, in, sizeof in);
      if (n == 0 || (n < 0 && errno != EAGAIN)) fail(p, n == 0 ? "closed by the server" : strerror(errno));
    }
  } while (!stopped && now_ns() < until_ns);
}

static void keep_alive(void) {
  for (int i = 0; i < load->count; i++) {
    struct publisher *p = &publishers[i];
    if (p->fd >= 0 && p->sent == p->pending && !load->raw) request(p);
  }
}

static void pace(uint64_t begin, uint64_t end) {
  double step = 1e9 / load->fps / load->count;
  uint64_t alive = begin + KEEPALIVE_NS;
  for (uint64_t n = 0; !stopped; n++) {
    uint64_t due = begin + (uint64_t)((double)n * step);
    if (due >= end || closed == (uint64_t)load->count) break;
    if (due > now_ns()) listen_until(due);
    send_frame(&publishers[n % (uint64_t)load->count]);
    if (now_ns() < alive) continue;
    keep_alive();
    alive += KEEPALIVE_NS;
  }
}

void publish(const struct load *options) {
  load = options;
  publishers = calloc((size_t)load->count, sizeof *publishers);
  frame_bytes = (size_t)((double)load->bitrate / 8 / load->fps * GOP / (GOP - 1 + KEY_WEIGHT));
  if (frame_bytes < 64) frame_bytes = 64;
  out_size = frame_bytes * KEY_WEIGHT + frame_bytes * KEY_WEIGHT / 20 + 4096;
  epoll = epoll_create1(0);
  for (int i = 0; i < load->count && !stopped; i++) start(&publishers[i], i);
  fprintf(stderr, "ready %d\n", load->count - (int)closed);
  uint64_t begin = now_ns();
  uint64_t end = load->seconds > 0 ? begin + (uint64_t)((load->warmup + load->seconds) * 1e9) : UINT64_MAX;
  pace(begin, end);
  uint64_t elapsed = now_ns() - begin;
  uint64_t last = now_ns() + 2000000000ull;
  for (int i = 0; i < load->count; i++) {
    while (publishers[i].fd >= 0 && publishers[i].sent < publishers[i].pending && now_ns() < last) flush(&publishers[i]);
  }
  fprintf(stderr, "end\n");
  if (load->linger > 0 && !stopped) listen_until(now_ns() + (uint64_t)(load->linger * 1e9));
  printf("{\"publishers\":%d,\"seconds\":%.3f,\"frames\":%" PRIu64 ",\"skipped\":%" PRIu64 ",\"packets\":%" PRIu64
         ",\"rtpBytes\":%" PRIu64 ",\"wireBytes\":%" PRIu64 ",\"closed\":%" PRIu64 "}\n",
         load->count, (double)elapsed / 1e9, frames, skipped, packets, rtp_bytes, wire_bytes, closed);
}
