import { expect, test } from "bun:test";
import { describeStream } from "../../src/formats/rtp/description.ts";
import { parseSdp } from "../../src/formats/sdp/parse.ts";
import { chooseTracks } from "../../src/segments/track-choice.ts";
import type { Stream } from "../../src/stream/stream.ts";

const MEDIAS = {
  h264: "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n",
  h265: "m=video 0 RTP/AVP 97\r\na=rtpmap:97 H265/90000\r\n",
  vp8: "m=video 0 RTP/AVP 98\r\na=rtpmap:98 VP8/90000\r\n",
  opus: "m=audio 0 RTP/AVP 99\r\na=rtpmap:99 opus/48000/2\r\n",
  aac: "m=audio 0 RTP/AVP 100\r\na=rtpmap:100 mpeg4-generic/48000/2\r\na=fmtp:100 mode=AAC-hbr;config=1190;sizelength=13\r\n",
  aacWithoutConfig: "m=audio 0 RTP/AVP 100\r\na=rtpmap:100 mpeg4-generic/48000/2\r\n",
  pcmu: "m=audio 0 RTP/AVP 0\r\n",
};

type Media = keyof typeof MEDIAS;

function choose(medias: readonly Media[], silent: readonly number[] = []) {
  const { description } = describeStream(parseSdp(medias.map((media) => MEDIAS[media]).join("")));
  const { chosen, skipped } = chooseTracks({ description } as Stream, new Set(silent), "HLS");
  return { taken: chosen.map(({ index }) => medias[index]), skipped };
}

const CASES: readonly {
  readonly name: string;
  readonly medias: readonly Media[];
  readonly silent?: readonly number[];
  readonly taken: readonly Media[];
  readonly skipped?: readonly string[];
}[] = [
  { name: "video is in front of audio", medias: ["opus", "h264"], taken: ["h264", "opus"] },
  {
    name: "one of each kind, by the order of codecs",
    medias: ["aac", "h264", "opus", "h265"],
    taken: ["h265", "opus"],
    skipped: [
      "track 1 (MPEG-4 Audio): another audio track is used",
      "track 2 (H264): another video track is used",
    ],
  },
  {
    name: "a codec that is not carried is left out",
    medias: ["vp8", "pcmu", "aac"],
    taken: ["aac"],
    skipped: ["track 1 (VP8): not supported by HLS", "track 2 (G711): not supported by HLS"],
  },
  {
    name: "a silent track is left out, another one takes its place",
    medias: ["h265", "h264"],
    silent: [0],
    taken: ["h264"],
    skipped: ["track 1 (H265): no data received"],
  },
  {
    name: "a track that does not say how to read it is left out, another one takes its place",
    medias: ["h264", "aacWithoutConfig", "aac"],
    taken: ["h264", "aac"],
    skipped: ["track 2 (MPEG-4 Audio): unknown codec parameters"],
  },
  {
    name: "nothing is left of what cannot be read",
    medias: ["aacWithoutConfig"],
    taken: [],
    skipped: ["track 1 (MPEG-4 Audio): unknown codec parameters"],
  },
];

for (const { name, medias, silent, taken, skipped = [] } of CASES) {
  test(`of the tracks of a stream: ${name}`, () => {
    expect(choose(medias, silent)).toEqual({ taken: [...taken], skipped: [...skipped] });
  });
}
