import { afterAll, expect } from "bun:test";
import { clientTest, type Tool, type Transport } from "../support/tools.ts";
import { CodecRun } from "./codec-run.ts";
import { CODECS, type CodecName, checkRun, checkTimes, codecRow, type Kind, possible } from "./codecs.ts";

/** All codecs together take the start of some forty clients, the run, and what they need to end. */
const TIMEOUT_MS = 120_000;

/** Registers the tests of every codec, by one kind of publisher and both kinds of readers, all at the same time. */
export function codecSuite(publisher: Kind, transport: Transport = "tcp"): void {
  let started: Promise<CodecRun> | undefined;
  const run = () => {
    started ??= CodecRun.start({ publisher, transport });
    return started;
  };
  afterAll(async () => {
    await (await started)?.[Symbol.asyncDispose]();
  });
  const clients = transport === "tls" ? [...CLIENTS, "openssl" as const] : CLIENTS;
  for (const name of Object.keys(CODECS) as CodecName[]) {
    for (const reader of ["ffmpeg", "gst"] as const) {
      if (possible(name, publisher, reader)) register({ name, publisher, reader }, clients, run);
    }
  }
  clientTest("no packet of them was lost", clients, TIMEOUT_MS, async () => {
    expect((await run()).server.log).not.toMatch(/ (WAR|ERR) /);
  });
}

const CLIENTS = ["ffmpeg", "gst-launch-1.0", "rtspclientsink"] as const;

interface Case {
  readonly name: CodecName;
  readonly publisher: Kind;
  readonly reader: Kind;
}

function register(
  { name, publisher, reader }: Case,
  clients: readonly Tool[],
  run: () => Promise<CodecRun>,
): void {
  clientTest(`${name}: ${publisher} publishes, ${reader} reads`, clients, TIMEOUT_MS, async () => {
    const codecs = await run();
    const row = codecRow(name);
    const { bytes } = await codecs.received(name, reader);
    await checkRun(row, bytes);
    const even = publisher === "gst" || row.unevenLoop !== true;
    if (reader === "ffmpeg" && even) checkTimes(row, bytes);
    expect(await codecs.tracks(name)).toEqual([row.label]);
  });
}
