import { dlopen, FFIType, ptr } from "bun:ffi";

const SOL_SOCKET = 1;
const SO_RCVBUF = 8;
/** The same for those who may exceed the system's limit: root. */
const SO_RCVBUFFORCE = 33;

/** Anything with a descriptor that the runtime's types do not tell of. */
interface Described {
  readonly fd?: number;
}

/** Makes the kernel hold at most so many received bytes of a socket. @throws {Error} if it does not */
export function shrinkReceiveBuffer(socket: object, bytes: number): void {
  if (!setOption(socket, SO_RCVBUF, bytes)) throw new Error("setsockopt");
}

/** Makes the kernel hold up to that many received bytes of a socket, or as many as it allows. */
export function growReceiveBuffer(socket: object, bytes: number): void {
  if (!setOption(socket, SO_RCVBUFFORCE, bytes)) setOption(socket, SO_RCVBUF, bytes);
}

function setOption(socket: object, option: number, value: number): boolean {
  library ??= open();
  const { fd = -1 } = socket as Described;
  const size = new Int32Array([value]);
  return library?.symbols.setsockopt(fd, SOL_SOCKET, option, ptr(size), 4) === 0;
}

let library: ReturnType<typeof open>;

/** Undefined where it is not that of a Linux. */
function open() {
  const setsockopt = {
    args: [FFIType.i32, FFIType.i32, FFIType.i32, FFIType.ptr, FFIType.u32],
    returns: FFIType.i32,
  } as const;
  for (const name of ["libc.so.6", "libc.musl-x86_64.so.1", "libc.musl-aarch64.so.1"]) {
    try {
      return dlopen(name, { setsockopt });
    } catch {
      // the next one may be there
    }
  }
  return undefined;
}
