/*
 * The yardsticks: what the same traffic costs a plain C program with epoll.
 *
 *   relay count                           takes ingest connections and counts their bytes
 *   relay replay --trace F --readers N    once N readers are there, gives each what the trace says, when it says so, with
 *                                         one write() per entry, again and again; takes and drops the ingest meanwhile
 *   relay forward --readers N             gives every reader the frames of the one ingest connection as they come
 *
 * "ingest PORT readers PORT" on stdout says where to connect; JSON follows when SIGINT or SIGTERM ends it.
 * The trace: u32 period in µs, u32 entries, then entries of u32 µs, u32 reader, u32 bytes, in order of time.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "net.h"

#define CHUNK (256 * 1024)
#define FRAME_ROOM (65540 + CHUNK)
#define READER (1ull << 32)         /* epoll data: an ingest connection, or READER + index, or a listener */
#define INGEST_LISTENER (2ull << 32)
#define READER_LISTENER (3ull << 32)

struct entry {
  uint32_t time_us, reader, bytes;
};

static struct entry *entries;
static uint32_t period_us, entry_count;
static int *fds;
static uint32_t *owed; /* bytes of earlier entries that a reader's socket had no room for */
static int epoll, wanted, present, forwarding;
static uint64_t taken, sent, writes, short_writes, closed;
static uint8_t bytes[FRAME_ROOM];
static size_t filled;
static uint8_t *source; /* what a replay sends; the content does not matter */
static size_t source_size = 1 << 20;

static void load_trace(const char *path) {
  FILE *file = fopen(path, "rb");
  uint32_t head[2];
  if (file == NULL || fread(head, sizeof head, 1, file) != 1) die("trace: cannot read %s", path);
  period_us = head[0];
  entry_count = head[1];
  entries = malloc(entry_count * sizeof *entries + 1);
  if (period_us == 0 || entry_count == 0 || fread(entries, sizeof *entries, entry_count, file) != entry_count) {
    die("trace: empty or cut: %s", path);
  }
  fclose(file);
  for (uint32_t i = 0; i < entry_count; i++) {
    if (entries[i].reader >= (uint32_t)wanted) die("trace: reader %u of %d", entries[i].reader, wanted);
  }
}

static void drop(uint32_t reader) {
  close(fds[reader]);
  fds[reader] = -1;
  closed++;
}

static size_t give(uint32_t reader, const uint8_t *data, size_t size) {
  if (fds[reader] < 0) return size;
  ssize_t n = write(fds[reader], data, size);
  writes++;
  if (n < 0 && errno != EAGAIN) return drop(reader), size;
  if (n < (ssize_t)size) short_writes++;
  if (n < 0) n = 0;
  sent += (uint64_t)n;
  return (size_t)n;
}

/* Writes all entries that are due by `now`; returns when the next one is. */
static uint64_t replay(uint64_t begin, uint64_t now) {
  static uint64_t next, round;
  for (;;) {
    uint64_t due = begin + (round * period_us + entries[next].time_us) * 1000ull;
    if (due > now) return due;
    uint32_t reader = entries[next].reader;
    uint64_t size = (uint64_t)owed[reader] + entries[next].bytes;
    if (size > source_size) size = source_size;
    owed[reader] = (uint32_t)(size - give(reader, source, size));
    if (++next == entry_count) next = 0, round++;
  }
}

/* Gives the whole interleaved frames to every reader. One that has no room for them is dropped. */
static void forward(void) {
  size_t whole = 0;
  while (filled - whole >= 4) {
    size_t length = 4 + ((size_t)bytes[whole + 2] << 8 | bytes[whole + 3]);
    if (filled - whole < length) break;
    whole += length;
  }
  for (int i = 0; i < present && whole > 0; i++) {
    if (give((uint32_t)i, bytes, whole) < whole) drop((uint32_t)i);
  }
  memmove(bytes, bytes + whole, filled -= whole);
}

static void ingest(int fd) {
  ssize_t n = read(fd, bytes + filled, forwarding ? CHUNK : FRAME_ROOM);
  if (n == 0 || (n < 0 && errno != EAGAIN)) close(fd);
  if (n <= 0) return;
  taken += (uint64_t)n;
  if (!forwarding) return;
  filled += (size_t)n;
  forward();
}

static void accept_all(int listener, int is_reader) {
  for (int fd; (fd = tcp_accept(listener)) >= 0;) {
    if (!is_reader) {
      watch(epoll, fd, EPOLLIN, (uint64_t)fd);
    } else if (present == wanted) {
      close(fd);
    } else {
      fds[present] = fd;
      watch(epoll, fd, EPOLLIN, READER + (uint64_t)present++);
    }
  }
}

/* A reader says nothing; what can be read is its end. */
static void hear(uint32_t reader) {
  uint8_t dropped[4096];
  if (fds[reader] >= 0 && read(fds[reader], dropped, sizeof dropped) <= 0) drop(reader);
}

static void serve(int ingest_listener, int reader_listener) {
  struct epoll_event events[512];
  uint64_t begin = 0;
  while (!stopped) {
    uint64_t now = now_ns(), wake = now + 500000000ull;
    if (entries != NULL && begin == 0 && present == wanted) begin = now;
    if (begin != 0) {
      uint64_t due = replay(begin, now);
      if (due < wake) wake = due;
    }
    int count = wait_until(epoll, events, 512, wake);
    for (int i = 0; i < count; i++) {
      uint64_t index = events[i].data.u64;
      if (index == INGEST_LISTENER) accept_all(ingest_listener, 0);
      else if (index == READER_LISTENER) accept_all(reader_listener, 1);
      else if (index >= READER) hear((uint32_t)index);
      else ingest((int)index);
    }
  }
}

int main(int argc, char **argv) {
  if (argc < 2) die("usage: relay count|replay|forward ...");
  catch_signals();
  wanted = (int)option_number(argc, argv, "readers", 0);
  fds = calloc((size_t)wanted + 1, sizeof *fds);
  owed = calloc((size_t)wanted + 1, sizeof *owed);
  forwarding = strcmp(argv[1], "forward") == 0;
  if (strcmp(argv[1], "replay") == 0) load_trace(option(argc, argv, "trace"));
  source = malloc(source_size);
  memset(source, 0x55, source_size);
  epoll = epoll_create1(0);
  int ingest_port = 0, reader_port = 0;
  int ingest_listener = tcp_listen(&ingest_port), reader_listener = tcp_listen(&reader_port);
  watch(epoll, ingest_listener, EPOLLIN, INGEST_LISTENER);
  watch(epoll, reader_listener, EPOLLIN, READER_LISTENER);
  printf("ingest %d readers %d\n", ingest_port, reader_port);
  fflush(stdout);
  serve(ingest_listener, reader_listener);
  printf("{\"readers\":%d,\"taken\":%" PRIu64 ",\"sent\":%" PRIu64 ",\"writes\":%" PRIu64 ",\"shortWrites\":%" PRIu64
         ",\"closed\":%" PRIu64 "}\n",
         present, taken, sent, writes, short_writes, closed);
  return 0;
}
