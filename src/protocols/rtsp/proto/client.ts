import { type DescribedStream, describeStream } from "../../../formats/rtp/description.ts";
import { sdpAttribute } from "../../../formats/sdp/model.ts";
import { parseSdp } from "../../../formats/sdp/parse.ts";
import { ProtocolError, SourceError } from "../../../lib/errors.ts";
import { ClientAuth, type ClientCredentials } from "./auth.ts";
import { RtspFramer } from "./framer.ts";
import { clip, RtspHeaders } from "./headers.ts";
import { type RtspRequest, writeRequest } from "./request.ts";
import { type RtspResponse, writeResponse } from "./response.ts";
import { parsePublic, parseSession } from "./session-header.ts";
import { parseTransport, type TransportSpec, writeTransport } from "./transport-header.ts";
import { escapeUnprintable, parseServerUrl, type RtspUrl, writeRtspUrl } from "./url.ts";

/** Longest interval between keep-alives, also the default without a session timeout, ms. */
const KEEP_ALIVE_MS = 30_000;
/** The share of the session's timeout after which it is kept alive. */
const KEEP_ALIVE_SHARE = 0.8;

export interface RtspClientOptions {
  /** URL of the stream; its credentials are never part of a request's URL. */
  readonly url: RtspUrl;
  /** Value of the Range header of PLAY. */
  readonly range: string;
  /** Longest wait for a response, ms. */
  readonly timeout: number;
  /** Returns a new client nonce, in hex. */
  readonly random: () => string;
}

/** What the owner must do. */
export type RtspClientOutput =
  | { readonly kind: "send"; readonly bytes: Uint8Array }
  /** The stream is known: it must be set up by `setUp`. */
  | { readonly kind: "described"; readonly stream: DescribedStream }
  /** A track was set up; `transport` from the response, undefined without a Transport header. */
  | { readonly kind: "setUp"; readonly track: number; readonly transport: TransportSpec | undefined }
  /** All tracks are set up: media may arrive at any moment. `play` comes next. */
  | { readonly kind: "prepared" }
  | { readonly kind: "playing" }
  /** The server does not support the requested transport. */
  | { readonly kind: "unsupportedTransport" }
  /** The server redirects to another URL. */
  | { readonly kind: "redirect"; readonly url: string };

type Step = "options" | "describe" | "setUp" | "play" | "keepAlive" | "teardown";

interface Pending {
  readonly step: Step;
  readonly request: RtspRequest;
  readonly sequence: number;
  readonly deadline: number;
}

/** The client's side of RTSP, up to a stream that plays (RFC 2326): one request at a time. */
export class RtspClient {
  readonly #options: RtspClientOptions;
  readonly #framer = new RtspFramer("responses");
  readonly #outputs: RtspClientOutput[] = [];
  readonly #credentials: ClientCredentials | undefined;
  readonly #url: string;
  #base: RtspUrl;
  #auth: ClientAuth | undefined;
  #sequence = 0;
  #pending: Pending | undefined;
  #keepAliveMethod = "OPTIONS";
  #session: string | undefined;
  #keepAliveMs = KEEP_ALIVE_MS;
  #keepAliveAt = Number.POSITIVE_INFINITY;
  #controls: readonly (string | undefined)[] = [];
  /** Transports asked for, by track, and the next one to be asked. */
  #offers: readonly TransportSpec[] = [];
  #next = 0;

  constructor(options: RtspClientOptions, now: number) {
    const { user, password = "", ...plain } = options.url;
    this.#options = options;
    this.#base = plain;
    this.#url = writeRtspUrl(plain);
    if (user !== undefined) this.#credentials = { user, pass: password };
    this.#request("options", "OPTIONS", this.#url, now);
  }

  /** Whether no partial message is held: the next byte starts a new one. */
  get idle(): boolean {
    return this.#framer.idle;
  }

  poll(): RtspClientOutput | undefined {
    return this.#outputs.shift();
  }

  /** When `tick` is due, monotonic ms. */
  get deadline(): number {
    return Math.min(this.#pending?.deadline ?? Number.POSITIVE_INFINITY, this.#keepAliveAt);
  }

  /**
   * Takes borrowed bytes from `offset` on, up to the end of one message. Interleaved frames are dropped: an owner that
   * wants them takes them first, while `idle`.
   *
   * @returns bytes taken
   * @throws {ProtocolError | SourceError} if it must stop
   */
  receive(chunk: Uint8Array, offset: number, now: number): number {
    const taken = this.#framer.receive(chunk, offset);
    const item = this.#framer.poll();
    if (item?.kind === "response") this.#answered(item.response, now);
    else if (item?.kind === "request") this.#asked(item.request);
    return taken;
  }

  /** @throws {SourceError} if the server has not answered in time */
  tick(now: number): void {
    const pending = this.#pending;
    if (pending !== undefined && now >= pending.deadline) {
      // some cameras never answer keep-alives
      if (pending.step !== "keepAlive")
        throw new SourceError(`i/o timeout: no response to ${pending.request.method}`);
      this.#pending = undefined;
    }
    if (now < this.#keepAliveAt || this.#pending !== undefined) return;
    this.#keepAliveAt = now + this.#keepAliveMs;
    this.#request("keepAlive", this.#keepAliveMethod, writeRtspUrl(this.#base), now);
  }

  /** Sets up every track, each with its transport. */
  setUp(offers: readonly TransportSpec[], now: number): void {
    this.#offers = offers;
    this.#next = 0;
    this.#setUpNext(now);
  }

  play(now: number): void {
    this.#request("play", "PLAY", writeRtspUrl(this.#base), now, { Range: this.#options.range });
  }

  /** Sends TEARDOWN if there is a session, without waiting for the response. */
  teardown(now: number): void {
    if (this.#session === undefined) return;
    this.#request("teardown", "TEARDOWN", writeRtspUrl(this.#base), now);
  }

  #request(step: Step, method: string, url: string, now: number, extra: Record<string, string> = {}): void {
    const headers = RtspHeaders.from({ "User-Agent": "gortsplib", ...extra });
    if (this.#session !== undefined) headers.set("Session", this.#session);
    this.#send(step, { method, url, headers, body: new Uint8Array(0) }, now);
  }

  #send(step: Step, request: RtspRequest, now: number): void {
    this.#sequence += 1;
    const { method, url, headers } = request;
    headers.set("CSeq", String(this.#sequence));
    if (this.#auth !== undefined) headers.set("Authorization", this.#auth.authorize(method, url));
    this.#pending = { step, request, sequence: this.#sequence, deadline: now + this.#options.timeout };
    this.#outputs.push({ kind: "send", bytes: writeRequest(request) });
  }

  /** Answers a request of the server: some cameras send keep-alives. */
  #asked({ method, headers }: RtspRequest): void {
    const isKnown = method === "OPTIONS" || method === "GET_PARAMETER";
    const answer = new RtspHeaders();
    answer.set("CSeq", headers.get("CSeq") ?? "0");
    this.#outputs.push({
      kind: "send",
      bytes: writeResponse({ status: isKnown ? 200 : 501, headers: answer }),
    });
  }

  #answered(response: RtspResponse, now: number): void {
    const pending = this.#pending;
    const sequence = response.headers.get("CSeq");
    if (pending === undefined || (sequence !== undefined && Number(sequence) !== pending.sequence)) return;
    if (response.status < 200) return; // the final response follows
    this.#pending = undefined;
    if (response.status === 401 && this.#authenticate(response)) {
      this.#send(pending.step, pending.request, now);
      return;
    }
    this.#step(pending.step, response, now);
  }

  /** Answers a challenge; false if credentials were already rejected, or the scheme is not supported. */
  #authenticate({ headers }: RtspResponse): boolean {
    if (this.#credentials === undefined) return false;
    const challenges = headers.getAll("WWW-Authenticate");
    const auth = ClientAuth.from(challenges, this.#credentials, this.#options.random);
    const isStale = challenges.some((challenge) => /stale\s*=\s*"?true/i.test(challenge));
    if (auth === undefined || (this.#auth !== undefined && !(isStale && auth.nonce !== this.#auth.nonce)))
      return false;
    this.#auth = auth;
    return true;
  }

  #step(step: Step, response: RtspResponse, now: number): void {
    switch (step) {
      case "options":
        this.#optionsAnswered(response, now);
        return;
      case "describe":
        this.#described(response);
        return;
      case "setUp":
        this.#trackSetUp(response, now);
        return;
      case "play":
        check(response);
        this.#keepAliveAt = now + this.#keepAliveMs;
        this.#outputs.push({ kind: "playing" });
        return;
      default: // responses to keep-alives are ignored
    }
  }

  #optionsAnswered(response: RtspResponse, now: number): void {
    if (response.status === 401) check(response);
    const methods = parsePublic(response.headers.get("Public") ?? "");
    if (methods.includes("GET_PARAMETER")) this.#keepAliveMethod = "GET_PARAMETER";
    this.#request("describe", "DESCRIBE", this.#url, now, { Accept: "application/sdp" });
  }

  #described(response: RtspResponse): void {
    const { status, headers, body = new Uint8Array(0) } = response;
    const location = headers.get("Location");
    if (status >= 300 && status < 400 && location !== undefined) {
      this.#outputs.push({ kind: "redirect", url: location });
      return;
    }
    check(response);
    const sdp = parseSdp(new TextDecoder().decode(body));
    const stream = describeStream(sdp);
    this.#base = this.#findBase(headers, sdpAttribute(sdp.attributes, "control"));
    this.#controls = stream.controls;
    this.#outputs.push({ kind: "described", stream });
  }

  /** The base of relative control URLs (RFC 2326 §C.1.1), with the host we are connected to. */
  #findBase(headers: RtspHeaders, control: string | undefined): RtspUrl {
    const { scheme, host, port } = this.#base;
    for (const text of [control, headers.get("Content-Base"), headers.get("Content-Location")]) {
      if (text === undefined || !/^rtsps?:\/\//i.test(text)) continue;
      return { ...parseServerUrl(text), scheme, host, port };
    }
    return this.#base;
  }

  #setUpNext(now: number): void {
    const offer = this.#offers[this.#next];
    if (offer === undefined) {
      this.#outputs.push({ kind: "prepared" });
      return;
    }
    const url = this.#controlUrl(this.#controls[this.#next]);
    this.#request("setUp", "SETUP", url, now, { Transport: writeTransport(offer) });
  }

  #controlUrl(control: string | undefined): string {
    const base = writeRtspUrl(this.#base);
    if (control === undefined || control === "" || control === "*") return base;
    if (!/^rtsps?:\/\//i.test(control)) {
      const separator = base.endsWith("/") || /^[/?]/.test(control) ? "" : "/";
      return base + separator + escapeUnprintable(control);
    }
    const { scheme, host, port } = this.#base;
    return writeRtspUrl({ ...parseServerUrl(control), scheme, host, port });
  }

  #trackSetUp(response: RtspResponse, now: number): void {
    if (response.status === 461) {
      this.#outputs.push({ kind: "unsupportedTransport" });
      return;
    }
    check(response);
    const session = response.headers.get("Session");
    if (session !== undefined) {
      const { id, timeoutSeconds } = parseSession(session);
      this.#session = id;
      if (timeoutSeconds !== undefined) {
        this.#keepAliveMs = Math.min(KEEP_ALIVE_MS, timeoutSeconds * 1000 * KEEP_ALIVE_SHARE);
      }
    }
    const transport = parseTransport(response.headers.get("Transport") ?? "")[0];
    this.#outputs.push({ kind: "setUp", track: this.#next, transport });
    this.#next += 1;
    this.#setUpNext(now);
  }
}

/** @throws {SourceError} if the answer is no success */
function check({ status, reason = "" }: RtspResponse): void {
  if (status >= 200 && status < 300) return;
  throw new SourceError(`bad status code: ${status} (${clip(reason)})`);
}

/**
 * Value of the Range header (RFC 2326 §12.29).
 *
 * @param type `clock`, `npt`, `smpte`; empty for the live stream
 * @param start an UTC time as in `20230812T120000Z` for `clock`, else a duration in ms
 * @throws {ProtocolError} if the time is none
 */
export function writeRange(type: string, start: string | number): string {
  if (type === "clock") {
    if (!/^\d{8}T\d{6}(?:\.\d+)?Z$/.test(String(start)))
      throw new ProtocolError(`invalid rtspRangeStart: ${start}`);
    return `clock=${start}-`;
  }
  const seconds = Number(start) / 1000;
  if (type === "smpte") {
    const pad = (value: number) => String(Math.floor(value)).padStart(2, "0");
    return `smpte=${Math.floor(seconds / 3600)}:${pad((seconds / 60) % 60)}:${pad(seconds % 60)}-`;
  }
  return `npt=${type === "npt" ? seconds : 0}-`;
}
