/*
 * N viewers of a low-latency HLS stream (RFC 8216bis), each with two kept connections, as a browser's player has: one
 * holds a playlist request for the next part, the other downloads the parts. The bytes of a part must be the same for
 * all viewers and whole boxes; a playlist must be well-formed and have what it was asked for.
 */
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

#define CHUNK (256 * 1024)
#define HEAD_MAX 2048
#define TEXT_MAX (64 * 1024)
#define KNOWN 64                /* parts of all paths that are remembered at a time */
#define RELEASES 65536
#define MEDIA (1ull << 32)      /* epoll data: MEDIA + index for the connection of the parts */
#define SLOT_NS 100000
#define SLOTS 100000            /* 10 s */

/* A response as it comes in. */
struct response {
  int status;                   /* 0 while its head is not whole */
  size_t head_size, size, got;  /* of the body */
  char head[HEAD_MAX];
};

/* A part that somebody has begun to download: what the first one got, the others must get, too. */
struct part {
  uint32_t path;
  char name[64];
  uint8_t *bytes;
  size_t size, filled;
  uint64_t used;
};

/* The moment at which those who held a request for the same part got their playlists. */
struct release {
  uint64_t key, first_ns, last_ns;
  uint32_t count;
};

struct viewer {
  int playlist, media;          /* sockets */
  uint32_t path;
  int following;                /* has had its first playlist */
  uint64_t segment, next;       /* asked for */
  uint64_t asked_ns, media_asked_ns;
  struct response text, bytes;
  char *body;
  char name[64], waiting[64];   /* the part that comes, and the one after it; empty for none */
  struct part *part;
};

static struct viewer *viewers;
static const struct load *load;
static int epoll, opened, playing;
static struct part parts[KNOWN];
static struct release releases[RELEASES];
static uint8_t space[CHUNK];
static uint32_t slots[SLOTS];
static uint64_t uses, delays, received, playlists, downloads, skipped, mismatches, failed, measuring;

static void mismatch(const struct viewer *v, const char *what) {
  if (mismatches++ < 10) fprintf(stderr, "viewer %td: mismatch: %s\n", v - viewers, what);
}

static void fail(struct viewer *v, const char *why) {
  if (failed++ < 10) fprintf(stderr, "viewer %td: %s\n", v - viewers, why);
  if (v->playlist >= 0) close(v->playlist);
  if (v->media >= 0) close(v->media);
  v->playlist = v->media = -1;
}

static void get(struct viewer *v, int fd, const char *what) {
  char text[512];
  int size = snprintf(text, sizeof text, "GET /%s%u/%s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nAccept: */*\r\n\r\n", load->prefix,
                      v->path, what, load->port);
  if (write(fd, text, (size_t)size) != size) fail(v, "request not taken");
}

static void ask_playlist(struct viewer *v) {
  char what[128] = "stream.m3u8";
  if (v->following) snprintf(what, sizeof what, "stream.m3u8?_HLS_msn=%" PRIu64 "&_HLS_part=%" PRIu64, v->segment, v->next);
  v->asked_ns = now_ns();
  v->text.status = 0, v->text.head_size = v->text.got = 0;
  get(v, v->playlist, what);
}

static struct part *part_of(struct viewer *v) {
  struct part *oldest = &parts[0];
  for (int i = 0; i < KNOWN; i++) {
    if (parts[i].path == v->path && strcmp(parts[i].name, v->name) == 0) return &parts[i];
    if (parts[i].used < oldest->used) oldest = &parts[i];
  }
  oldest->path = v->path;
  strcpy(oldest->name, v->name);
  oldest->size = oldest->filled = 0;
  return oldest;
}

static void ask_part(struct viewer *v) {
  v->media_asked_ns = now_ns();
  v->bytes.status = 0, v->bytes.head_size = v->bytes.got = 0;
  v->part = NULL;
  get(v, v->media, v->name);
}

static void want_part(struct viewer *v, const char *name, size_t size) {
  if (size >= sizeof v->name) return;
  char *to = v->name[0] == 0 ? v->name : v->waiting;
  if (to == v->waiting && v->waiting[0] != 0) skipped++; /* its downloads are slower than the stream */
  memcpy(to, name, size);
  to[size] = 0;
  if (to == v->name) ask_part(v);
}

/* Whether one line of a playlist is what may stand there. */
static int known_line(const char *line, size_t size) {
  static const char *const tags[] = {"#EXTM3U", "#EXT-X-VERSION:9", "#EXT-X-TARGETDURATION:", "#EXT-X-SERVER-CONTROL:",
                                     "#EXT-X-PART-INF:", "#EXT-X-MEDIA-SEQUENCE:", "#EXT-X-MAP:URI=\"", "#EXT-X-GAP",
                                     "#EXTINF:", "#EXT-X-PROGRAM-DATE-TIME:", "#EXT-X-PART:DURATION=",
                                     "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"", "#EXT-X-DISCONTINUITY"};
  if (size > 4 && line[0] != '#') return memcmp(line + size - 4, ".mp4", 4) == 0;
  for (size_t i = 0; i < sizeof tags / sizeof *tags; i++) {
    size_t length = strlen(tags[i]);
    if (size >= length && memcmp(line, tags[i], length) == 0) return 1;
  }
  return 0;
}

/* Without a playlist there is nothing to go on with. */
static void reject(struct viewer *v, const char *what) {
  mismatch(v, what);
  fail(v, "gives up");
}

static void note_release(const struct viewer *v, uint64_t now) {
  static uint64_t round; /* of playlists that stand still: all that ask again wait for the next one */
  if (load->unchecked && v->asked_ns >= releases[round & (RELEASES - 1)].first_ns) round++;
  uint64_t index = load->unchecked ? round : (v->segment * 64 + v->next) * (uint64_t)load->paths + v->path;
  struct release *release = &releases[index & (RELEASES - 1)];
  uint64_t key = load->unchecked ? round : ((uint64_t)v->path << 40 | v->segment << 8 | v->next) + 1;
  if (release->key != key) *release = (struct release){.key = key, .first_ns = now};
  if (v->asked_ns >= release->first_ns) return; /* it was not held */
  release->last_ns = now;
  release->count++;
}

static void take_playlist(struct viewer *v, const char *text, size_t size, uint64_t now) {
  uint64_t segment = 0, part = 0;
  const char *newest = NULL, *hint = NULL, *end = text + size;
  size_t newest_size = 0;
  if (size < 8 || memcmp(text, "#EXTM3U\n", 8) != 0 || end[-1] != '\n') return reject(v, "playlist");
  for (const char *line = text, *next; line < end; line = next) {
    const char *stop = memchr(line, '\n', (size_t)(end - line));
    size_t length = (size_t)(stop - line);
    next = stop + 1;
    if (!known_line(line, length)) return reject(v, "line of a playlist");
    if (strncmp(line, "#EXT-X-MEDIA-SEQUENCE:", 22) == 0) segment = strtoull(line + 22, NULL, 10);
    else if (line[0] != '#') segment++, part = 0;
    else if (strncmp(line, "#EXT-X-PRELOAD-HINT:", 20) == 0) hint = line;
    else if (strncmp(line, "#EXT-X-PART:", 12) == 0) {
      newest = strstr(line, "URI=\"") + 5;
      newest_size = (size_t)(strchr(newest, '"') - newest);
      part++;
    }
  }
  if (hint == NULL || newest == NULL) return reject(v, "playlist without parts");
  int reached = segment > v->segment || (segment == v->segment && part > v->next);
  if (v->following && !load->unchecked && !reached) return reject(v, "playlist that lacks what was waited for");
  if (v->following) note_release(v, now);
  else playing++;
  v->following = 1;
  v->segment = segment, v->next = part;
  playlists++;
  ask_playlist(v);
  want_part(v, newest, newest_size);
}

/* Boxes, one behind the other, to the end (ISO/IEC 14496-12 §4.2). */
static int whole_boxes(const uint8_t *at, size_t size) {
  if (size < 16 || memcmp(at + 4, "moof", 4) != 0) return 0;
  while (size > 0) {
    size_t box = size < 8 ? 0 : (size_t)at[0] << 24 | (size_t)at[1] << 16 | (size_t)at[2] << 8 | at[3];
    if (box < 8 || box > size) return 0;
    at += box, size -= box;
  }
  return 1;
}

static void take_media(struct viewer *v, const uint8_t *data, size_t size) {
  struct response *r = &v->bytes;
  if (v->part == NULL) v->part = part_of(v);
  struct part *part = v->part;
  part->used = ++uses;
  if (part->size == 0 && part->filled == 0) {
    part->size = r->size;
    part->bytes = realloc(part->bytes, r->size + 1);
  }
  if (strcmp(part->name, v->name) != 0) return mismatch(v, "a part that came too late to be checked"), (void)(r->got += size);
  if (part->size != r->size) return mismatch(v, "length of a part"), (void)(r->got += size);
  size_t same = part->filled - r->got < size ? part->filled - r->got : size;
  if (memcmp(part->bytes + r->got, data, same) != 0) mismatch(v, "bytes of a part");
  memcpy(part->bytes + part->filled, data + same, size - same);
  part->filled += size - same;
  r->got += size;
}

static void end_media(struct viewer *v, uint64_t now) {
  if (!whole_boxes(v->part->bytes, v->part->size)) mismatch(v, "boxes of a part");
  uint64_t ns = now - v->media_asked_ns;
  slots[ns / SLOT_NS < SLOTS ? ns / SLOT_NS : SLOTS - 1]++;
  delays++;
  downloads++;
  strcpy(v->name, v->waiting);
  v->waiting[0] = 0;
  if (v->name[0] != 0) ask_part(v);
}

/* Takes what of `data` belongs to the head; returns its size, or -1 when it is not what is wanted. */
static long take_head(struct response *r, const uint8_t *data, size_t size) {
  size_t take = size < HEAD_MAX - 1 - r->head_size ? size : HEAD_MAX - 1 - r->head_size;
  memcpy(r->head + r->head_size, data, take);
  r->head[r->head_size + take] = 0;
  char *end = strstr(r->head, "\r\n\r\n");
  if (end == NULL) return r->head_size += take, r->head_size == HEAD_MAX - 1 ? -1 : (long)take;
  size_t head = (size_t)(end + 4 - r->head), used = head - r->head_size;
  char *length = strcasestr(r->head, "\r\nContent-Length: ");
  if (sscanf(r->head, "HTTP/1.1 %d", &r->status) != 1 || r->status != 200 || length == NULL) return -1;
  r->size = strtoull(length + 18, NULL, 10);
  return (long)used;
}

static void receive(struct viewer *v, int is_media) {
  struct response *r = is_media ? &v->bytes : &v->text;
  ssize_t n = read(is_media ? v->media : v->playlist, space, CHUNK);
  if (n < 0 && errno == EAGAIN) return;
  if (n <= 0) return fail(v, n == 0 ? "closed by the server" : strerror(errno));
  uint64_t now = now_ns();
  received += (uint64_t)n;
  const uint8_t *at = space;
  if (r->status == 0) {
    long used = take_head(r, at, (size_t)n);
    if (used < 0) return fprintf(stderr, "%.60s\n", r->head), fail(v, "refused");
    at += used, n -= used;
    if (r->status == 0 || (!is_media && r->size > TEXT_MAX)) return;
  }
  if ((size_t)n > r->size - r->got) return mismatch(v, "more than the whole"), fail(v, "lost");
  if (is_media) {
    take_media(v, at, (size_t)n);
    if (v->playlist >= 0 && r->got == r->size) end_media(v, now);
    return;
  }
  memcpy(v->body + r->got, at, (size_t)n);
  r->got += (size_t)n;
  v->body[r->got] = 0;
  if (r->got == r->size) take_playlist(v, v->body, r->size, now);
}

static void open_viewer(void) {
  int index = opened++;
  struct viewer *v = &viewers[index];
  v->path = (uint32_t)(index % load->paths);
  v->body = malloc(TEXT_MAX + 1);
  v->playlist = tcp_connect(load->port);
  v->media = tcp_connect(load->port);
  watch(epoll, v->playlist, EPOLLIN, (uint64_t)index);
  watch(epoll, v->media, EPOLLIN, MEDIA + (uint64_t)index);
  ask_playlist(v);
}

static void serve(uint64_t until_ns, int whole_ramp) {
  struct epoll_event events[4096];
  uint64_t begin = now_ns(), now;
  while (!stopped && (now = now_ns()) < until_ns && failed < (uint64_t)load->count) {
    if (whole_ramp && playing + (int)failed >= load->count) return;
    uint64_t next = begin + (uint64_t)(opened * 1e9 / load->ramp);
    if (opened < load->count && now >= next) open_viewer();
    int count = wait_until(epoll, events, 4096, opened < load->count && next < until_ns ? next : until_ns);
    for (int i = 0; i < count; i++) {
      struct viewer *v = &viewers[(uint32_t)events[i].data.u64];
      if (v->playlist >= 0) receive(v, events[i].data.u64 >= MEDIA);
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

static int by_length(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return x < y ? -1 : x > y;
}

/* Prints how far apart the first and the last viewer were released, over all releases that most viewers waited for. */
static void print_releases(void) {
  static double lengths[RELEASES];
  size_t count = 0;
  uint64_t held = 0;
  for (int i = 0; i < RELEASES; i++) {
    const struct release *r = &releases[i];
    if (r->key == 0 || r->first_ns < measuring || r->count * 10 < (uint32_t)(load->count / load->paths) * 9) continue;
    lengths[count++] = (double)(r->last_ns - r->first_ns) / 1e6;
    held += r->count;
  }
  qsort(lengths, count, sizeof *lengths, by_length);
  double zero = 0, *at = count > 0 ? lengths : &zero;
  size_t last = count > 0 ? count - 1 : 0;
  printf("\"releases\":%zu,\"held\":%.1f,\"releaseMs\":{\"p50\":%.2f,\"p99\":%.2f,\"max\":%.2f}", count,
         count > 0 ? (double)held / (double)count : 0, at[last / 2], at[last * 99 / 100], at[last]);
}

void view(const struct load *options) {
  load = options;
  viewers = calloc((size_t)load->count, sizeof *viewers);
  epoll = epoll_create1(0);
  serve(now_ns() + (uint64_t)((load->count / load->ramp + 30) * 1e9), 1);
  fprintf(stderr, "ready %d\n", playing);
  if (load->warmup > 0) serve(now_ns() + (uint64_t)(load->warmup * 1e9), 0);
  memset(slots, 0, sizeof slots);
  delays = 0;
  uint64_t begin = measuring = now_ns(), bytes_before = received, playlists_before = playlists, before = downloads;
  fprintf(stderr, "begin\n");
  serve(load->seconds > 0 ? begin + (uint64_t)(load->seconds * 1e9) : UINT64_MAX, 0);
  double seconds = (double)(now_ns() - begin) / 1e9;
  fprintf(stderr, "end\n");
  printf("{\"viewers\":%d,\"playing\":%d,\"seconds\":%.3f,\"bytes\":%" PRIu64 ",\"playlists\":%" PRIu64 ",\"parts\":%" PRIu64
         ",\"skipped\":%" PRIu64 ",\"mismatches\":%" PRIu64 ",\"closed\":%" PRIu64 ",",
         load->count, playing, seconds, received - bytes_before, playlists - playlists_before, downloads - before, skipped,
         mismatches, failed);
  print_releases();
  printf(",\"partMs\":{\"p50\":%.2f,\"p99\":%.2f}}\n", percentile(0.5), percentile(0.99));
}
