/* The parts of the load generator. Each runs until its time is up or a signal, then prints JSON on stdout. */
#ifndef BENCH_LOAD_H
#define BENCH_LOAD_H

#include <stdint.h>

struct load {
  int port;
  int count;            /* publishers, readers or viewers */
  int paths;            /* readers and viewers: spread over that many paths */
  const char *prefix;   /* path of stream i is `<prefix><i>` */
  int bitrate;          /* bit/s of one publisher */
  double fps;           /* frames/s of one publisher */
  double ramp;          /* connections opened per second */
  double warmup;        /* s after the last one runs during which nothing is measured */
  double seconds;       /* s of measurement, 0 = until a signal */
  double linger;        /* publishers: s to stay connected in silence after the last frame */
  int raw;              /* no RTSP: interleaved frames from the first byte on */
  int udp;              /* packets come in datagrams */
  int tls;              /* readers: the connection is encrypted */
  int unchecked;        /* readers: count bytes, look at none; viewers: playlists may stand still */
};

void publish(const struct load *load);
void read_streams(const struct load *load);
void view(const struct load *load);

#endif
