/** Descriptions as real clients and cameras send them; `tracks` is what must be recognised. */
export interface SdpSample {
  readonly name: string;
  readonly text: string;
  /** `<codec> <payload type> <clock rate>` of each format, by track. */
  readonly tracks: readonly (readonly string[])[];
  readonly controls: readonly (string | undefined)[];
}

export const SDP_SAMPLES: readonly SdpSample[] = [
  {
    name: "FFmpeg 5: H264 and AAC",
    text: crlf(`v=0
o=- 0 0 IN IP4 127.0.0.1
s=No Name
c=IN IP4 127.0.0.1
t=0 0
a=tool:libavformat LIBAVFORMAT_VERSION
m=video 0 RTP/AVP 96
a=rtpmap:96 H264/90000
a=fmtp:96 packetization-mode=1; sprop-parameter-sets=Z/QACpGbKFCPxOAiAAADAAIAAAMAKB4kSyw=,aOvjxEhE; profile-level-id=F4000A
a=control:streamid=0
m=audio 0 RTP/AVP 97
b=AS:69
a=rtpmap:97 MPEG4-GENERIC/48000/1
a=fmtp:97 profile-level-id=1;mode=AAC-hbr;sizelength=13;indexlength=3;indexdeltalength=3; config=118856E500
a=control:streamid=1
`),
    tracks: [["h264 96 90000"], ["mpeg4Audio 97 48000"]],
    controls: ["streamid=0", "streamid=1"],
  },
  {
    name: "FFmpeg 5: H265 and Opus",
    text: crlf(`v=0
o=- 0 0 IN IP4 127.0.0.1
s=No Name
c=IN IP4 127.0.0.1
t=0 0
a=tool:libavformat LIBAVFORMAT_VERSION
m=video 0 RTP/AVP 96
a=rtpmap:96 H265/90000
a=fmtp:96 sprop-vps=QAEMAf//BAgAAAMAnggAAAMAAB6VmAk=; sprop-sps=QgEBBAgAAAMAnggAAAMAAB6QAoQPLLKzSSZXgLcCAgAEAAADAAQAAAMAKCA=; sprop-pps=RAHBcoYMRiQ=
a=control:streamid=0
m=audio 0 RTP/AVP 97
b=AS:64
a=rtpmap:97 opus/48000/2
a=control:streamid=1
`),
    tracks: [["h265 96 90000"], ["opus 97 48000"]],
    controls: ["streamid=0", "streamid=1"],
  },
  {
    name: "FFmpeg 5: MPEG-4 Video and MP3, static payload type without rtpmap",
    text: crlf(`v=0
o=- 0 0 IN IP4 127.0.0.1
s=No Name
c=IN IP4 127.0.0.1
t=0 0
a=tool:libavformat LIBAVFORMAT_VERSION
m=video 0 RTP/AVP 96
b=AS:200
a=rtpmap:96 MP4V-ES/90000
a=fmtp:96 profile-level-id=1; config=000001B001000001B58913000001000000012000C48D88005505040F1443
a=control:streamid=0
m=audio 0 RTP/AVP 14
a=control:streamid=1
`),
    tracks: [["mpeg4Video 96 90000"], ["mpeg12Audio 14 90000"]],
    controls: ["streamid=0", "streamid=1"],
  },
  {
    name: "FFmpeg 5: L16 at 44.1 kHz, payload type 10",
    text: crlf(`v=0
o=- 0 0 IN IP4 127.0.0.1
s=No Name
c=IN IP4 127.0.0.1
t=0 0
a=tool:libavformat LIBAVFORMAT_VERSION
m=audio 0 RTP/AVP 10
b=AS:1411
a=control:streamid=0
`),
    tracks: [["lpcm 10 44100"]],
    controls: ["streamid=0"],
  },
  {
    name: "GStreamer 1.22 rtspclientsink: AAC as LATM and H264, tracks in another order than their controls",
    text: crlf(`v=0
o=- 1530956297 1 IN IP4 127.0.0.1
s=Session streamed with GStreamer
i=rtspclientsink
t=0 0
a=tool:GStreamer
m=audio 0 RTP/AVP 96
c=IN IP4 0.0.0.0
a=rtpmap:96 MP4A-LATM/44100
a=fmtp:96 cpresent=0;config=40002410adca00
a=control:stream=1
a=ts-refclk:local
a=mediaclk:sender
a=ssrc:1010453813 cname:user2597381105@host-e0fc78a2
m=video 0 RTP/AVP 99
c=IN IP4 0.0.0.0
b=AS:2097
a=rtpmap:99 H264/90000
a=framerate:30
a=fmtp:99 packetization-mode=1;sprop-parameter-sets=Z/QADZDZsoUI/E4C1BgYGQAAAwABAAADADyPFCmW,aOvsRIRA
a=control:stream=0
a=ts-refclk:local
a=mediaclk:sender
a=ssrc:3588152086 cname:user2597381105@host-e0fc78a2
`),
    tracks: [["mpeg4Audio 96 44100"], ["h264 99 90000"]],
    controls: ["stream=1", "stream=0"],
  },
  {
    name: "VLC serving: absolute controls, range, direction",
    text: crlf(`v=0
o=- 16916373152353353428 16916373152353353428 IN IP4 host
s=Unnamed
i=N/A
c=IN IP4 0.0.0.0
t=0 0
a=tool:vlc 3.0.18
a=recvonly
a=type:broadcast
a=charset:UTF-8
a=control:rtsp://127.0.0.1:18570/x
m=audio 0 RTP/AVP 14
b=AS:128
b=RR:0
a=rtpmap:14 MPA/90000
a=control:rtsp://127.0.0.1:18570/x/trackID=0
m=video 0 RTP/AVP 96
b=RR:0
a=rtpmap:96 H264/90000
a=fmtp:96 packetization-mode=1;profile-level-id=42c01e;sprop-parameter-sets=Z0LAHtoCgL/lwFqAgICg,aM4PyA==;
a=control:rtsp://127.0.0.1:18570/x/trackID=1
`),
    tracks: [["mpeg12Audio 14 90000"], ["h264 96 90000"]],
    controls: ["rtsp://127.0.0.1:18570/x/trackID=0", "rtsp://127.0.0.1:18570/x/trackID=1"],
  },
  {
    name: "a camera: LF, shuffled and missing lines, several payload types, metadata",
    text: `s=Media Presentation
v=0
e=NONE
b=AS:5100
a=control:*
a=range:npt=now-
m=video 0 RTP/AVP 96 26 
a=Media_header:MEDIAINFO=494D4B48010200;
a=rtpmap:96 h264/90000
a=control:trackID=1
a=fmtp:96 profile-level-id=420029; Packetization-Mode=1
m=audio 49170/2 RTP/AVPF 98 8 0
a=rtpmap:98 G726-32/8000
a=recvonly
m=application 0 RTP/AVP 107
a=control:trackID=3
a=rtpmap:107 vnd.onvif.metadata/90000
`,
    tracks: [
      ["h264 96 90000", "mjpeg 26 90000"],
      ["g726 98 8000", "g711 8 8000", "g711 0 8000"],
      ["generic 107 90000"],
    ],
    controls: ["trackID=1", undefined, "trackID=3"],
  },
  {
    name: "forward error correction and identification tags",
    text: crlf(`v=0
o=- 1 1 IN IP4 10.0.0.1
s= 
t=0 0
a=group:FEC 1 2
a=group:BUNDLE 1 2
m=video 0 RTP/AVP 100
a=rtpmap:100 VP9/90000
a=mid:1
a=control:1
m=application 0 RTP/AVP 101
a=rtpmap:101 ulpfec/90000
a=mid:2
a=control:2
`),
    tracks: [["vp9 100 90000"], ["generic 101 90000"]],
    controls: ["1", "2"],
  },
];

function crlf(text: string): string {
  return text.replaceAll("\n", "\r\n");
}
