import { addressFinder, errorReader, openLibrary } from "./libc.ts";
import { MESSAGES_MAX, MessageBuffer } from "./message-buffer.ts";

/** Calls of libc to receive from many sockets; Linux only. */
export interface ReceiveCalls {
  /** Address of a view. The view must stay referenced as long as the address is used. */
  addressOf(bytes: Uint8Array): number;
  /**
   * Receives from a connection without waiting.
   *
   * @returns bytes received; 0 at the peer's end; a negative error number
   */
  receive(descriptor: number, address: number, size: number): number;
  /** Receives datagrams without waiting. @returns how many; a negative error number */
  receiveMany(descriptor: number): number;
  /** A datagram of the last `receiveMany`: its bytes, and the address it came from (`sockaddr`); both are borrowed. */
  datagram(index: number): Uint8Array;
  sender(index: number): Uint8Array;
  /** Sends a datagram to a `sockaddr`; it is lost if the system does not accept it. */
  sendTo(descriptor: number, bytes: Uint8Array, address: Uint8Array): void;
  /** Another descriptor of the same socket; negative if there is none left. */
  duplicate(descriptor: number): number;
  close(descriptor: number): void;
  /** Opens a set of sockets; undefined if no descriptor is left. */
  openSet(): ReadySet | undefined;
}

/** Sockets that are asked together whether something has arrived (epoll). */
export interface ReadySet {
  /** @param key of the socket in `key`, 32 bits @returns whether it succeeded */
  add(descriptor: number, key: number): boolean;
  remove(descriptor: number): void;
  /** Asks without waiting. @returns how many sockets are ready; more may be if it is `READY_MAX` */
  poll(): number;
  /** The key of a socket that is ready. */
  key(index: number): number;
  close(): void;
}

/** Most sockets that one `poll` reports. */
export const READY_MAX = 512;
/** Where bytes are received that have no place of their own. */
export const CHUNK = new Uint8Array(new ArrayBuffer(64 * 1024));
/** EAGAIN and EINTR of Linux: nothing has arrived, nothing is wrong. */
export const NOTHING: readonly number[] = [-11, -4];

/** MSG_DONTWAIT; EPOLLIN, EPOLL_CTL_ADD, EPOLL_CTL_DEL and EPOLL_CLOEXEC of Linux. */
const DONTWAIT = 0x40;
const IN = 1;
const ADD = 1;
const DELETE = 2;
const CLOEXEC = 0x80000;
/** Words of an epoll_event: packed on x86-64 only. */
const EVENT_WORDS = process.arch === "x64" ? 3 : 4;
/** Where its data begins. */
const EVENT_DATA = process.arch === "x64" ? 1 : 2;

/** F_DUPFD_CLOEXEC, MSG_NOSIGNAL. */
const DUPLICATE = 1030;
const NOSIGNAL = 0x4000;

let calls: ReceiveCalls | undefined | null = null;

/** Undefined unless libc can be called, on 64-bit Linux. */
export function openReceiveCalls(): ReceiveCalls | undefined {
  if (calls === null) calls = load();
  return calls;
}

function load(): ReceiveCalls | undefined {
  if (process.platform !== "linux" || process.env["MEDIAMTX_NO_FFI"] === "1") return undefined;
  const { FFIType, ptr } = require("bun:ffi") as typeof import("bun:ffi");
  const { i32, i64_fast, u64_fast } = FFIType;
  const library = openLibrary({
    recv: { args: [i32, FFIType.ptr, u64_fast, i32], returns: i32 },
    recvmmsg: { args: [i32, FFIType.ptr, FFIType.u32, i32, FFIType.ptr], returns: i32 },
    sendto: { args: [i32, FFIType.ptr, u64_fast, i32, FFIType.ptr, FFIType.u32], returns: i64_fast },
    fcntl: { args: [i32, i32, i32], returns: i32 },
    close: { args: [i32], returns: i32 },
    epoll_create1: { args: [i32], returns: i32 },
    epoll_ctl: { args: [i32, i32, i32, FFIType.ptr], returns: i32 },
    epoll_wait: { args: [i32, FFIType.ptr, i32, i32], returns: i32 },
    __errno_location: { args: [], returns: FFIType.ptr },
  });
  if (library === undefined) return undefined;
  const { recv, recvmmsg, sendto, epoll_create1, epoll_ctl, epoll_wait, __errno_location } = library.symbols;
  const failure = errorReader(__errno_location);
  let messages: MessageBuffer | undefined;
  return {
    addressOf: addressFinder(),
    receive(descriptor, address, size) {
      const received = recv(descriptor, address as import("bun:ffi").Pointer, size, DONTWAIT);
      return received >= 0 ? received : failure();
    },
    receiveMany(descriptor) {
      messages ??= new MessageBuffer(ptr);
      const received = recvmmsg(descriptor, messages.ready(), MESSAGES_MAX, DONTWAIT, null);
      if (received < 0) return failure();
      messages.count = received;
      return received;
    },
    datagram: (index) => (messages as MessageBuffer).bytes(index),
    sender: (index) => (messages as MessageBuffer).sender(index),
    sendTo(descriptor, bytes, address) {
      if (bytes.length === 0) return;
      sendto(descriptor, ptr(bytes), bytes.length, DONTWAIT | NOSIGNAL, ptr(address), address.length);
    },
    duplicate: (descriptor) => library.symbols.fcntl(descriptor, DUPLICATE, 0),
    close: (descriptor) => void library.symbols.close(descriptor),
    openSet() {
      const set = epoll_create1(CLOEXEC);
      if (set < 0) return undefined;
      const events = words(READY_MAX * EVENT_WORDS);
      const event = words(EVENT_WORDS);
      const [eventsAt, eventAt] = [ptr(events), ptr(event)];
      return {
        add(descriptor, key) {
          event[0] = IN;
          event[EVENT_DATA] = key;
          return epoll_ctl(set, ADD, descriptor, eventAt) === 0;
        },
        remove: (descriptor) => void epoll_ctl(set, DELETE, descriptor, eventAt),
        poll: () => epoll_wait(set, eventsAt, READY_MAX, 0),
        key: (index) => events[index * EVENT_WORDS + EVENT_DATA] as number,
        close: () => void library.symbols.close(set),
      };
    },
  };
}

/** With a buffer of their own: the runtime moves the contents of a small array when it compiles code that uses it. */
function words(count: number): Int32Array {
  return new Int32Array(new ArrayBuffer(4 * count));
}
