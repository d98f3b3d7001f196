// Copies the streams of one file or URL to another with the FFmpeg libraries of node-av: FFmpeg 8.1, which knows AV1 in
// RTP where the system's FFmpeg does not. Run in a process of its own:
//   bun av-copy.ts [-re] [-t seconds] [-io key=value]… -i input [-of format] [-oo key=value]… output
import { AV_NOPTS_VALUE, AVFMT_NOFILE } from "node-av/constants";
import { Dictionary, FFmpegError, FormatContext, Packet, type Stream } from "node-av/lib";

interface Job {
  input: string;
  output: string;
  format: string | null;
  realTime: boolean;
  seconds: number;
  readonly inputOptions: Record<string, string>;
  readonly outputOptions: Record<string, string>;
}

function parseJob(args: readonly string[]): Job {
  const job: Job = {
    input: "",
    output: "",
    format: null,
    realTime: false,
    seconds: Number.POSITIVE_INFINITY,
    inputOptions: {},
    outputOptions: {},
  };
  const rest = [...args];
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    if (word === "-re") job.realTime = true;
    else if (word === "-t") job.seconds = Number(rest.shift());
    else if (word === "-i") job.input = rest.shift() ?? "";
    else if (word === "-of") job.format = rest.shift() ?? null;
    else if (word === "-io") addOption(job.inputOptions, rest.shift());
    else if (word === "-oo") addOption(job.outputOptions, rest.shift());
    else job.output = word;
  }
  return job;
}

function addOption(options: Record<string, string>, pair = ""): void {
  const equals = pair.indexOf("=");
  options[pair.slice(0, equals)] = pair.slice(equals + 1);
}

function check(result: number, what: string): void {
  FFmpegError.throwIfError(result, what);
}

async function openInput({ input, inputOptions }: Job): Promise<FormatContext> {
  const context = new FormatContext();
  check(await context.openInput(input, null, Dictionary.fromObject(inputOptions)), "open input");
  check(await context.findStreamInfo(), "find streams");
  return context;
}

async function openOutput(job: Job, streams: readonly Stream[]): Promise<FormatContext> {
  const context = new FormatContext();
  check(context.allocOutputContext2(null, job.format, job.output), "find output format");
  for (const stream of streams) {
    const copy = context.newStream();
    check(stream.codecpar.copy(copy.codecpar), "copy parameters");
    copy.codecpar.codecTag = 0;
    copy.timeBase = stream.timeBase;
  }
  if (isFile(context)) check(await context.openOutput(), "open output");
  check(await context.writeHeader(Dictionary.fromObject(job.outputOptions)), "write header");
  return context;
}

function isFile(context: FormatContext): boolean {
  return ((context.oformat?.flags ?? 0) & AVFMT_NOFILE) === 0;
}

async function copyPackets(job: Job, from: FormatContext, to: FormatContext): Promise<void> {
  const packet = new Packet();
  packet.alloc();
  const begun = performance.now();
  let first: number | undefined;
  while ((await from.readFrame(packet)) >= 0) {
    const source = from.streams[packet.streamIndex];
    const target = to.streams[packet.streamIndex];
    if (source === undefined || target === undefined) continue;
    const stamp = packet.dts === AV_NOPTS_VALUE ? packet.pts : packet.dts;
    if (stamp === AV_NOPTS_VALUE) {
      packet.unref(); // the first one of a live stream: no time is known yet
      continue;
    }
    const time = (Number(stamp) * source.timeBase.num) / source.timeBase.den;
    first ??= time;
    if (time - first > job.seconds) break;
    const early = (time - first) * 1000 - (performance.now() - begun);
    if (job.realTime && early > 2) await Bun.sleep(early);
    packet.rescaleTs(source.timeBase, target.timeBase);
    packet.pos = -1n;
    check(await to.interleavedWriteFrame(packet), "write");
    packet.unref();
  }
}

const job = parseJob(process.argv.slice(2));
const from = await openInput(job);
const to = await openOutput(job, from.streams);
await copyPackets(job, from, to);
await to.writeTrailer();
if (isFile(to)) await to.closeOutput();
process.exit(0);
