import { box, fullBox, u32 } from "../../src/formats/fmp4/boxes.ts";
import { writeInit } from "../../src/formats/fmp4/init.ts";

/** Frames of Opus in a segment of one second, and their ticks. */
const FRAMES = 50;
const FRAME_TICKS = 960;
export const SEGMENT_TICKS = FRAMES * FRAME_TICKS;
const INIT = writeInit([{ parameters: { codec: "opus", channels: 2 }, timescale: 48_000 }]);

/** A segment of one second of sound whose frames say their number: 4 bytes behind one of configuration. */
export function soundSegment(number: number, time = number * SEGMENT_TICKS): Uint8Array {
  const frames = Array.from({ length: FRAMES }, (_, i) => [0xfc, ...u32(number * FRAMES + i)]);
  const make = (offset: number) =>
    box(
      "moof",
      fullBox("mfhd", 0, 0, u32(number + 1)),
      box(
        "traf",
        fullBox("tfhd", 0, 0x20018, u32(1), u32(FRAME_TICKS), u32(5)),
        fullBox("tfdt", 1, 0, u32(Math.floor(time / 0x1_0000_0000)), u32(time)),
        fullBox("trun", 0, 1, u32(FRAMES), u32(offset)),
      ),
    );
  return new Uint8Array([...make(make(0).length + 8), ...box("mdat", ...frames)]);
}

/** What is answered to a request of a path below the root; undefined for the usual. */
export type Answer = (path: string, origin: HlsOrigin) => Response | undefined;

/** A live HLS server of one track of sound, which grows by a segment each second, and lies where a test says so. */
export class HlsOrigin implements Disposable {
  readonly #server: Bun.Server<undefined>;
  readonly #begun = performance.now();
  readonly #answer: Answer;
  /** Paths that were asked for. */
  readonly asked: string[] = [];

  constructor(answer: Answer = () => undefined) {
    this.#answer = answer;
    this.#server = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      fetch: (request) => {
        const path = new URL(request.url).pathname.slice(1);
        this.asked.push(path);
        return this.#answer(path, this) ?? this.usual(path);
      },
    });
  }

  get url(): string {
    return `http://127.0.0.1:${this.#server.port}/index.m3u8`;
  }

  /** Number of the last segment. */
  get last(): number {
    return 3 + Math.floor((performance.now() - this.#begun) / 1_000);
  }

  usual(path: string): Response {
    const number = /^seg(\d+)\.m4s$/.exec(path)?.[1];
    if (path === "index.m3u8") return new Response(this.playlist());
    if (path === "init.mp4") return new Response(new Uint8Array(INIT));
    if (number !== undefined) return new Response(soundSegment(Number(number)));
    return new Response("not found", { status: 404 });
  }

  /** @param more lines in front of segment `i` */
  playlist(more: (i: number) => string = () => ""): string {
    const first = Math.max(0, this.last - 4);
    const count = this.last - first + 1;
    const segments = Array.from(
      { length: count },
      (_, i) => `${more(first + i)}#EXTINF:1.0,\nseg${first + i}.m4s\n`,
    );
    return `#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXT-X-MEDIA-SEQUENCE:${first}\n#EXT-X-MAP:URI="init.mp4"\n${segments.join("")}`;
  }

  [Symbol.dispose](): void {
    void this.#server.stop(true);
  }
}
