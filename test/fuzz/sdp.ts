import { describeStream, writeDescription, writeFmtp } from "../../src/formats/rtp/description.ts";
import { parseSdp } from "../../src/formats/sdp/parse.ts";
import { writeSdp } from "../../src/formats/sdp/write.ts";
import type { StreamDescription } from "../../src/media/track.ts";
import { SDP_SAMPLES } from "../formats/sdp/samples.ts";

/** Session descriptions of publishers and remote servers. */
export const name = "sdp";

/** Descriptions as real clients and cameras send them. */
export const seeds: Uint8Array[] = SDP_SAMPLES.map(({ text }) => new TextEncoder().encode(text));

/** Reads and writes, on both levels; what comes back must mean the same. */
export function run(input: Uint8Array): void {
  const sdp = parseSdp(new TextDecoder().decode(input));
  if (!Bun.deepEquals(parseSdp(writeSdp(sdp)), sdp)) throw new Error("another SDP came back");
  const { description } = describeStream(sdp);
  const written = writeDescription(description, { controlBase: "rtsp://localhost:8554/mystream/" });
  const again = describeStream(parseSdp(written)).description;
  if (!Bun.deepEquals(plain(again), plain(description))) throw new Error("another description came back");
}

function plain({ title, tracks, fecGroups }: StreamDescription): unknown {
  const formats = tracks.map((track) =>
    track.formats.map((format) => ({ ...format, fmtp: writeFmtp(format.fmtp) })),
  );
  return { title, fecGroups, medias: tracks.map(({ media, mid }) => [media, mid]), formats };
}
