import { tsKind } from "../../src/formats/mpegts/codecs.ts";
import { parseAssociation, parseProgramMap, splitSections } from "../../src/formats/mpegts/tables.ts";
import { ProtocolError } from "../../src/lib/errors.ts";

/** Sections of program tables, whose check sums were right. */
export const name = "ts-tables";

const ASSOCIATION = "00b0110001c10000 0001f000 0002f001 00000000";
const MAP =
  "02b0310001c10000 e100f000 1be100f000 0fe101f000 06e102f00a05044f707573 7f028002 81e103f006050441432d33 00000000";

/** Sections as FFmpeg writes them, one behind the other. */
export const seeds: Uint8Array[] = [ASSOCIATION, MAP, ASSOCIATION + MAP].map(
  (hex) => new Uint8Array(Buffer.from(hex.replaceAll(" ", ""), "hex")),
);

/** Reads every section. */
export function run(input: Uint8Array): void {
  const moods: string[] = [];
  for (const section of splitSections(input)) {
    const association = parseAssociation(section);
    const map = parseProgramMap(section);
    for (const { pid } of association?.programs ?? []) if (pid > 0x1fff) throw new Error(`PID ${pid}`);
    for (const { pid, streamType, descriptors } of map?.streams ?? []) {
      if (pid > 0x1fff || streamType > 255) throw new Error(`PID ${pid}, type ${streamType}`);
      moods.push(`${tsKind(streamType, descriptors)?.kind ?? "none"}`);
    }
    moods.push(association === undefined ? (map === undefined ? "other" : "map") : "association");
  }
  throw new ProtocolError(moods.slice(0, 6).join(" "));
}
