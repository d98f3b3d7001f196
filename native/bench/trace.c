/*
 * Preloaded into the server for a short run: records every write to a TCP socket (when, descriptor, bytes taken) in the
 * file named by BENCH_TRACE, which the benchmark turns into the yardstick's work. The file is a header of 16 bytes
 * (capacity u64, records begun u64) and records of 16 bytes (CLOCK_MONOTONIC ns u64, descriptor i32, result i32), in the
 * machine's byte order. Recording stops when it is full.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

struct record {
  uint64_t time_ns;
  int32_t fd;
  int32_t result;
};

struct trace {
  uint64_t capacity;
  _Atomic uint64_t count;
  struct record records[];
};

#define CAPACITY (4u << 20)

static struct trace *trace;

__attribute__((constructor)) static void begin(void) {
  const char *path = getenv("BENCH_TRACE");
  if (path == NULL) return;
  int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  size_t size = sizeof(struct trace) + CAPACITY * sizeof(struct record);
  if (fd < 0 || ftruncate(fd, (off_t)size) != 0) return;
  void *map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  close(fd);
  if (map == MAP_FAILED) return;
  ((struct trace *)map)->capacity = CAPACITY;
  trace = map;
}

static int is_tcp(int fd) {
  int type = 0, domain = 0;
  socklen_t size = sizeof type;
  if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) != 0 || type != SOCK_STREAM) return 0;
  size = sizeof domain;
  return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0 && domain != AF_UNIX;
}

static void note(int fd, ssize_t result, uint64_t time_ns) {
  if (!is_tcp(fd)) return;
  uint64_t index = atomic_fetch_add(&trace->count, 1);
  if (index < trace->capacity) trace->records[index] = (struct record){time_ns, fd, (int32_t)result};
}

static uint64_t now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000ull + (uint64_t)t.tv_nsec;
}

/* Defines `name` as a call of the real one that is recorded; errno is what the real one left. */
#define RECORDED(name, parameters, arguments)                              \
  ssize_t name parameters {                                                \
    static ssize_t(*real) parameters;                                      \
    if (real == NULL) real = (ssize_t(*) parameters)dlsym(RTLD_NEXT, #name); \
    if (trace == NULL) return real arguments;                              \
    uint64_t time_ns = now_ns();                                           \
    ssize_t result = real arguments;                                       \
    int error = errno;                                                     \
    note(fd, result, time_ns);                                             \
    errno = error;                                                         \
    return result;                                                         \
  }

RECORDED(write, (int fd, const void *data, size_t size), (fd, data, size))
RECORDED(send, (int fd, const void *data, size_t size, int flags), (fd, data, size, flags))
RECORDED(sendto,
         (int fd, const void *data, size_t size, int flags, const struct sockaddr *to, socklen_t to_size),
         (fd, data, size, flags, to, to_size))
RECORDED(sendmsg, (int fd, const struct msghdr *message, int flags), (fd, message, flags))
RECORDED(writev, (int fd, const struct iovec *parts, int count), (fd, parts, count))
