/*
 * The yardsticks: what the same traffic costs a plain C program with epoll.
 *
 *   relay count                           takes ingest connections and counts their bytes
 *   relay replay --trace F --readers N    once N readers are there, gives each what the trace says, when it says so, with
 *                                         one write() per entry, again and again; takes and drops the ingest meanwhile
 *   relay forward --readers N             gives every reader the frames of the one ingest connection as they come
 *   relay send --readers N [--segment]    sends every reader the packets of the one ingest connection in datagrams, with
 *                                         one sendmmsg() vector per read; with --segment, one message per reader that
 *                                         the kernel cuts (UDP_SEGMENT)
 *
 * With --key K --cert C, replay goes over TLS. Readers of datagrams say their port, u16, on their connection.
 * "ingest PORT readers PORT" on stdout says where to connect; JSON follows when SIGINT or SIGTERM ends it.
 * The trace: u32 period in µs, u32 entries, then entries of u32 µs, u32 reader, u32 bytes, in order of time.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/udp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net.h"
#include "tls.h"

#define CHUNK (256 * 1024)
#define FRAME_ROOM (65540 + CHUNK)
#define VECTOR 1024                 /* messages of one sendmmsg() */
#define PACKETS 1024                /* of one read */
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
static struct tls **sessions;
static struct sockaddr_in *targets; /* where datagrams go; port 0 while it is not known */
static int epoll, wanted, present, forwarding, sending, segmenting, encrypting, datagrams;
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
  ssize_t n = encrypting ? tls_write(sessions[reader], data, size) : write(fds[reader], data, size);
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

static struct mmsghdr messages[VECTOR];
static int message_count;

static void send_messages(void) {
  for (int done = 0; done < message_count;) {
    int n = sendmmsg(datagrams, messages + done, (unsigned)(message_count - done), 0);
    writes++;
    if (n <= 0) short_writes++; /* this one is lost */
    done += n > 0 ? n : 1;
  }
  message_count = 0;
}

static void add_message(uint32_t reader, struct iovec *parts, size_t count, void *control) {
  struct msghdr *header = &messages[message_count].msg_hdr;
  *header = (struct msghdr){.msg_name = &targets[reader], .msg_namelen = sizeof targets[reader]};
  header->msg_iov = parts;
  header->msg_iovlen = count;
  header->msg_control = control;
  header->msg_controllen = control == NULL ? 0 : CMSG_SPACE(sizeof(uint16_t));
  if (++message_count == VECTOR) send_messages();
}

/* What says to the kernel where to cut a message. */
static void *cut_at(size_t size) {
  static union {
    struct cmsghdr align;
    uint8_t bytes[CMSG_SPACE(sizeof(uint16_t))];
  } controls[PACKETS];
  static int next;
  struct cmsghdr *header = &controls[next++ % PACKETS].align;
  header->cmsg_level = SOL_UDP;
  header->cmsg_type = UDP_SEGMENT;
  header->cmsg_len = CMSG_LEN(sizeof(uint16_t));
  uint16_t value = (uint16_t)size;
  memcpy(CMSG_DATA(header), &value, sizeof value);
  return header;
}

/* Sends the packets of the whole interleaved frames to every reader. */
static void send_datagrams(void) {
  static struct iovec packets[PACKETS];
  size_t count = 0, whole = 0;
  while (filled - whole >= 4) {
    size_t length = (size_t)bytes[whole + 2] << 8 | bytes[whole + 3];
    if (filled - whole < 4 + length) break;
    if (bytes[whole + 1] == 0 && count < PACKETS) packets[count++] = (struct iovec){bytes + whole + 4, length};
    whole += 4 + length;
  }
  for (uint32_t reader = 0; reader < (uint32_t)present; reader++) {
    if (targets[reader].sin_port == 0) continue;
    for (size_t i = 0, next; i < count; i = next) {
      size_t size = packets[i].iov_len, total = size;
      next = i + 1;
      /* as many of the same size as the kernel cuts, and a shorter last one */
      while (segmenting && next < count && next - i < 64 && total + packets[next].iov_len < 65000 &&
             packets[next - 1].iov_len == size && packets[next].iov_len <= size) {
        total += packets[next++].iov_len;
      }
      sent += total;
      add_message(reader, packets + i, next - i, next - i > 1 ? cut_at(size) : NULL);
    }
  }
  send_messages();
  memmove(bytes, bytes + whole, filled -= whole);
}

static void ingest(int fd) {
  ssize_t n = read(fd, bytes + filled, forwarding || sending ? CHUNK : FRAME_ROOM);
  if (n == 0 || (n < 0 && errno != EAGAIN)) close(fd);
  if (n <= 0) return;
  taken += (uint64_t)n;
  if (!forwarding && !sending) return;
  filled += (size_t)n;
  if (forwarding) forward();
  else send_datagrams();
}

static void accept_all(int listener, int is_reader) {
  for (int fd; (fd = tcp_accept(listener)) >= 0;) {
    if (!is_reader) {
      watch(epoll, fd, EPOLLIN, (uint64_t)fd);
    } else if (present == wanted) {
      close(fd);
    } else {
      fds[present] = fd;
      if (encrypting) sessions[present] = tls_accept(fd);
      watch(epoll, fd, EPOLLIN, READER + (uint64_t)present++);
    }
  }
}

/* A reader says where it wants datagrams, or nothing; all else that can be read is its end. */
static void hear(uint32_t reader) {
  uint8_t said[4096];
  if (fds[reader] < 0) return;
  ssize_t n = encrypting ? tls_read(sessions[reader], said, sizeof said) : read(fds[reader], said, sizeof said);
  if (n == 0 || (n < 0 && errno != EAGAIN)) return drop(reader);
  if (!sending || n != sizeof(uint16_t)) return;
  uint16_t port;
  memcpy(&port, said, sizeof port);
  targets[reader] = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(port)};
  targets[reader].sin_addr.s_addr = htonl(INADDR_LOOPBACK);
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
  if (argc < 2) die("usage: relay count|replay|forward|send ...");
  catch_signals();
  wanted = (int)option_number(argc, argv, "readers", 0);
  fds = calloc((size_t)wanted + 1, sizeof *fds);
  owed = calloc((size_t)wanted + 1, sizeof *owed);
  sessions = calloc((size_t)wanted + 1, sizeof *sessions);
  targets = calloc((size_t)wanted + 1, sizeof *targets);
  const char *key = option(argc, argv, "key"), *cert = option(argc, argv, "cert");
  encrypting = key != NULL && cert != NULL;
  if (encrypting) tls_use(key, cert);
  int unused;
  sending = strcmp(argv[1], "send") == 0;
  if (sending) datagrams = udp_open(&unused);
  segmenting = option(argc, argv, "segment") != NULL;
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
