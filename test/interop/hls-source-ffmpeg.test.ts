import { afterAll, describe, expect } from "bun:test";
import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Certificates } from "../integration/certificates.ts";
import { type ClipName, clip } from "../support/clips.ts";
import { TestServer } from "../support/server.ts";
import { StaticServer } from "../support/static-server.ts";
import { Client, clientTest, type Tool } from "../support/tools.ts";
import { FMP4, Packager, recordRtsp, SEPARATE } from "./hls-packager.ts";
import { checkRecording, checkSound, Folder, H264_SLICES, H265_SLICES } from "./recording.ts";

const TIMEOUT_MS = 120_000;

/** The same with the FFmpeg of node-av. */
async function avRecord(url: string, file: string, seconds: number): Promise<void> {
  const script = join(import.meta.dir, "av-copy.ts");
  const input = ["-t", String(seconds), "-io", "rtsp_transport=tcp", "-i", url];
  await using reader = new Client([process.execPath, script, ...input, file]);
  await reader.success();
}

function complaints(server: TestServer, path: string): string[] {
  return server.log.split("\n").filter((line) => / (WAR|ERR) /.test(line) && line.includes(`[path ${path}]`));
}

const H264 = { stream: "0:v:0", filter: H264_SLICES };

interface Row {
  readonly name: string;
  readonly source: ClipName;
  readonly options: readonly string[];
  readonly output?: string;
  readonly playlist?: string;
  readonly label: string;
  readonly check: { readonly stream: string; readonly filter?: string } | undefined;
  readonly sound?: number;
  readonly read?: readonly string[];
  /** What reads it, where FFmpeg 5.1 cannot. */
  readonly reader?: "node-av";
}

const AV = { source: "av", label: "2 tracks (H264, MPEG-4 Audio)", check: H264, sound: 400 } as const;
const ROWS: readonly Row[] = [
  { ...AV, name: "MPEG-TS", options: [] },
  { ...AV, name: "fMP4", options: FMP4 },
  { ...AV, name: "MPEG-TS, byte ranges of one file", options: ["-hls_flags", "single_file"] },
  { ...AV, name: "fMP4, byte ranges of one file", options: [...FMP4, "-hls_flags", "single_file"] },
  {
    ...AV,
    name: "MPEG-TS, separate sound",
    options: SEPARATE,
    output: "stream%v.m3u8",
    playlist: "stream1.m3u8",
  },
  {
    ...AV,
    name: "fMP4, separate sound",
    options: [...FMP4, ...SEPARATE, "-hls_fmp4_init_filename", "init%v.mp4"],
    output: "stream%v.m3u8",
    playlist: "stream1.m3u8",
  },
  {
    name: "fMP4, B frames",
    source: "h264Bframes",
    options: FMP4,
    label: "1 track (H264)",
    check: H264,
  },
  { name: "MPEG-TS, B frames", source: "h264Bframes", options: [], label: "1 track (H264)", check: H264 },
  {
    name: "fMP4, H265",
    source: "h265",
    options: FMP4,
    label: "1 track (H265)",
    check: { stream: "0:v:0", filter: H265_SLICES },
  },
  {
    name: "MPEG-TS, H265",
    source: "h265",
    options: [],
    label: "1 track (H265)",
    check: { stream: "0:v:0", filter: H265_SLICES },
  },
  {
    name: "fMP4, VP9",
    source: "vp9",
    options: FMP4,
    label: "1 track (VP9)",
    check: { stream: "0:v:0" },
    read: ["-copyinkf"],
  },
  {
    name: "fMP4, AV1",
    source: "av1",
    options: FMP4,
    label: "1 track (AV1)",
    check: { stream: "0:v:0", filter: "filter_units=pass_types=3|4|6" },
    reader: "node-av",
  },
  { name: "fMP4, Opus", source: "opus", options: FMP4, label: "1 track (Opus)", check: { stream: "0:a:0" } },
  { name: "MPEG-TS, Opus", source: "opus", options: [], label: "1 track (Opus)", check: { stream: "0:a:0" } },
  {
    name: "MPEG-TS, MP3",
    source: "mp3",
    options: [],
    label: "1 track (MPEG-1/2 Audio)",
    check: undefined,
  },
  { name: "MPEG-TS, AC-3", source: "ac3", options: [], label: "1 track (AC-3)", check: { stream: "0:a:0" } },
  {
    name: "MPEG-TS, MPEG-2 Video",
    source: "mpeg2",
    options: [],
    label: "1 track (MPEG-1/2 Video)",
    check: { stream: "0:v:0" },
  },
];

/** FFmpeg packages everything at the same time, and one server fetches it. */
class Stage implements AsyncDisposable {
  readonly server: TestServer;
  readonly #used: AsyncDisposableStack;

  private constructor(server: TestServer, used: AsyncDisposableStack) {
    this.server = server;
    this.#used = used;
  }

  static async start(): Promise<Stage> {
    const used = new AsyncDisposableStack();
    const paths = await Promise.all(
      ROWS.map(async ({ source, options, output, playlist = "index.m3u8" }, i) => {
        const packager = used.use(new Packager(await clip(source), options, output));
        const web = used.use(new StaticServer(packager.folder.path));
        await packager.ready(playlist);
        return `  row${i}:\n    source: ${web.url("index.m3u8")}\n`;
      }),
    );
    const server = used.use(await TestServer.start({ config: `paths:\n${paths.join("")}` }));
    return new Stage(server, used);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#used.disposeAsync();
  }
}

describe("HLS source, FFmpeg packages", () => {
  let stage: Promise<Stage> | undefined;
  afterAll(async () => {
    await (await stage)?.[Symbol.asyncDispose]();
  });

  for (const [i, row] of ROWS.entries()) {
    const { name, source, label, check, sound } = row;
    const path = `row${i}`;
    const tools: Tool[] = ["ffmpeg", ...(row.reader === undefined ? [] : [row.reader])];
    clientTest(name, tools, TIMEOUT_MS, async () => {
      stage ??= Stage.start();
      const { server } = await stage;
      const file = await clip(source);
      const plain = label.replace(/[()]/g, "\\$&");
      await server.waitForLog(new RegExp(`\\[path ${path}\\] \\[HLS source\\] ready: ${plain}`));
      using folder = new Folder();
      // FFmpeg knows no decoding time of a key frame that it begins with, and Matroska needs one
      const recording = folder.file(source === "h264Bframes" ? "out.h264" : "out.mkv");
      if (row.reader === "node-av") await avRecord(server.rtsp(path), recording, 12);
      else await recordRtsp(server.rtsp(path), recording, 12, row.read);
      if (check !== undefined) await checkRecording(recording, file, { ...check, frames: 200 });
      if (sound !== undefined) await checkSound(recording, file, sound);
      expect(complaints(server, path)).toEqual([]);
    });
  }

  clientTest("over TLS, with the certificate that is known", ["ffmpeg", "openssl"], TIMEOUT_MS, async () => {
    using certificates = new Certificates("origin");
    const { certFile, keyFile } = certificates;
    const file = await clip("av");
    await using packager = new Packager(file, FMP4);
    using web = new StaticServer(packager.folder.path, { key: Bun.file(keyFile), cert: Bun.file(certFile) });
    await packager.ready("index.m3u8");
    const { fingerprint256 } = new X509Certificate(readFileSync(certFile));
    const url = web.url("index.m3u8");
    await using server = await TestServer.start({
      config: `paths:
  known:
    source: ${url}
    sourceFingerprint: ${fingerprint256.replaceAll(":", "").toLowerCase()}
  other:
    source: ${url}
    sourceFingerprint: ${"ab".repeat(32)}
  none:
    source: ${url}
`,
    });
    await server.waitForLog(/\[path known\] \[HLS source\] ready: 2 tracks/);
    await server.waitForLog(/ERR \[path other\] .*source fingerprint does not match: expected abab.*, got /);
    await server.waitForLog(/ERR \[path none\] .*self.signed certificate/);
    using folder = new Folder();
    await recordRtsp(server.rtsp("known"), folder.file("out.mkv"), 8);
    await checkRecording(folder.file("out.mkv"), file, { ...H264, frames: 150 });
  });

  clientTest(
    "on demand: it starts with its first reader and stops after the last",
    ["ffmpeg"],
    TIMEOUT_MS,
    async () => {
      const file = await clip("av");
      await using packager = new Packager(file, []);
      using web = new StaticServer(packager.folder.path);
      await packager.ready("index.m3u8");
      const url = web.url("index.m3u8");
      await using server = await TestServer.start({
        config: `paths:\n  cam:\n    source: ${url}\n    sourceOnDemand: yes\n    sourceOnDemandCloseAfter: 1s\n`,
      });
      expect(web.requests).toEqual([]);
      using folder = new Folder();
      for (const round of ["first.mkv", "second.mkv"]) {
        const mark = server.log.length;
        await recordRtsp(server.rtsp("cam"), folder.file(round), 5);
        await checkRecording(folder.file(round), file, { ...H264, frames: 80 });
        await server.waitForLog(/\[path cam\] \[HLS source\] stopped/, mark);
      }
      const asked = web.requests.length;
      await Bun.sleep(1_500);
      expect(web.requests.length).toBe(asked);
    },
  );
});
