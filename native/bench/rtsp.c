#define _GNU_SOURCE
#include "rtsp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "pattern.h"

void rtsp_init(struct rtsp *rtsp, int publishes, int port, const char *path) {
  memset(rtsp, 0, sizeof *rtsp);
  rtsp->publishes = publishes;
  snprintf(rtsp->url, sizeof rtsp->url, "rtsp://127.0.0.1:%d/%s", port, path);
  snprintf(rtsp->control, sizeof rtsp->control, "%s/trackID=0", rtsp->url);
}

static size_t announcement(char *out, size_t size) {
  char sps[64], pps[64];
  base64(SPS, SPS_SIZE, sps);
  base64(PPS, PPS_SIZE, pps);
  return (size_t)snprintf(out, size,
                          "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=bench\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\n"
                          "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n"
                          "a=fmtp:96 packetization-mode=1; profile-level-id=42C028; sprop-parameter-sets=%s,%s\r\n"
                          "a=control:trackID=0\r\n",
                          sps, pps);
}

size_t rtsp_request(struct rtsp *rtsp, char *out, size_t size) {
  static const char *const methods[2][4] = {{"DESCRIBE", "SETUP", "PLAY", "GET_PARAMETER"},
                                            {"ANNOUNCE", "SETUP", "RECORD", "GET_PARAMETER"}};
  char headers[256] = "", body[1024] = "";
  if (rtsp->step == RTSP_SETUP && rtsp->ports[0] != 0) {
    snprintf(headers, sizeof headers, "Transport: RTP/AVP;unicast;client_port=%d-%d%s\r\n", rtsp->ports[0], rtsp->ports[1],
             rtsp->publishes ? ";mode=record" : "");
  } else if (rtsp->step == RTSP_SETUP) {
    snprintf(headers, sizeof headers, "Transport: RTP/AVP/TCP;unicast;interleaved=0-1%s\r\n",
             rtsp->publishes ? ";mode=record" : "");
  } else if (rtsp->step == RTSP_DESCRIPTION && rtsp->publishes) {
    size_t length = announcement(body, sizeof body);
    snprintf(headers, sizeof headers, "Content-Type: application/sdp\r\nContent-Length: %zu\r\n", length);
  } else if (rtsp->step == RTSP_DESCRIPTION) {
    snprintf(headers, sizeof headers, "Accept: application/sdp\r\n");
  }
  char session[100] = "";
  if (rtsp->session[0] != 0) snprintf(session, sizeof session, "Session: %s\r\n", rtsp->session);
  return (size_t)snprintf(out, size, "%s %s RTSP/1.0\r\nCSeq: %d\r\n%s%s\r\n%s", methods[rtsp->publishes][rtsp->step],
                          rtsp->step == RTSP_SETUP ? rtsp->control : rtsp->url, ++rtsp->cseq, session, headers, body);
}

/* Copies the value of a header (or of an SDP attribute) up to `ends`; returns 0 when it is absent. */
static int value_of(const char *text, const char *name, const char *ends, char *out, size_t size) {
  const char *at = strcasestr(text, name);
  if (at == NULL) return 0;
  at += strlen(name);
  at += strspn(at, " ");
  size_t length = strcspn(at, ends);
  if (length >= size) length = size - 1;
  memcpy(out, at, length);
  out[length] = 0;
  return 1;
}

long rtsp_measure(const uint8_t *data, size_t size) {
  if (size < 8) return 0;
  if (memcmp(data, "RTSP/1.0", 8) != 0) return -1;
  const uint8_t *end = memmem(data, size, "\r\n\r\n", 4);
  if (end == NULL) return size < 8192 ? 0 : -1;
  char head[8192], length[16] = "0";
  size_t head_size = (size_t)(end - data) + 4;
  if (head_size >= sizeof head) return -1;
  memcpy(head, data, head_size);
  head[head_size] = 0;
  value_of(head, "\nContent-Length:", "\r\n", length, sizeof length);
  size_t whole = head_size + (size_t)atol(length);
  return whole <= size ? (long)whole : 0;
}

/* Resolves the control attribute of the first media against Content-Base or the URL. */
static void take_control(struct rtsp *rtsp, const char *text) {
  const char *media = strstr(text, "m=");
  char control[160] = "", base[128];
  if (media == NULL || !value_of(media, "a=control:", "\r\n", control, sizeof control)) return;
  if (strncmp(control, "rtsp://", 7) == 0) {
    snprintf(rtsp->control, sizeof rtsp->control, "%s", control);
    return;
  }
  if (!value_of(text, "\nContent-Base:", "\r\n", base, sizeof base)) snprintf(base, sizeof base, "%s", rtsp->url);
  size_t length = strlen(base);
  const char *slash = length > 0 && base[length - 1] == '/' ? "" : "/";
  snprintf(rtsp->control, sizeof rtsp->control, "%s%s%s", base, slash, control);
}

void rtsp_response(struct rtsp *rtsp, const uint8_t *data, size_t size) {
  char text[8192];
  if (size >= sizeof text) size = sizeof text - 1;
  memcpy(text, data, size);
  text[size] = 0;
  if (strncmp(text + 8, " 200", 4) != 0) {
    fprintf(stderr, "%s: refused: %.*s\n", rtsp->url, (int)strcspn(text, "\r\n"), text);
    rtsp->step = RTSP_REFUSED;
    return;
  }
  if (rtsp->step == RTSP_DESCRIPTION && !rtsp->publishes) take_control(rtsp, text);
  if (rtsp->session[0] == 0) value_of(text, "\nSession:", ";\r\n", rtsp->session, sizeof rtsp->session);
  char ports[32];
  if (rtsp->step == RTSP_SETUP && value_of(text, "server_port=", ";\r\n", ports, sizeof ports)) {
    sscanf(ports, "%d-%d", &rtsp->server_ports[0], &rtsp->server_ports[1]);
  }
  if (rtsp->step < RTSP_RUNNING) rtsp->step++;
}
