import { type DescribedStream, describeStream } from "../../../formats/rtp/description.ts";
import { sdpAttribute } from "../../../formats/sdp/model.ts";
import { parseSdp } from "../../../formats/sdp/parse.ts";
import { attempt, ProtocolError, SourceError } from "../../../lib/errors.ts";
import { Authenticator } from "./authenticator.ts";
import { controlBases, controlUrls } from "./control-urls.ts";
import { RtspFramer } from "./framer.ts";
import { clip, RtspHeaders } from "./headers.ts";
import { type RtspRequest, writeRequest } from "./request.ts";
import { type RtspResponse, writeResponse } from "./response.ts";
import { parsePublic, parseSession } from "./session-header.ts";
import { readTransport, type TransportSpec, writeTransport } from "./transport-header.ts";
import { type RtspUrl, writeRtspUrl } from "./url.ts";

/** Longest interval between keep-alives, also the default without a session timeout, ms. */
const KEEP_ALIVE_MS = 30_000;
/** The share of the session's timeout after which it is kept alive. */
const KEEP_ALIVE_SHARE = 0.8;
/** How long the response with the right CSeq is waited for when one with a lower CSeq has come, ms. */
const LATE_MS = 1_000;

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
  /** The server has refused to set up a track, which is left out. */
  | { readonly kind: "refused"; readonly track: number; readonly reason: string }
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
  readonly sentAt: number;
  deadline: number;
  /** URLs that are tried next if the server does not know this one. */
  readonly otherUrls: readonly string[];
  /** A response with the CSeq of an earlier request: of that, unless nothing else comes. */
  late?: RtspResponse;
}

interface RequestOptions {
  readonly extra?: Record<string, string>;
  readonly otherUrls?: readonly string[];
}

/** The client's side of RTSP, up to a stream that plays (RFC 2326): one request at a time. */
export class RtspClient {
  readonly #options: RtspClientOptions;
  readonly #framer = new RtspFramer("responses");
  readonly #outputs: RtspClientOutput[] = [];
  readonly #auth: Authenticator | undefined;
  readonly #url: RtspUrl;
  /** Bases of control URLs, the one in use first. */
  #bases: readonly RtspUrl[];
  #sequence = 0;
  #pending: Pending | undefined;
  #keepAliveMethod = "OPTIONS";
  #session: string | undefined;
  #keepAliveMs = KEEP_ALIVE_MS;
  #keepAliveAt = Number.POSITIVE_INFINITY;
  #controls: readonly (string | undefined)[] = [];
  /** Whether the server does not repeat the CSeq of requests. */
  #isUnnumbered = false;
  #tracksSetUp = 0;
  /** Transports asked for, by track, and the next one to be asked. */
  #offers: readonly TransportSpec[] = [];
  #next = 0;

  /** From the last OPTIONS or keep-alive to its response, ms. */
  roundTrip: number | undefined;

  constructor(options: RtspClientOptions, now: number) {
    const { user, password = "", ...plain } = options.url;
    this.#options = options;
    this.#url = plain;
    this.#bases = [plain];
    if (user !== undefined) this.#auth = new Authenticator({ user, pass: password }, options.random);
    this.#request("options", "OPTIONS", writeRtspUrl(plain), now);
  }

  get #base(): string {
    return writeRtspUrl(this.#bases[0] as RtspUrl);
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
    if (pending?.late !== undefined && now >= pending.deadline) {
      this.#isUnnumbered = true;
      this.#finish(pending, pending.late, now);
    } else if (pending !== undefined && now >= pending.deadline) {
      // some cameras never answer keep-alives
      if (pending.step !== "keepAlive")
        throw new SourceError(`i/o timeout: no response to ${pending.request.method}`);
      this.#pending = undefined;
    }
    if (now < this.#keepAliveAt || this.#pending !== undefined) return;
    this.#keepAliveAt = now + this.#keepAliveMs;
    this.#request("keepAlive", this.#keepAliveMethod, this.#base, now);
  }

  /** Sets up every track, each with its transport. */
  setUp(offers: readonly TransportSpec[], now: number): void {
    this.#offers = offers;
    this.#next = 0;
    this.#setUpNext(now);
  }

  play(now: number): void {
    const [base = "", ...otherUrls] = controlUrls(this.#bases, undefined);
    this.#request("play", "PLAY", base, now, { extra: { Range: this.#options.range }, otherUrls });
  }

  /** Sends TEARDOWN if there is a session, without waiting for the response. */
  teardown(now: number): void {
    if (this.#session === undefined) return;
    this.#request("teardown", "TEARDOWN", this.#base, now);
  }

  #request(step: Step, method: string, url: string, now: number, options: RequestOptions = {}): void {
    const { extra = {}, otherUrls = [] } = options;
    const headers = RtspHeaders.from({ "User-Agent": "gortsplib", ...extra });
    if (this.#session !== undefined) headers.set("Session", this.#session);
    this.#send(step, { method, url, headers, body: new Uint8Array(0) }, now, otherUrls);
  }

  #send(step: Step, request: RtspRequest, now: number, otherUrls: readonly string[]): void {
    this.#sequence += 1;
    const { method, url, headers } = request;
    headers.set("CSeq", String(this.#sequence));
    const authorization = this.#auth?.authorize(method, url);
    if (authorization !== undefined) headers.set("Authorization", authorization);
    const deadline = now + this.#options.timeout;
    this.#pending = { step, request, sequence: this.#sequence, sentAt: now, deadline, otherUrls };
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
    if (pending === undefined || response.status < 200) return; // after a provisional response follows the final one
    if (this.#isEarlier(response, pending.sequence)) {
      pending.late = response;
      pending.deadline = Math.min(pending.deadline, now + LATE_MS);
      return;
    }
    this.#finish(pending, response, now);
  }

  /** Whether it has the number of an earlier request. Any other number is a mistake: one request is sent at a time. */
  #isEarlier({ headers }: RtspResponse, pending: number): boolean {
    const sequence = Number(headers.get("CSeq") ?? pending);
    return !this.#isUnnumbered && sequence >= 1 && sequence < pending;
  }

  #finish({ step, request, sentAt, otherUrls }: Pending, response: RtspResponse, now: number): void {
    this.#pending = undefined;
    if (step === "options" || step === "keepAlive") this.roundTrip = now - sentAt;
    const { status, headers } = response;
    if (status === 401 && this.#auth?.challenged(headers.getAll("WWW-Authenticate")) === true) {
      this.#send(step, request, now, otherUrls);
      return;
    }
    if (status !== 401) this.#auth?.accepted();
    const [url, ...others] = otherUrls;
    if (url !== undefined && UNKNOWN_URL.has(status)) this.#send(step, { ...request, url }, now, others);
    else this.#step(step, request, response, now);
  }

  #step(step: Step, { url }: RtspRequest, response: RtspResponse, now: number): void {
    switch (step) {
      case "options":
        this.#optionsAnswered(response, now);
        return;
      case "describe":
        this.#described(response);
        return;
      case "setUp":
        this.#trackSetUp(url, response, now);
        return;
      case "play":
        check(response);
        this.#prefer((base) => writeRtspUrl(base) === url);
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
    const extra = { Accept: "application/sdp" };
    this.#request("describe", "DESCRIBE", writeRtspUrl(this.#url), now, { extra });
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
    const stream = describeStream(sdp, { withoutBackChannels: true });
    this.#bases = controlBases(this.#url, {
      control: sdpAttribute(sdp.attributes, "control"),
      headers: [headers.get("Content-Base"), headers.get("Content-Location")],
    });
    this.#controls = stream.controls;
    this.#outputs.push({ kind: "described", stream });
  }

  /** Puts the base first that a URL was made with. */
  #prefer(isOf: (base: RtspUrl) => boolean): void {
    const used = this.#bases.find(isOf);
    if (used !== undefined) this.#bases = [used, ...this.#bases.filter((base) => base !== used)];
  }

  #setUpNext(now: number): void {
    const offer = this.#offers[this.#next];
    if (offer === undefined) {
      this.#outputs.push({ kind: "prepared" });
      return;
    }
    const [url = "", ...otherUrls] = controlUrls(this.#bases, this.#controls[this.#next]);
    this.#request("setUp", "SETUP", url, now, { extra: { Transport: writeTransport(offer) }, otherUrls });
  }

  #trackSetUp(url: string, response: RtspResponse, now: number): void {
    const { status, reason = "", headers } = response;
    const isFirst = this.#tracksSetUp === 0;
    if (status === 461 && isFirst) {
      this.#outputs.push({ kind: "unsupportedTransport" });
      return;
    }
    const isLast = this.#next === this.#offers.length - 1;
    if (concernsTrack(status) && !(isFirst && isLast)) {
      this.#outputs.push({ kind: "refused", track: this.#next, reason: `${status} (${clip(reason)})` });
    } else {
      check(response);
      this.#takeSession(headers);
      this.#prefer((base) => controlUrls([base], this.#controls[this.#next]).includes(url));
      const transport = readTransport(headers.get("Transport") ?? "");
      this.#outputs.push({ kind: "setUp", track: this.#next, transport });
      this.#tracksSetUp += 1;
    }
    this.#next += 1;
    this.#setUpNext(now);
  }

  #takeSession(headers: RtspHeaders): void {
    const text = headers.get("Session");
    const session = text === undefined ? undefined : attempt(() => parseSession(text));
    if (session === undefined) return;
    this.#session = session.id;
    if (session.timeoutSeconds === undefined) return;
    this.#keepAliveMs = Math.min(KEEP_ALIVE_MS, session.timeoutSeconds * 1000 * KEEP_ALIVE_SHARE);
  }
}

/** Answers that may mean that the URL is another one. */
const UNKNOWN_URL: ReadonlySet<number> = new Set([400, 404, 451, 459, 460]);

/** Whether an answer to SETUP may concern one track alone; not authentication, or an unknown session. */
function concernsTrack(status: number): boolean {
  return status >= 400 && status < 600 && status !== 401 && status !== 454;
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
