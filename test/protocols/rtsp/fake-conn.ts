import { expect } from "bun:test";
import { Authorizer } from "../../../src/auth/authorizer.ts";
import { Door } from "../../../src/auth/door.ts";
import { LoginLimiter } from "../../../src/auth/login-limiter.ts";
import type { TcpSocket } from "../../../src/host/tcp-connection.ts";
import { isExpected } from "../../../src/lib/errors.ts";
import { Registry } from "../../../src/lib/registry.ts";
import { LocalDirectory } from "../../../src/path/directory.ts";
import { PathManager } from "../../../src/path/manager.ts";
import type { SourceKind } from "../../../src/path/source.ts";
import { RtspConn } from "../../../src/protocols/rtsp/conn.ts";
import type { RtspSession, SessionContext } from "../../../src/protocols/rtsp/session.ts";
import { Tunnels } from "../../../src/protocols/rtsp/tunnel.ts";
import { MediaMemory } from "../../../wasm/core.ts";
import { testLog } from "../../lib/test-log.ts";
import { parseConfig } from "../../support/config.ts";
import { SOURCES } from "../../support/declared.ts";
import { FakeClock, settle } from "../../support/fake-clock.ts";
import { syntheticSdp, syntheticTracks } from "../../support/media.ts";
import { interleaved } from "../../support/rtsp-client.ts";

const memory = MediaMemory.load(16 * 1024 * 1024);
/** What a `FakeSocket` publishes. */
export const TRACKS = syntheticTracks({ audio: false });

/** A server of connections that go over no network, by a clock that stands still. */
export class FakeServer {
  readonly clock = new FakeClock();
  readonly log = testLog();
  readonly paths: PathManager;
  readonly conns = new Registry<RtspConn>("rtspconns");
  /** Changed by tests before anybody connects. */
  readonly context: SessionContext;

  /** @param source what fetches the stream of paths that have a source */
  constructor(config = "paths:\n  all:\n", source?: SourceKind) {
    const { clock } = this;
    const { logger } = this.log;
    this.paths = new PathManager({
      logger,
      clock,
      memory,
      config: parseConfig(config, SOURCES),
      sourceKind: (conf) => (conf.source === "publisher" ? undefined : source),
    });
    this.context = {
      logger,
      clock,
      memory,
      directory: new LocalDirectory(this.paths),
      conns: this.conns,
      sessions: new Registry<RtspSession>("rtspsessions"),
      tunnels: new Tunnels(),
      keys: new Map(),
      readTimeout: 10_000,
      writeTimeout: 5_000,
      secure: false,
      door: new Door({
        clock,
        limiter: new LoginLimiter(),
        authorizer: new Authorizer(clock, logger),
        rules: this.paths,
      }),
      ignoredPackets: { datagrams: 0, packets: 0 },
      authMethods: ["basic"],
      tcp: true,
      udp: undefined,
      multicast: undefined,
    };
  }

  connect(context = this.context): FakeSocket {
    return new FakeSocket(context);
  }

  /** Goes on by `ms`, in the steps of the server. */
  async advance(ms: number): Promise<void> {
    for (let gone = 0; gone < ms; gone += 1_000) {
      await this.clock.advance(1_000);
      for (const conn of this.conns.values()) conn.tick(this.clock.now());
    }
  }

  /** Closes everything; nothing may be left. */
  async close(): Promise<void> {
    const { conns, sessions, keys } = this.context;
    for (const conn of conns.values()) conn.close(new Error("terminated"));
    await this.paths.close();
    await this.clock.advance(2_000);
    expect(sessions.size + keys.size + conns.size).toBe(0);
    expect(memory.state.blocksTaken).toBe(0);
  }
}

/** A socket that takes `room` bytes and keeps them. */
export class FakeSocket implements TcpSocket {
  readonly remote = "10.0.0.1:5000";
  readonly remoteAddress = "10.0.0.1";
  readonly local = "10.0.0.2:8554";
  readonly descriptor = undefined;
  readonly conn: RtspConn;
  room = Number.POSITIVE_INFINITY;
  ended = false;
  reset = false;
  #received = "";
  #cseq = 0;
  session = "";

  constructor(context: SessionContext) {
    this.conn = new RtspConn(context, this);
  }

  write(bytes: Uint8Array, offset: number, length: number): number {
    const taken = Math.min(length, this.room);
    this.room -= taken;
    this.#received += Buffer.from(bytes.slice(offset, offset + taken)).toString("latin1");
    return taken;
  }

  end(): void {
    this.ended = true;
  }

  terminate(): void {
    this.reset = true;
  }

  failed(error: unknown): void {
    throw error;
  }

  pause(): void {}
  resume(): void {}
  receiveInto(): void {}

  /** What the server sent since the last call. */
  take(): string {
    const text = this.#received;
    this.#received = "";
    return text;
  }

  feed(text: string | Uint8Array): void {
    try {
      this.conn.data(Buffer.from(text));
    } catch (error) {
      if (!isExpected(error)) throw error;
      this.conn.close(error);
    }
  }

  /** Sends a request; the status of the response, 0 when there was none. */
  async request(method: string, url: string, headers = "", body = ""): Promise<number> {
    this.#cseq += 1;
    const session = this.session === "" ? "" : `Session: ${this.session}\r\n`;
    const length = body === "" ? "" : `Content-Length: ${body.length}\r\n`;
    const head = `${method} rtsp://10.0.0.2/${url} RTSP/1.0\r\nCSeq: ${this.#cseq}\r\n`;
    this.feed(`${head}${session}${headers}${length}\r\n${body}`);
    await settle();
    const response = this.take();
    this.session = /Session: (\w+)/.exec(response)?.[1] ?? this.session;
    return Number(/RTSP\/1\.0 (\d+)/.exec(response)?.[1] ?? 0);
  }

  /** Becomes a publisher on a path. */
  async publish(path: string): Promise<void> {
    await this.request("ANNOUNCE", path, "Content-Type: application/sdp\r\n", syntheticSdp(TRACKS));
    await this.request(
      "SETUP",
      `${path}/trackID=0`,
      "Transport: RTP/AVP/TCP;interleaved=0-1;mode=record\r\n",
    );
    expect(await this.request("RECORD", path)).toBe(200);
  }

  /** Becomes a reader of a path. */
  async play(path: string): Promise<void> {
    await this.request("SETUP", `${path}/trackID=0`, "Transport: RTP/AVP/TCP\r\n");
    expect(await this.request("PLAY", path)).toBe(200);
  }

  /** Sends a packet of the track. */
  packet(number: number): void {
    this.feed(this.frame(number));
  }

  /** A packet of the track, as it is sent. */
  frame(number: number): Uint8Array {
    const packet = new Uint8Array(2_000);
    return interleaved(0, packet.subarray(0, TRACKS[0]!.write(packet, number)));
  }
}
