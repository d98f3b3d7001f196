import type { AccessProtocol } from "./access.ts";
import type { HttpScheme } from "./carriers.ts";

/** How a client is rejected. */
export interface Reply {
  /** Whether the client is asked for credentials. */
  readonly challenges: boolean;
  /** Minimum delay of the rejection, ms. */
  readonly pauseMs: number;
  /** Whether the connection, or the requested session, is closed; the log line about that contains the reason. */
  readonly ends: boolean;
  /** Whether the reason is logged in a line of its own. */
  readonly isLogged: boolean;
}

/** Delay of the rejection of wrong credentials, ms. */
const PAUSE_MS = 2_000;

const CHALLENGE: Reply = { challenges: true, pauseMs: 0, ends: false, isLogged: false };
const PAUSE: Reply = { challenges: false, pauseMs: PAUSE_MS, ends: false, isLogged: true };
const HANG_UP: Reply = { challenges: false, pauseMs: PAUSE_MS, ends: true, isLogged: false };
const REJECT: Reply = { challenges: false, pauseMs: 0, ends: true, isLogged: false };

/** How one kind of client authenticates and is rejected. */
export interface EntranceRow {
  /** Sent to the authentication server. */
  readonly protocol: AccessProtocol;
  /** Accepted schemes of the Authorization header; left out where credentials are not in an HTTP header. */
  readonly schemes?: readonly HttpScheme[];
  /** Reply to a request without credentials. */
  readonly missing: Reply;
  /** Reply to wrong credentials. */
  readonly wrong: Reply;
  /** How many rejections of one connection get these replies. */
  readonly tries: number;
  /** Reply to further ones, and to credentials that are not checked because too many verdicts are pending. */
  readonly last: Reply;
}

const UNLIMITED = Number.POSITIVE_INFINITY;

/** One row per kind of client. */
export const ENTRANCES = {
  rtsp: { protocol: "rtsp", missing: CHALLENGE, wrong: CHALLENGE, tries: 3, last: HANG_UP },
  rtmp: { protocol: "rtmp", missing: HANG_UP, wrong: HANG_UP, tries: 0, last: HANG_UP },
  /** No delay: callers give up after 3 s, and would not see the rejection. */
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
