import { addressFinder, errorReader, openLibrary } from "./libc.ts";

/** Socket calls of libc; Linux only. */
export interface SocketCalls {
  /** Address of a view. The view must stay referenced as long as the address is used. */
  addressOf(bytes: Uint8Array): number;
  /** @returns messages sent, or a negative error number if the first one failed */
  sendMessages(descriptor: number, address: number, count: number): number;
  /** Waits until a socket is writable, at most `ms`. */
  waitWritable(descriptor: number, ms: number): void;
  /** @returns whether it succeeded */
  setOption(descriptor: number, level: number, option: number, value: number): boolean;
  getOption(descriptor: number, level: number, option: number): number | undefined;
}

/** MSG_DONTWAIT and MSG_NOSIGNAL of Linux. */
const SEND_FLAGS = 0x40 | 0x4000;
const POLLOUT = 4;
let calls: SocketCalls | undefined | null = null;

/** Undefined unless libc can be called, on 64-bit Linux. */
export function openSocketCalls(): SocketCalls | undefined {
  if (calls === null) calls = load();
  return calls;
}

function load(): SocketCalls | undefined {
  if (process.platform !== "linux" || process.env["MEDIAMTX_NO_FFI"] === "1") return undefined;
  const { ptr } = require("bun:ffi") as typeof import("bun:ffi");
  const library = openLibrary({
    sendmmsg: { args: ["i32", "ptr", "u32", "i32"], returns: "i32" },
    poll: { args: ["ptr", "u64", "i32"], returns: "i32" },
    setsockopt: { args: ["i32", "i32", "i32", "ptr", "u32"], returns: "i32" },
    getsockopt: { args: ["i32", "i32", "i32", "ptr", "ptr"], returns: "i32" },
    __errno_location: { args: [], returns: "ptr" },
  });
  if (library === undefined) return undefined;
  const { sendmmsg, poll, setsockopt, getsockopt, __errno_location } = library.symbols;
  const failure = errorReader(__errno_location);
  const words = new Int32Array(4);
  const at = (word: number) => ptr(words, word * 4);
  return {
    addressOf: addressFinder(),
    sendMessages(descriptor, address, count) {
      const sent = sendmmsg(descriptor, address as import("bun:ffi").Pointer, count, SEND_FLAGS);
      return sent >= 0 ? sent : failure();
    },
    waitWritable(descriptor, ms) {
      words[0] = descriptor;
      words[1] = POLLOUT;
      poll(at(0), 1, ms);
    },
    setOption(descriptor, level, option, value) {
      words[0] = value;
      return setsockopt(descriptor, level, option, at(0), 4) === 0;
    },
    getOption(descriptor, level, option) {
      words[1] = 4;
      return getsockopt(descriptor, level, option, at(0), at(1)) === 0 ? words[0] : undefined;
    },
  };
}
