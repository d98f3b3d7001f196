#define _GNU_SOURCE
#include "tls.h"

#include <errno.h>
#include <sys/ioctl.h>

#include "net.h"

#ifdef BENCH_TLS
#include <openssl/err.h>
#include <openssl/ssl.h>

static SSL_CTX *contexts[2];

static SSL_CTX *context(int serves) {
  if (contexts[serves] == NULL) {
    contexts[serves] = SSL_CTX_new(serves ? TLS_server_method() : TLS_client_method());
    SSL_CTX_set_ciphersuites(contexts[serves], "TLS_AES_128_GCM_SHA256"); /* the same for every server */
    SSL_CTX_set_mode(contexts[serves], SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  }
  return contexts[serves];
}

void tls_use(const char *key_file, const char *cert_file) {
  if (SSL_CTX_use_PrivateKey_file(context(1), key_file, SSL_FILETYPE_PEM) != 1 ||
      SSL_CTX_use_certificate_file(context(1), cert_file, SSL_FILETYPE_PEM) != 1) {
    die("tls: cannot use %s and %s", key_file, cert_file);
  }
}

static void blocking(int fd, int blocks) {
  int on = !blocks;
  ioctl(fd, FIONBIO, &on);
}

static struct tls *handshake(int fd, int serves) {
  SSL *ssl = SSL_new(context(serves));
  SSL_set_fd(ssl, fd);
  blocking(fd, 1);
  if ((serves ? SSL_accept(ssl) : SSL_connect(ssl)) != 1) die("tls: handshake failed");
  blocking(fd, 0);
  return (struct tls *)ssl;
}

struct tls *tls_connect(int fd) { return handshake(fd, 0); }

struct tls *tls_accept(int fd) { return handshake(fd, 1); }

static ssize_t result(SSL *ssl, int n) {
  if (n > 0) return n;
  int error = SSL_get_error(ssl, n);
  ERR_clear_error();
  if (error == SSL_ERROR_ZERO_RETURN) return 0;
  errno = error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE ? EAGAIN : EPROTO;
  return -1;
}

ssize_t tls_read(struct tls *tls, void *data, size_t size) {
  return result((SSL *)tls, SSL_read((SSL *)tls, data, (int)size));
}

ssize_t tls_write(struct tls *tls, const void *data, size_t size) {
  size_t done = 0;
  while (done < size) { /* a record at a time */
    ssize_t n = result((SSL *)tls, SSL_write((SSL *)tls, (const char *)data + done, (int)(size - done)));
    if (n <= 0) return done > 0 ? (ssize_t)done : n;
    done += (size_t)n;
  }
  return (ssize_t)done;
}

#else

struct tls *tls_connect(int fd) { die("built without TLS: %d", fd); }
struct tls *tls_accept(int fd) { die("built without TLS: %d", fd); }
void tls_use(const char *key_file, const char *cert_file) { die("built without TLS: %s, %s", key_file, cert_file); }
ssize_t tls_read(struct tls *tls, void *data, size_t size) { die("built without TLS: %p %p %zu", (void *)tls, data, size); }
ssize_t tls_write(struct tls *tls, const void *data, size_t size) {
  die("built without TLS: %p %p %zu", (void *)tls, (const void *)data, size);
}

#endif
