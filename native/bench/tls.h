/* TLS on a socket, by OpenSSL. Built without it (no BENCH_TLS), every call ends the program. */
#ifndef BENCH_TLS_H
#define BENCH_TLS_H

#include <stddef.h>
#include <sys/types.h>

struct tls;

/* Handshakes, waiting for the other side; certificates are not looked at. */
struct tls *tls_connect(int fd);

/* The server's side, with the pair of key and certificate of `tls_use`. */
struct tls *tls_accept(int fd);
void tls_use(const char *key_file, const char *cert_file);

/* As read() and write() of a non-blocking socket. A write that was not taken whole must be repeated as it was. */
ssize_t tls_read(struct tls *tls, void *data, size_t size);
ssize_t tls_write(struct tls *tls, const void *data, size_t size);

#endif
