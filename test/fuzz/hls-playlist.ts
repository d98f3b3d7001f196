import { ProtocolError } from "../../src/lib/errors.ts";
import { chooseAudio, chooseVariant, PlaylistFollower } from "../../src/protocols/hls/proto/client.ts";
import { readPlaylist } from "../../src/protocols/hls/proto/playlist-reader.ts";

/** Playlists of other servers, and what is made of them. */
export const name = "hls-playlist";

const SAMPLES = [
  `#EXTM3U
#EXT-X-VERSION:7
#EXT-X-TARGETDURATION:2
#EXT-X-MEDIA-SEQUENCE:1
#EXT-X-MAP:URI="init.mp4",BYTERANGE="700@0"
#EXTINF:2.00000,
#EXT-X-BYTERANGE:1000@700
all.m4s
#EXT-X-DISCONTINUITY
#EXTINF:2.00000,
#EXT-X-BYTERANGE:1000
all.m4s
#EXT-X-GAP
#EXTINF:1.5,title
gap.mp4
#EXT-X-PROGRAM-DATE-TIME:2023-09-20T12:00:00.1Z
#EXTINF:2.0,
seg.ts?a=b
#EXT-X-ENDLIST
`,
  `#EXTM3U
#EXT-X-VERSION:9
#EXT-X-TARGETDURATION:2
#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=0.50000,CAN-SKIP-UNTIL=12.00000
#EXT-X-PART-INF:PART-TARGET=0.20000
#EXT-X-MEDIA-SEQUENCE:20
#EXT-X-DISCONTINUITY-SEQUENCE:4
#EXT-X-SKIP:SKIPPED-SEGMENTS=3
#EXT-X-PART:DURATION=0.20000,URI="ab_part0.mp4",INDEPENDENT=YES
#EXTINF:2.00000,
ab_seg1.mp4
#EXTINF:2.00000,
ab_seg2.mp4
#EXTINF:2.00000,
ab_seg3.mp4
#EXT-X-KEY:METHOD=NONE
#EXTINF:2.00000,
ab_seg4.mp4
#EXT-X-PRELOAD-HINT:TYPE=PART,URI="ab_part11.mp4"
`,
  `#EXTM3U
#EXT-X-INDEPENDENT-SEGMENTS
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="aud",NAME="English",DEFAULT=YES,AUTOSELECT=YES,LANGUAGE="en",URI="a.m3u8"
#EXT-X-STREAM-INF:BANDWIDTH=1280000,AVERAGE-BANDWIDTH=1000000,CODECS="avc1.64001f,mp4a.40.2",RESOLUTION=1x1,AUDIO="aud"
low.m3u8
#EXT-X-STREAM-INF:BANDWIDTH=7680000,CODECS="hvc1.1.6.L93.B0"
http://example.com/hi.m3u8
`,
];

export const seeds: Uint8Array[] = SAMPLES.map((text) => new TextEncoder().encode(text));

/** How often a playlist that stays as it is is looked at. */
const LOOKS_MAX = 5_000;

/** Reads a playlist and follows it to its end. */
export function run(input: Uint8Array): void {
  const playlist = readPlaylist(new TextDecoder().decode(input));
  if (playlist.kind === "multivariant") {
    const { variant } = chooseVariant(playlist);
    throw new ProtocolError(chooseAudio(playlist, variant) === undefined ? "variant" : "variant sound");
  }
  let last = Number.NEGATIVE_INFINITY;
  for (const { sequence, duration, range } of playlist.segments) {
    if (!(sequence > last) || !Number.isSafeInteger(sequence))
      throw new Error(`segment ${sequence} behind ${last}`);
    if (!(duration >= 0 && duration <= 86_400)) throw new Error(`a duration of ${duration}`);
    if (range !== undefined && !(range.length > 0 && range.offset >= 0))
      throw new Error("a range of nothing");
    last = sequence;
  }
  const follower = new PlaylistFollower(10_000);
  follower.update(playlist, 0);
  for (let now = 0, taken = 0, looks = 0; looks < LOOKS_MAX; looks++) {
    const step = follower.step(now);
    if (step.kind === "end") return;
    if (step.kind === "segment") {
      taken += 1;
      if (taken > playlist.segments.length) throw new Error("more segments than there are");
      continue;
    }
    if (!(step.at > now)) throw new Error("it looks again at once");
    now = step.at;
    follower.update(playlist, now);
  }
}
