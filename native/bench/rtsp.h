/* The client's side of an RTSP session (RFC 2326), as far as a load generator needs it: one video track, on interleaved
 * channels 0 and 1 or in datagrams. Knows no socket. */
#ifndef BENCH_RTSP_H
#define BENCH_RTSP_H

#include <stddef.h>
#include <stdint.h>

enum rtsp_step { RTSP_DESCRIPTION, RTSP_SETUP, RTSP_START, RTSP_RUNNING, RTSP_REFUSED };

struct rtsp {
  char url[128];
  char control[256];
  char session[80];
  int publishes;
  int cseq;
  int ports[2];         /* where datagrams are to come to, RTP and RTCP; 0 for interleaved frames */
  int server_ports[2];  /* where the server takes datagrams, once it has said so */
  enum rtsp_step step;
};

/* A session about `path`: ANNOUNCE, SETUP, RECORD when it publishes, else DESCRIBE, SETUP, PLAY. */
void rtsp_init(struct rtsp *rtsp, int publishes, int port, const char *path);

/* Writes the request of the current step (GET_PARAMETER while running); returns its size. */
size_t rtsp_request(struct rtsp *rtsp, char *out, size_t size);

/* Size of the whole response at `data`, body included; 0 while some of it is missing, -1 when it is none. */
long rtsp_measure(const uint8_t *data, size_t size);

/* Takes a whole response and moves to the next step, or to RTSP_REFUSED. */
void rtsp_response(struct rtsp *rtsp, const uint8_t *data, size_t size);

#endif
