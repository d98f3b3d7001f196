import { FLV_AUDIO, FLV_VIDEO } from "../../assembly/abi.ts";
import { FLV_READ } from "../../src/formats/flv/codecs.ts";
import { flvHead } from "../../src/formats/flv/messages.ts";
import { trackSetups } from "../../src/formats/rtp/track-setup.ts";
import { unitFormat } from "../../src/formats/rtp/unit-formats.ts";
import { unitSetup } from "../../src/formats/rtp/units.ts";
import { describe } from "../../src/ingest/input.ts";
import { ProtocolError } from "../../src/lib/errors.ts";
import type { CodecParameters } from "../../src/media/codec-parameters.ts";
import { FlvDemuxer } from "../../wasm/flv-demuxer.ts";
import { FlvMuxer } from "../../wasm/flv-muxer.ts";
import type { FlvTrack } from "../../wasm/flv-track.ts";
import { RtpLog } from "../../wasm/log.ts";
import { Packetizer } from "../../wasm/packetizer.ts";
import { loadBuild } from "../wasm/builds.ts";
import { checkReturned } from "../wasm/compare.ts";
import { AAC_FRAME, AAC_HEADER, AVC_HEADER, AVCC, avc, bytesOf, KEY_SLICE } from "../wasm/flv-samples.ts";
import { takeUnits } from "../wasm/ts-units.ts";

/** Bodies of audio and video messages: what comes out never breaks a muxer or packetizer. */
export const name = "flv";

type Track = FlvTrack<CodecParameters>;

const memory = loadBuild("fuzz", 200);
const NO_SETS = { vps: undefined, sps: undefined, pps: undefined };
const ROOM = 65_536;

/** A message: a byte with its kind and how it is cut, two of size, two of time. */
function message(kind: number, time: number, body: Uint8Array, cut = 0): Uint8Array {
  const head = [
    (kind === FLV_VIDEO ? 1 : 0) | (cut << 1),
    body.length >> 8,
    body.length & 255,
    time >> 8,
    time & 255,
  ];
  return bytesOf(head, body);
}

const MP3 = new Uint8Array(104).fill(5);
MP3.set([0xff, 0xfb, 0x10, 0xc0]);
const AC3 = new Uint8Array(128).fill(7);
AC3.set([0x0b, 0x77, 0, 0, 0, 0x40, 0x40]);
const HVCC = bytesOf(
  [1, ...new Array<number>(20).fill(0), 3, 3],
  [32, 0, 1, 0, 3, 0x40, 1, 2],
  [33, 0, 1, 0, 3, 0x42, 1, 3],
  [34, 0, 1, 0, 3, 0x44, 1, 4],
);

/** Messages one behind the other. */
export const seeds: Uint8Array[] = [
  [
    message(FLV_VIDEO, 0, AVC_HEADER),
    message(FLV_VIDEO, 40, avc(true, 80), 3),
    message(FLV_VIDEO, 80, avc(false, -40)),
  ],
  [message(FLV_AUDIO, 0, AAC_HEADER), message(FLV_AUDIO, 0, AAC_FRAME), message(FLV_AUDIO, 21, AAC_FRAME, 1)],
  [message(FLV_AUDIO, 0, bytesOf(0x2e, MP3, MP3)), message(FLV_AUDIO, 52, bytesOf(0x91, ".mp3", MP3), 9)],
  [message(FLV_AUDIO, 0, bytesOf(0x90, "ac-3")), message(FLV_AUDIO, 0, bytesOf(0x91, "ac-3", AC3), 2)],
  [
    message(FLV_AUDIO, 0, bytesOf(0x3f, 1, 2, 3, 4, 5, 6, 7, 8), 1),
    message(FLV_AUDIO, 0, bytesOf(0x72, 1, 2)),
  ],
  [
    message(FLV_AUDIO, 0, bytesOf(0x90, "Opus", "OpusHead", 1, 2, 0, 0)),
    message(FLV_AUDIO, 20, bytesOf(0x97, 2, 7, 161, 32, 1, "Opus", 0xfc, 1)),
    message(FLV_AUDIO, 20, bytesOf(0x97, 255, 1, 0, new Uint8Array(257), 0x11, "Opus", 0xfc, 1)),
  ],
  [
    message(
      FLV_VIDEO,
      0,
      bytesOf(0x96, 0x10, "avc1", 1, 0, 0, AVCC.length, AVCC, 2, 0, 0, AVCC.length, AVCC),
    ),
    message(
      FLV_VIDEO,
      0,
      bytesOf(0x96, 0x21, "avc1", 1, 0, 0, 10, 0, 0, 40, KEY_SLICE, "vp09", 7, 0, 0, 2, 5, 6),
    ),
    message(FLV_VIDEO, 40, bytesOf(0x96, 0x03, "avc1", 2, KEY_SLICE), 1),
  ],
  [
    message(FLV_VIDEO, 0, bytesOf(0x90, "hvc1", HVCC)),
    message(FLV_VIDEO, 0, bytesOf(0x91, "hvc1", 0, 0, 0, 0, 0, 0, 3, 0x26, 1, 9)),
    message(FLV_VIDEO, 40, bytesOf(0xa3, "hvc1", 0, 0, 0, 3, 0x02, 1, 9), 4),
  ],
  [
    message(FLV_VIDEO, 0, bytesOf(0x90, "av01", 0x81, 0, 0, 0, 0x0a, 1, 9)),
    message(FLV_VIDEO, 0, bytesOf(0x91, "av01", 0x12, 0, 0x0a, 2, 1, 2, 0x30, 5, 6), 1),
    message(FLV_VIDEO, 40, bytesOf(0x95, "av01", 1)),
    message(FLV_VIDEO, 60_000, bytesOf(0xa1, "av01", 0x32, 1, 6)),
  ],
].map((messages) => bytesOf(...messages));

/** Reads the messages, and writes what comes out again and as packets. */
export function run(input: Uint8Array): void {
  const demuxer = FlvDemuxer.open(memory, FLV_READ)!;
  const room = memory.take(ROOM)!;
  let mood = "";
  try {
    push(demuxer, input, room);
    const { tracks, counters } = demuxer;
    const ready = tracks.filter(({ isReady, hasChanged }) => isReady && !hasChanged);
    const counts = ready.map((track) => check(track));
    write(ready);
    packetize(ready);
    mood = [...counts, tracks.length, counters.malformed, counters.ignored, counters.jumps]
      .map(letter)
      .join("");
  } finally {
    demuxer.close();
    memory.give(room);
  }
  checkReturned(memory);
  throw new ProtocolError(mood);
}

/** Behaviours are told apart by letters. */
function letter(count: number): string {
  return String.fromCharCode(97 + Math.min(count, 4));
}

function push(demuxer: FlvDemuxer<CodecParameters>, input: Uint8Array, room: number): void {
  for (let at = 0; at + 5 <= input.length; ) {
    const [first, high, low, late, early] = input.subarray(at, at + 5) as unknown as number[];
    const body = input.subarray(at + 5, at + 5 + (high! * 256 + low!));
    const kind = (first! & 1) === 1 ? FLV_VIDEO : FLV_AUDIO;
    const time = late! * 256 + early!;
    const most = first! >> 1 === 0 ? ROOM : first! >> 1;
    demuxer.begin(kind, high! * 256 + low!, time * (time > 65_000 ? 65_537 : 1));
    for (let from = 0; from < body.length; from += most) {
      const piece = body.subarray(from, from + most);
      memory.u8.set(piece, room);
      demuxer.put(kind, room, piece.length);
    }
    at += 5 + body.length;
  }
}

/** Checks the units of a track. @returns how many there are */
function check({ units, parameters }: Track): number {
  let last = Number.NEGATIVE_INFINITY;
  const all = takeUnits(memory, units!);
  for (const { bytes, dts, pts } of all) {
    if (!(dts > last)) throw new Error(`decoding times do not grow: ${dts} after ${last}`);
    if (!Number.isSafeInteger(dts) || !Number.isSafeInteger(pts)) throw new Error(`times ${dts}, ${pts}`);
    if (bytes.length === 0) throw new Error("an empty unit");
    last = dts;
    if (parameters?.codec === "h264" || parameters?.codec === "h265") checkNals(bytes);
  }
  return all.length;
}

function checkNals(unit: Uint8Array): void {
  const view = new DataView(unit.buffer, unit.byteOffset, unit.length);
  let at = 0;
  while (at + 4 <= unit.length) {
    if (view.getUint32(at) === 0) throw new Error("an empty NAL unit");
    at += 4 + view.getUint32(at);
  }
  if (at !== unit.length) throw new Error("lengths of NAL units that do not add up");
}

/** Writes all units as messages: each has the size that it says. */
function write(tracks: readonly Track[]): void {
  const muxer = FlvMuxer.open(memory);
  const written = tracks.filter(({ parameters }) => flvHead(parameters!) !== undefined);
  muxer.setUp(
    written.map(({ units, isVideo, parameters }) => ({ units: units!, isVideo, ...flvHead(parameters!)! })),
  );
  const room = memory.take(ROOM + 64)!;
  written.forEach(({ units }, i) => {
    for (let at = 0; units!.find(at); at += units!.entries) {
      muxer.find(i, at, 0);
      let size = 0;
      for (let n = 1; n > 0; size += n) n = muxer.write(room, 1_000);
      if (size !== muxer.size) throw new Error(`a message of ${size} bytes says ${muxer.size}`);
      if (muxer.spans(room, 8, room + 64) === undefined)
        throw new Error("the bytes of a message are nowhere");
    }
  });
  memory.give(room);
  muxer.close();
}

function packetize(tracks: readonly Track[]): void {
  if (tracks.length === 0) return;
  const formats = tracks.map(({ parameters }, i) => unitFormat(parameters!, i));
  const log = RtpLog.open(memory, {
    tracks: trackSetups(describe(formats)),
    lagPackets: 64,
    maxPacket: 1_460,
  })!;
  const packetizer = Packetizer.open(
    memory,
    log,
    tracks.map(({ units }, i) => {
      const setup = unitSetup(formats[i]!, NO_SETS)!;
      return { units: units!, setup, payloadType: formats[i]!.payloadType, seq: 0, ssrc: i };
    }),
  )!;
  try {
    const fault = packetizer.pump(0);
    if (fault !== undefined) throw new Error(`packets: ${fault}`);
  } finally {
    packetizer.close();
    log.close();
  }
}
