import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { FLV_CODECS } from "../../src/formats/flv/codecs.ts";
import { MP4_CODECS, MP4_WRITTEN } from "../../src/formats/fmp4/codecs.ts";
import { TS_CODECS } from "../../src/formats/mpegts/codecs.ts";
import { rtpRow } from "../../src/formats/rtp/codecs.ts";
import type { CodecId } from "../../src/media/codec-parameters.ts";
import { CODECS } from "../../src/media/codecs.ts";

const IDS = Object.keys(CODECS) as CodecId[];
const BOTH = "read, written";
const NONE = "–";

function rtp(codec: CodecId): string {
  const row = rtpRow(codec);
  if (row?.read === undefined) return "passed on";
  return row.write === undefined ? "read" : BOTH;
}

function fmp4(codec: CodecId): string {
  if (!(codec in MP4_CODECS)) return NONE;
  return MP4_WRITTEN.includes(codec) ? BOTH : "read";
}

test("the table of codecs in the documentation is that of the code", () => {
  const text = readFileSync("docs/architecture.md", "utf8");
  const rows = IDS.map((codec) => {
    const ts = codec in TS_CODECS ? BOTH : NONE;
    const flv = codec in FLV_CODECS ? BOTH : NONE;
    return `| ${[CODECS[codec].label, rtp(codec), ts, fmp4(codec), flv].join(" | ")} |`;
  });
  const table = ["| codec | RTP | MPEG-TS | fMP4 | FLV |", "|---|---|---|---|---|", ...rows, ""].join("\n");
  expect(text).toContain(table);
});

test("the documentation of MPEG-TS names every stream type", () => {
  const [, behind = ""] = readFileSync("docs/mpegts.md", "utf8").split("| stream type |");
  const [table = ""] = behind.split("\n\n");
  const named = [...table.matchAll(/`0x([0-9a-f]{2})`/g)].map(([, type]) => Number.parseInt(type!, 16));
  const types = Object.values(TS_CODECS).flatMap((row) => [
    ...row.streamTypes,
    ...("other" in row ? [row.other.streamType] : []),
  ]);
  expect(new Set(named)).toEqual(new Set(types));
});

test("every codec that a container brings can go on by RTP, in units", () => {
  for (const codec of IDS.filter((id) => id in TS_CODECS || id in MP4_CODECS || id in FLV_CODECS)) {
    const { read, write, units } = rtpRow(codec) ?? {};
    expect([codec, read, write, units].filter((column) => column === undefined)).toEqual([]);
  }
});
