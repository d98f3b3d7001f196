import type { StreamDescription } from "../../media/track.ts";
import { invalidSdp } from "../sdp/model.ts";
import { readHex } from "./fmtp.ts";

/**
 * Checks the `config` of every MPEG-4 Video format (RFC 6416 §6.1): hexadecimal text of the headers, which begin with a
 * start code.
 *
 * @throws {ProtocolError} `invalid SDP: invalid config: …`
 */
export function checkMpeg4VideoConfigs({ tracks }: StreamDescription): void {
  for (const { codec, fmtp } of tracks.flatMap(({ formats }) => formats)) {
    const text = fmtp.get("config");
    if (codec !== "mpeg4Video" || text === undefined) continue;
    const [a, b, c] = readHex(text) ?? [];
    if (a !== 0 || b !== 0 || c !== 1) throw invalidSdp(`invalid config: ${text}`);
  }
}
