import { writeDescription } from "../../formats/rtp/description.ts";
import { withParameterSets } from "../../formats/rtp/track-setup.ts";
import { type Awaitable, when } from "../../lib/awaitable.ts";
import { BudgetError, EndError, NoStreamError, ProtocolError, RefusedError } from "../../lib/errors.ts";
import type { StreamDescription } from "../../media/track.ts";
import type { Place } from "../../path/directory.ts";
import type { Stream } from "../../stream/stream.ts";
import type { Answer, RequestOwner } from "./answer.ts";
import { Gate, type Passage } from "./gate.ts";
import { parseReaderControl } from "./proto/control.ts";
import { RtspHeaders } from "./proto/headers.ts";
import type { RtspRequest } from "./proto/request.ts";
import type { RtspResponse } from "./proto/response.ts";
import { writeRtpInfo } from "./proto/rtp-info.ts";
import { METHODS } from "./proto/server-state.ts";
import { writeTransport } from "./proto/transport-header.ts";
import { controlBase, parseRtspUrl, type RtspUrl, withoutTrailingSlash, writeRtspUrl } from "./proto/url.ts";
import type { RtspSession, SessionContext } from "./session.ts";

/** Answers requests (RFC 2326 §10). */
export class RtspResponder {
  readonly #context: SessionContext;
  readonly #owner: RequestOwner;
  readonly #gate: Gate;

  constructor(context: SessionContext, owner: RequestOwner) {
    this.#context = context;
    this.#owner = owner;
    this.#gate = new Gate(context, owner);
  }

  /**
   * Never throws what a peer can cause: that becomes an error response and a fault. Requests that have to wait are
   * answered later.
   */
  answer(request: RtspRequest): Awaitable<Answer> {
    try {
      if (request.headers.get("CSeq") === undefined) throw new ProtocolError("CSeq is missing");
      const answer = this.#dispatch(request);
      if (!(answer instanceof Promise)) return complete(request, answer);
      return answer.then(
        (later) => complete(request, later),
        (error: unknown) => complete(request, failed(error)),
      );
    } catch (error) {
      return complete(request, failed(error));
    }
  }

  #dispatch(request: RtspRequest): Awaitable<Answer> {
    switch (request.method) {
      case "OPTIONS":
        return { response: response(200, { Public: METHODS.join(", ") }) };
      case "DESCRIBE":
        return this.#describe(request);
      case "ANNOUNCE":
        return this.#announce(request);
      case "SETUP":
        return this.#setup(request);
      default:
        return this.#inSession(request);
    }
  }

  #describe(request: RtspRequest): Awaitable<Answer> {
    const url = withoutTrailingSlash(parseRtspUrl(request.url));
    const { path: name, query } = url;
    return this.#admitted(request, { action: "read", path: name, query }, () => {
      const { visitor } = this.#owner;
      const found = this.#context.directory.find({ name, query, waiter: visitor });
      return when(found, (place) => this.#describePlace(url, place));
    });
  }

  /** Handles a request that was admitted. */
  #admitted(request: RtspRequest, passage: Passage, go: () => Awaitable<Answer>): Awaitable<Answer> {
    return when(this.#gate.pass(request, passage), (refused) => refused ?? go());
  }

  #describePlace(url: RtspUrl, place: Place): Answer {
    if (place.kind === "nowhere") throw new NoStreamError(place.reason);
    if (place.kind === "elsewhere") {
      const location = place.url.startsWith("/")
        ? writeRtspUrl({ ...url, path: place.url.slice(1), query: "" })
        : place.url;
      return { response: response(301, { Location: location }) };
    }
    const base = controlBase(url);
    const multicast = this.#context.multicast !== undefined && url.query.includes("vlcmulticast");
    const description = currentDescription(place.stream);
    const text = writeDescription(description, { controlBase: base, multicast });
    const headers = { "Content-Base": base, "Content-Type": "application/sdp" };
    return { response: { ...response(200, headers), body: new TextEncoder().encode(text) } };
  }

  #announce(request: RtspRequest): Awaitable<Answer> {
    const { path, query } = withoutTrailingSlash(parseRtspUrl(request.url));
    return this.#admitted(request, { action: "publish", path, query }, () => {
      const session = this.#session(request) ?? this.#owner.createSession();
      return when(session.announce(request), () => ({ response: response(200) }));
    });
  }

  #setup(request: RtspRequest): Awaitable<Answer> {
    const known = this.#session(request);
    if (known?.isPublishing === true) return this.#setupIn(known, request);
    const { path, query } = parseReaderControl(parseRtspUrl(request.url));
    return this.#admitted(request, { action: "read", path, query }, () =>
      this.#setupIn(this.#session(request) ?? this.#owner.createSession(), request),
    );
  }

  #setupIn(session: RtspSession, request: RtspRequest): Awaitable<Answer> {
    return when(session.setup(request), (result) => {
      if (result === undefined) return { response: response(461) };
      const headers = { Transport: writeTransport(result), Session: session.header };
      return { response: response(200, headers) };
    });
  }

  #inSession(request: RtspRequest): Awaitable<Answer> {
    if (request.headers.get("Session") === undefined) return { response: response(501) };
    const session = this.#session(request);
    if (session === undefined) return { response: response(501) };
    const headers = { Session: session.header };
    switch (request.method) {
      case "RECORD":
        return when(session.record(), () => ({ response: response(200, headers) }));
      case "PLAY": {
        const infos = session.play(request);
        const after = (now: number) => session.started(now);
        if (infos.length === 0) return { response: response(200, headers), after };
        return { response: response(200, { ...headers, "RTP-Info": writeRtpInfo(infos) }), after };
      }
      case "PAUSE":
        session.pause();
        return { response: response(200, headers) };
      case "GET_PARAMETER":
        return { response: response(200, { ...headers, "Content-Type": "text/parameters" }) };
      case "SET_PARAMETER": // a keep-alive: there are no parameters to set
        return { response: response(200, headers) };
      case "TEARDOWN":
        this.#owner.endSession(new EndError(`torn down by ${this.#owner.remote}`));
        return { response: response(200) };
      default:
        return { response: response(501) };
    }
  }

  /**
   * The session a request belongs to: the one its header names, else the connection's own.
   *
   * @throws {SessionNotFoundError} if there is no such session
   */
  #session(request: RtspRequest): RtspSession | undefined {
    const header = request.headers.get("Session");
    const own = this.#owner.session;
    if (header === undefined) return own;
    const key = header.split(";")[0]?.trim() ?? "";
    const session = this.#context.keys.get(key);
    if (session === undefined) throw new SessionNotFoundError("session not found");
    if (own !== undefined && own !== session)
      throw new ProtocolError("connection is linked to another session");
    if (own === undefined) this.#owner.adopt(session);
    return session;
  }
}

/** The Session header names an unknown session. */
class SessionNotFoundError extends RefusedError {}

function failed(error: unknown): Answer {
  return { response: response(statusOf(error)), fault: error as Error };
}

/** Adds what every response has. */
function complete(request: RtspRequest, answer: Answer): Answer {
  const sequence = request.headers.get("CSeq");
  const { headers } = answer.response;
  if (sequence !== undefined) headers.set("CSeq", sequence);
  headers.set("Server", "gortsplib");
  return answer;
}

function statusOf(error: unknown): number {
  if (error instanceof SessionNotFoundError) return 454;
  if (error instanceof NoStreamError) return 404;
  if (error instanceof BudgetError) return 503;
  return 400;
}

/** A response without body. */
export function response(status: number, headers: Readonly<Record<string, string>> = {}): RtspResponse {
  return { status, headers: RtspHeaders.from(headers), body: new Uint8Array(0) };
}

/** The description of a stream with the parameter sets that came in band. */
function currentDescription({ description, log }: Stream): StreamDescription {
  const tracks = description.tracks.map((track, i) => {
    const state = log.tracks[i];
    return state === undefined || state.paramsVersion === 0
      ? track
      : withParameterSets(track, state.parameterSets);
  });
  return { ...description, tracks };
}
