/* Clock, sockets and arguments shared by the programs of the benchmark. Linux, single-threaded. */
#ifndef BENCH_NET_H
#define BENCH_NET_H

#include <stddef.h>
#include <stdint.h>

/* CLOCK_MONOTONIC in ns: the same for all processes of a machine. */
uint64_t now_ns(void);

/* Prints a line to stderr and exits with code 2. */
void die(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

/* Value of `--name value` or `--name`; NULL when absent ("" for a flag without value). */
const char *option(int argc, char **argv, const char *name);
double option_number(int argc, char **argv, const char *name, double otherwise);

/* Connects to 127.0.0.1 (blocking connect, then a non-blocking socket with NODELAY). Exits on failure. */
int tcp_connect(int port);

/* Listens on 127.0.0.1 with a backlog of 4,096; `*port` may be 0 and receives the real one. */
int tcp_listen(int *port);

/* Accepts one connection as a non-blocking socket with NODELAY; -1 when none is waiting. */
int tcp_accept(int listener);

/* A non-blocking UDP socket on 127.0.0.1 with large buffers; `*port` receives its port. */
int udp_open(int *port);

/* Sends to a port of 127.0.0.1 from now on. Exits on failure. */
void udp_connect(int fd, int port);

/* epoll_ctl(ADD or MOD) with `index` as data; level triggered. */
void watch(int epoll, int fd, uint32_t events, uint64_t index);
void rewatch(int epoll, int fd, uint32_t events, uint64_t index);

/* Waits for events until `until_ns` at the latest, with ns precision. Returns how many there are. */
struct epoll_event;
int wait_until(int epoll, struct epoll_event *events, int limit, uint64_t until_ns);

/* Set by SIGINT and SIGTERM once `catch_signals` was called. */
extern volatile int stopped;
void catch_signals(void);

#endif
