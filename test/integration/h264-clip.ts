import { writeFileSync } from "node:fs";

/** Bytes of NAL unit in one RTP packet. */
const FRAGMENT = 1_300;
const START_CODE = Buffer.from([0, 0, 0, 1]);

/** Real pictures from the system's FFmpeg, as access units of NAL units. */
export function encodeClip(seconds: number): Buffer[][] {
  const source = `testsrc2=size=640x480:rate=50:duration=${seconds},noise=alls=60:allf=t`;
  const args = [
    "-preset",
    "ultrafast",
    "-g",
    "25",
    "-b:v",
    "16M",
    "-x264-params",
    "repeat-headers=1:sliced-threads=0",
  ];
  return encode(source, args);
}

/** Small pictures, parameter sets in front of every key frame. */
export function encodeSmall({ size = "320x240", rate = 25, gop = 25, seconds = 4 } = {}): Buffer[][] {
  const parameters = "repeat-headers=1:sliced-threads=0:scenecut=0";
  const options = ["-preset", "ultrafast", "-g", String(gop), "-x264-params", parameters];
  return encode(`testsrc2=size=${size}:rate=${rate}:duration=${seconds}`, options);
}

function encode(source: string, options: readonly string[]): Buffer[][] {
  const { stdout, stderr, success } = Bun.spawnSync([
    ...["ffmpeg", "-v", "error", "-f", "lavfi", "-i", source, "-c:v", "libx264", "-pix_fmt", "yuv420p"],
    ...options,
    ...["-tune", "zerolatency", "-f", "h264", "pipe:1"],
  ]);
  if (!success) throw new Error(stderr.toString());
  return accessUnits(splitNals(Buffer.from(stdout)));
}

function splitNals(stream: Buffer): Buffer[] {
  const nals: Buffer[] = [];
  const mark = Buffer.from([0, 0, 1]);
  let start = stream.indexOf(mark) + 3;
  while (start >= 3) {
    const next = stream.indexOf(mark, start);
    let end = next < 0 ? stream.length : next;
    while (stream[end - 1] === 0) end--;
    nals.push(stream.subarray(start, end));
    start = next < 0 ? -1 : next + 3;
  }
  return nals;
}

/** Each ends with its slice: the encoder is told to make one slice a picture. */
function accessUnits(nals: readonly Buffer[]): Buffer[][] {
  const units: Buffer[][] = [];
  let unit: Buffer[] = [];
  for (const nal of nals) {
    unit.push(nal);
    const type = nal[0]! & 31;
    if (type !== 1 && type !== 5) continue;
    units.push(unit);
    unit = [];
  }
  return units;
}

/** Cuts access units into RTP packets (RFC 6184). */
export class H264Sender {
  #seq = 65_000;

  /** Interleaved frames of one access unit on channel 0. */
  packets(unit: readonly Buffer[], rtpTime: number): Uint8Array {
    const framed: Buffer[] = [];
    unit.forEach((nal, i) => {
      const payloads = fragments(nal);
      payloads.forEach((payload, j) => {
        framed.push(this.#packet(payload, rtpTime, i === unit.length - 1 && j === payloads.length - 1));
      });
    });
    return Buffer.concat(framed);
  }

  #packet(payload: Buffer, rtpTime: number, marker: boolean): Buffer {
    const packet = Buffer.alloc(16 + payload.length);
    packet[0] = 0x24;
    packet.writeUInt16BE(12 + payload.length, 2);
    packet[4] = 0x80;
    packet[5] = 96 | (marker ? 0x80 : 0);
    packet.writeUInt16BE(this.#seq, 6);
    packet.writeUInt32BE(rtpTime >>> 0, 8);
    packet.writeUInt32BE(0xabcdef, 12);
    payload.copy(packet, 16);
    this.#seq = (this.#seq + 1) & 0xffff;
    return packet;
  }
}

function fragments(nal: Buffer): Buffer[] {
  if (nal.length <= FRAGMENT) return [nal];
  const parts: Buffer[] = [];
  for (let at = 1; at < nal.length; at += FRAGMENT) {
    const part = nal.subarray(at, at + FRAGMENT);
    const flags = (at === 1 ? 0x80 : 0) | (at + FRAGMENT >= nal.length ? 0x40 : 0);
    parts.push(Buffer.concat([Buffer.from([(nal[0]! & 0x60) | 28, flags | (nal[0]! & 31)]), part]));
  }
  return parts;
}

/** Puts the NAL units of received packets together again and writes them down, picture by picture. */
export class H264Recording {
  /** Of whole pictures: the reader may be gone in the middle of one. */
  readonly nals: Buffer[] = [];
  /** What must not be; the first few. */
  readonly faults: string[] = [];
  pictures = 0;
  /** NAL units of the picture that is coming in, and the parts of the last one. */
  #unit: Buffer[] = [];
  #parts: Buffer[] = [];
  #lastSeq = -1;
  #marked = true;

  receive(packet: Uint8Array): void {
    const bytes = Buffer.from(packet); // borrowed: kept beyond the call
    const seq = bytes.readUInt16BE(2);
    const gap = this.#lastSeq >= 0 && seq !== ((this.#lastSeq + 1) & 0xffff);
    if (gap && !this.#marked) this.#fault(`hole inside a frame before packet ${seq}`);
    this.#lastSeq = seq;
    this.#payload(bytes.subarray(12));
    this.#marked = (bytes[1]! & 0x80) !== 0;
    if (!this.#marked) return;
    this.pictures += 1;
    this.nals.push(...this.#unit.splice(0));
  }

  #payload(payload: Buffer): void {
    if ((payload[0]! & 31) !== 28) {
      this.#unit.push(payload);
      return;
    }
    const flags = payload[1]!;
    if ((flags & 0x80) !== 0) this.#parts = [Buffer.from([(payload[0]! & 0x60) | (flags & 31)])];
    if (this.#parts.length === 0) return;
    this.#parts.push(payload.subarray(2));
    if ((flags & 0x40) === 0) return;
    this.#unit.push(Buffer.concat(this.#parts));
    this.#parts = [];
  }

  #fault(text: string): void {
    if (this.faults.length < 10) this.faults.push(text);
  }

  /** What a decoder says about it from the first key picture on; empty is well. */
  async decode(file: string): Promise<string> {
    const first = this.nals.findIndex((nal) => (nal[0]! & 31) === 7);
    writeFileSync(file, Buffer.concat(this.nals.slice(first).flatMap((nal) => [START_CODE, nal])));
    const command = ["ffmpeg", "-v", "error", "-f", "h264", "-i", file, "-f", "null", "-"];
    const { stderr } = Bun.spawn(command, { stderr: "pipe" });
    return await new Response(stderr).text();
  }
}
