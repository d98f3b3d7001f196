import type { Cancel, Clock } from "../lib/clock.ts";
import { systemClock } from "./clock.ts";
import { openReceiveCalls, type ReadySet, type ReceiveCalls } from "./receive-libc.ts";

/** A socket that may be read by the receiver instead of the runtime. */
export interface DirectSocket {
  readonly descriptor: number | undefined;
  /** Chunks or datagrams received so far; wraps. */
  readonly arrivals: number;
  /** The receiver reads from now on: the runtime must not. @returns whether that is possible now */
  takeOver(calls: ReceiveCalls): boolean;
  /** The runtime reads again. */
  handBack(): void;
  /** Something has arrived, or the peer has closed: reads until there is nothing more. */
  read(calls: ReceiveCalls): void;
}

/** When sockets are read directly. */
export interface DirectRates {
  /** Arrivals per second, of all sockets that are watched, from which on they are read directly; and below which no more. */
  readonly busy: number;
  readonly quiet: number;
  /** Arrivals per second of a socket that is read directly; one that nothing arrives on gains nothing. */
  readonly active: number;
  /** How often the rates are looked at, ms. */
  readonly lookMs: number;
}

const RATES: DirectRates = { busy: 1_000, quiet: 500, active: 2, lookMs: 500 };
/** Everything is read directly, whatever the rate: for tests. Nothing is: for measurements, those of the runtime alone. */
const ALWAYS: DirectRates = { busy: 0, quiet: 0, active: 0, lookMs: 5 };
const NEVER: DirectRates = { ...RATES, busy: Number.POSITIVE_INFINITY, quiet: Number.POSITIVE_INFINITY };
/** Shortest and longest pause between two polls, ms. */
const POLL_MIN_MS = 1;
const POLL_MAX_MS = 5;
/** Ready sockets per ms from which on the pause grows: a poll costs as much as reading a socket. */
const READY_PER_MS = 1;

interface Watched {
  /** Arrivals at the last look. */
  seen: number;
  /** Its key in the set; undefined while the runtime reads. */
  key: number | undefined;
}

/**
 * Reads sockets without the runtime, straight into media memory. For each chunk the runtime makes a buffer, wakes up and
 * calls back, which costs several times what reading does. Polling many busy sockets saves that; for few or quiet ones the
 * runtime's events are better, as polling costs the same however little arrives. The rate decides, and sockets move over
 * and back. Nothing here belongs to a thread: each thread may have a receiver.
 */
export class DirectReceiver {
  readonly #clock: Clock;
  readonly #calls: ReceiveCalls;
  readonly #rates: DirectRates;
  readonly #watched = new Map<DirectSocket, Watched>();
  /** By key: those that are read here. */
  readonly #direct: (DirectSocket | undefined)[] = [];
  readonly #freeKeys: number[] = [];
  #count = 0;
  #set: ReadySet | undefined;
  #looking: Cancel | undefined;
  #lookedAt = 0;
  #polling: ReturnType<typeof setTimeout> | undefined;
  #pause = POLL_MIN_MS;

  constructor(clock: Clock, calls: ReceiveCalls, rates = RATES) {
    this.#clock = clock;
    this.#calls = calls;
    this.#rates = rates;
  }

  /** Number of sockets that are read here. */
  get direct(): number {
    return this.#count;
  }

  /** Reads a socket whenever that is cheaper, until it is forgotten. */
  watch(socket: DirectSocket): void {
    if (socket.descriptor === undefined || this.#watched.has(socket)) return;
    this.#watched.set(socket, { seen: socket.arrivals, key: undefined });
    if (this.#looking === undefined) this.#lookLater();
  }

  /** The socket closes, or its owner wants the runtime to read. Its descriptor must still be open. */
  forget(socket: DirectSocket): void {
    const watched = this.#watched.get(socket);
    if (watched === undefined) return;
    this.#leave(socket, watched);
    this.#watched.delete(socket);
  }

  #lookLater(): void {
    this.#lookedAt = this.#clock.now();
    this.#looking = this.#clock.after(this.#rates.lookMs, this.#look);
  }

  readonly #look = (): void => {
    this.#looking = undefined;
    if (this.#watched.size === 0) return;
    const seconds = (this.#clock.now() - this.#lookedAt) / 1_000;
    const { busy, quiet, active } = this.#rates;
    const isBusy = this.#arrived() >= (this.#count === 0 ? busy : quiet) * seconds;
    for (const [socket, watched] of this.#watched) {
      const rate = ((socket.arrivals - watched.seen) | 0) / seconds;
      watched.seen = socket.arrivals;
      if (!isBusy) this.#leave(socket, watched, true);
      else if (watched.key === undefined && rate >= active) this.#enter(socket, watched);
    }
    this.#lookLater();
  };

  /** Arrivals since the last look. */
  #arrived(): number {
    let sum = 0;
    for (const [socket, { seen }] of this.#watched) sum += (socket.arrivals - seen) | 0;
    return sum;
  }

  #enter(socket: DirectSocket, watched: Watched): void {
    this.#set ??= this.#calls.openSet();
    if (this.#set === undefined) return;
    this.#polling ??= setTimeout(this.#poll, this.#pause);
    if (!socket.takeOver(this.#calls)) return;
    const key = this.#freeKeys.pop() ?? this.#direct.length;
    this.#direct[key] = socket;
    watched.key = key;
    this.#count += 1;
    if (!this.#set.add(socket.descriptor as number, key)) this.#leave(socket, watched, true);
  }

  #leave(socket: DirectSocket, watched: Watched, isBack = false): void {
    const { key } = watched;
    if (key === undefined) return;
    this.#set?.remove(socket.descriptor as number);
    this.#direct[key] = undefined;
    this.#freeKeys.push(key);
    watched.key = undefined;
    this.#count -= 1;
    if (isBack) socket.handBack();
  }

  readonly #poll = (): void => {
    const set = this.#set as ReadySet;
    const ready = set.poll();
    try {
      for (let i = 0; i < ready; i++) this.#direct[set.key(i)]?.read(this.#calls);
    } finally {
      this.#pollAgain(ready); // a bug in one socket must not leave the others unread
    }
  };

  #pollAgain(ready: number): void {
    if (this.#count === 0) {
      this.#polling = undefined;
      this.#set?.close();
      this.#set = undefined;
      return;
    }
    const pause = ready >= READY_PER_MS * this.#pause ? this.#pause + 1 : this.#pause - 1;
    this.#pollLater(Math.min(Math.max(pause, POLL_MIN_MS), POLL_MAX_MS));
  }

  #pollLater(pause: number): void {
    if (pause === this.#pause) {
      this.#polling?.refresh();
      return;
    }
    this.#pause = pause;
    this.#polling = setTimeout(this.#poll, pause);
  }
}

let receiver: DirectReceiver | undefined | null = null;

/** The receiver of this thread; undefined where libc cannot be called. */
export function directReceiver(): DirectReceiver | undefined {
  if (receiver === null) {
    const calls = openReceiveCalls();
    receiver = calls === undefined ? undefined : new DirectReceiver(systemClock, calls, chosenRates());
  }
  return receiver;
}

function chosenRates(): DirectRates {
  const { MEDIAMTX_DIRECT: chosen } = process.env;
  if (chosen === "always") return ALWAYS;
  return chosen === "never" ? NEVER : RATES;
}
