/*
 * load publish|read|view --port N [--count N] [--paths N] [--prefix P] [--bitrate N] [--fps N] [--ramp N] [--warmup S]
 *                   [--seconds S] [--linger S] [--raw] [--unchecked] [--udp] [--tls]
 *
 * Publishes H264 over RTSP/TCP, or reads it (--udp: in datagrams, --tls: readers by RTSPS) and checks every byte; or
 * watches it as low-latency HLS. "ready" on stderr says that all connections run,
 * "begin" that measuring begins, "end" that it ends. Exit code 2 when it cannot work at all.
 */
#include "load.h"

#include <stdio.h>
#include <string.h>

#include "net.h"
#include "pattern.h"

int main(int argc, char **argv) {
  if (argc < 2) die("usage: load publish|read|view --port N ...");
  const char *prefix = option(argc, argv, "prefix");
  struct load load = {
      .port = (int)option_number(argc, argv, "port", 8554),
      .count = (int)option_number(argc, argv, "count", 1),
      .paths = (int)option_number(argc, argv, "paths", 1),
      .prefix = prefix != NULL ? prefix : "bench",
      .bitrate = (int)option_number(argc, argv, "bitrate", 5e6),
      .fps = option_number(argc, argv, "fps", 30),
      .ramp = option_number(argc, argv, "ramp", 500),
      .warmup = option_number(argc, argv, "warmup", 0),
      .seconds = option_number(argc, argv, "seconds", 0),
      .linger = option_number(argc, argv, "linger", 0),
      .raw = option(argc, argv, "raw") != NULL,
      .udp = option(argc, argv, "udp") != NULL,
      .tls = option(argc, argv, "tls") != NULL,
      .unchecked = option(argc, argv, "unchecked") != NULL,
  };
  if (load.count < 1 || load.paths < 1 || load.fps <= 0 || load.ramp <= 0) die("numbers must be positive");
  catch_signals();
  pattern_init();
  if (strcmp(argv[1], "publish") == 0) publish(&load);
  else if (strcmp(argv[1], "read") == 0) read_streams(&load);
  else if (strcmp(argv[1], "view") == 0) view(&load);
  else die("unknown mode: %s", argv[1]);
  return 0;
}
