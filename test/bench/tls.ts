import { join } from "node:path";
import { Certificates } from "../integration/certificates.ts";
import { SERVER_CPU } from "./cpus.ts";
import { record } from "./fan-out.ts";
import { startPublishers, startReaders } from "./load.ts";
import { countFaults, type Measured, measureReaders, requirePublishers } from "./measure.ts";
import { Relay } from "./relay.ts";
import { median, type Row, type Settings, spread } from "./row.ts";
import { BenchServer } from "./server.ts";
import { hasTls, OUT } from "./tools.ts";

const READERS = 200;
const RATIO_BAR = 1.3;

/** One publisher of 5 Mbit/s to 200 readers over RTSPS, beside a relay that writes the same by OpenSSL. */
export async function tls(settings: Settings): Promise<Row[]> {
  const name = `RTSPS 5 Mbit/s → ${READERS}`;
  const bar = `ratio ≤ ${RATIO_BAR}, no loss`;
  if (!hasTls())
    return [{ name, unit: "", bar, ok: false, note: "OpenSSL's headers are missing (libssl-dev)" }];
  using certificates = new Certificates("bench");
  settings.progress(`TLS ${READERS}: recording the server's writes`);
  const file = join(OUT, `tls-${READERS}.trace`);
  await record(READERS, settings, file);
  const ours: Measured[] = [];
  const theirs: Measured[] = [];
  for (let run = 1; run <= settings.runs; run++) {
    settings.progress(`TLS ${READERS}: run ${run} of ${settings.runs}`);
    ours.push(await runServer(settings, certificates));
    theirs.push(await runYardstick(settings, certificates, file));
  }
  const ratio = median(ours.map(perGigabyte)) / median(theirs.map(perGigabyte));
  const faults = countFaults(
    ours.map(({ read }) => read),
    READERS,
  );
  const row: Row = {
    name,
    ours: median(ours.map(({ cpuS }) => cpuS)),
    yardstick: median(theirs.map(({ cpuS }) => cpuS)),
    unit: "CPU-s",
    ratio,
    spread: spread(
      ours.map((run, index) => perGigabyte(run) / perGigabyte(theirs[index] ?? run)),
      3,
    ),
    ...faults,
    bar,
    ok: ratio <= RATIO_BAR && faults.gaps === 0 && faults.mismatches === 0,
    note: `${median(ours.map(perGigabyte)).toFixed(2)} and ${median(theirs.map(perGigabyte)).toFixed(2)} CPU-s per GB; p99 delay ${median(ours.map(({ read }) => read.delayMs.p99)).toFixed(1)} ms`,
    runs: ours.map((run, index) => ({ ours: run, yardstick: theirs[index] })),
  };
  return [row];
}

async function runServer(
  { seconds, warmup }: Settings,
  { keyFile, certFile }: Certificates,
): Promise<Measured> {
  const config = {
    encryption: "optional",
    rtspsAddress: "127.0.0.1:0",
    serverKey: keyFile,
    serverCert: certFile,
  };
  await using server = await BenchServer.start({ cpu: SERVER_CPU, config });
  await using publisher = startPublishers({ port: server.port, count: 1 });
  await requirePublishers(publisher, 1);
  const port = server.securePort ?? 0;
  await using load = startReaders({ port, count: READERS, warmup, seconds, tls: true });
  return await measureReaders(server.pid, load);
}

async function runYardstick(
  { seconds, warmup }: Settings,
  { keyFile, certFile }: Certificates,
  file: string,
): Promise<Measured> {
  const secure = ["--key", keyFile, "--cert", certFile];
  await using relay = await Relay.start(["replay", "--trace", file, "--readers", String(READERS), ...secure]);
  await using publisher = startPublishers({ port: relay.ingestPort, count: 1, raw: true });
  await requirePublishers(publisher, 1);
  const unchecked = { raw: true, unchecked: true, tls: true };
  await using load = startReaders({ port: relay.readerPort, count: READERS, warmup, seconds, ...unchecked });
  return await measureReaders(relay.pid, load);
}

/** CPU-seconds per GB that the readers got. */
function perGigabyte({ cpuS, read }: Measured): number {
  return cpuS / (read.bytes / 1e9);
}
