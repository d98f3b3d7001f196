import type { AccessProtocol } from "./access.ts";
import type { HttpScheme } from "./carriers.ts";

/** How a client is refused. */
export interface Reply {
  /** Whether it is asked for credentials. */
  readonly challenges: boolean;
  /** How long the refusal waits at least, ms. */
  readonly pauseMs: number;
  /** Whether the connection ends, or the session the client asked for; the reason is then in the line about that. */
  readonly ends: boolean;
  /** Whether the reason gets a log line of its own. */
  readonly isLogged: boolean;
}

/** How long the answer to wrong credentials waits where a client may guess again at once, ms. */
const PAUSE_MS = 2_000;

const CHALLENGE: Reply = { challenges: true, pauseMs: 0, ends: false, isLogged: false };
const PAUSE: Reply = { challenges: false, pauseMs: PAUSE_MS, ends: false, isLogged: true };
const HANG_UP: Reply = { challenges: false, pauseMs: PAUSE_MS, ends: true, isLogged: false };
const REJECT: Reply = { challenges: false, pauseMs: 0, ends: true, isLogged: false };

/** How one kind of client comes in, or not. */
export interface EntranceRow {
  /** As an authentication server is told. */
  readonly protocol: AccessProtocol;
  /** Schemes of the Authorization header that are taken; left out where credentials are not in an HTTP header. */
  readonly schemes?: readonly HttpScheme[];
  /** The reply to a request without credentials. */
  readonly missing: Reply;
  /** The reply to wrong ones. */
  readonly wrong: Reply;
  /** Refusals of one connection that are replied to like that. */
  readonly tries: number;
  /** The reply to all refusals after these, and to a guess that gets no verdict because too many wait. */
  readonly last: Reply;
}

const UNLIMITED = Number.POSITIVE_INFINITY;

/** How the clients of each protocol come in. */
export const ENTRANCES = {
  rtsp: { protocol: "rtsp", missing: CHALLENGE, wrong: CHALLENGE, tries: 3, last: HANG_UP },
  rtmp: { protocol: "rtmp", missing: HANG_UP, wrong: HANG_UP, tries: 0, last: HANG_UP },
  /** A caller gives up after 3 s: a pause would hide the reason from it. */
  srt: { protocol: "srt", missing: REJECT, wrong: REJECT, tries: 0, last: REJECT },
  hls: {
    protocol: "hls",
    schemes: ["basic"],
    missing: CHALLENGE,
    wrong: PAUSE,
    tries: UNLIMITED,
    last: PAUSE,
  },
  /** Pages, and OPTIONS of WHIP and WHEP. */
  webrtcPage: {
    protocol: "webrtc",
    schemes: ["basic"],
    missing: CHALLENGE,
    wrong: PAUSE,
    tries: UNLIMITED,
    last: PAUSE,
  },
  /** POST of WHIP and WHEP: each is a session. */
  webrtcSession: {
    protocol: "webrtc",
    schemes: ["basic", "bearer"],
    missing: HANG_UP,
    wrong: HANG_UP,
    tries: 0,
    last: HANG_UP,
  },
} as const satisfies Record<string, EntranceRow>;

export type Entrance = keyof typeof ENTRANCES;
