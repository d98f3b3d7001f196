import { openLibrary } from "./libc.ts";

/** A client socket of syslog. */
export interface SyslogSocket {
  /** Never waits. @returns whether the whole message was accepted */
  send(message: Uint8Array): boolean;
  close(): void;
}

const AF_UNIX = 1;
/** SOCK_DGRAM, SOCK_NONBLOCK and SOCK_CLOEXEC of Linux. */
const SOCKET_TYPE = 2 | 0x800 | 0x80000;
/** MSG_DONTWAIT and MSG_NOSIGNAL of Linux. */
const SEND_FLAGS = 0x40 | 0x4000;
/** Size of the path of a socket, with its terminating zero (unix(7)), bytes. */
const PATH_BYTES = 108;

type Calls = NonNullable<ReturnType<typeof load>>;
let calls: Calls | undefined | null = null;

/** Whether syslog sockets can be opened at all: on Linux with ffi. */
export function hasSyslogSockets(): boolean {
  if (calls === null) calls = load();
  return calls !== undefined;
}

/** Connects to the datagram socket at a path; undefined if nothing listens there. */
export function openSyslogSocket(path: string): SyslogSocket | undefined {
  if (!hasSyslogSockets()) return undefined;
  const { symbols, ptr } = calls as Calls;
  const name = Buffer.from(path);
  if (name.length >= PATH_BYTES) return undefined;
  const address = new Uint8Array(2 + name.length + 1); // sockaddr_un: family, path, NUL
  address[0] = AF_UNIX;
  address.set(name, 2);
  const descriptor = symbols.socket(AF_UNIX, SOCKET_TYPE, 0);
  if (descriptor < 0) return undefined;
  if (symbols.connect(descriptor, ptr(address), address.length) !== 0) {
    symbols.close(descriptor);
    return undefined;
  }
  return {
    send: (message) =>
      Number(symbols.send(descriptor, ptr(message), message.length, SEND_FLAGS)) === message.length,
    close: () => void symbols.close(descriptor),
  };
}

function load() {
  if (process.platform !== "linux" || process.env["MEDIAMTX_NO_FFI"] === "1") return undefined;
  const { ptr } = require("bun:ffi") as typeof import("bun:ffi");
  const library = openLibrary({
    socket: { args: ["i32", "i32", "i32"], returns: "i32" },
    connect: { args: ["i32", "ptr", "u32"], returns: "i32" },
    send: { args: ["i32", "ptr", "u64", "i32"], returns: "i64" },
    close: { args: ["i32"], returns: "i32" },
  });
  return library && { symbols: library.symbols, ptr };
}
