import { openSocketCalls, type SocketCalls } from "./sockets-libc.ts";

/** SOL_SOCKET, and options of it; SOL_IP and SOL_IPV6, and options of them (Linux). */
const SOL_SOCKET = 1;
const SO_RCVBUF = 8;
const SO_RCVBUFFORCE = 33;
const SO_SNDBUF = 7;
const SO_SNDBUFFORCE = 32;
const IP = { level: 0, receiveErrors: 11, pathMtu: 10 };
const IPV6 = { level: 41, receiveErrors: 25, pathMtu: 23 };
/** Never sets the "don't fragment" bit: readers behind a smaller MTU get fragments. */
const PMTUDISC_DONT = 0;
const SEND_BUFFER = 4 * 1024 * 1024;

/**
 * Sets what the server needs of a UDP socket: errors of one peer must not reach others, datagrams may be fragmented,
 * buffers are large.
 *
 * @param receiveBuffer to request, bytes
 * @returns the receive buffer that the system granted, bytes; undefined if none was requested, or libc cannot be called
 */
export function setUdpOptions(
  descriptor: number,
  isIpv6: boolean,
  receiveBuffer: number | undefined,
): number | undefined {
  const calls = openSocketCalls();
  if (calls === undefined) return undefined;
  for (const { level, receiveErrors, pathMtu } of isIpv6 ? [IP, IPV6] : [IP]) {
    calls.setOption(descriptor, level, receiveErrors, 0);
    calls.setOption(descriptor, level, pathMtu, PMTUDISC_DONT);
  }
  grow(calls, descriptor, [SO_SNDBUFFORCE, SO_SNDBUF], SEND_BUFFER);
  if (receiveBuffer === undefined) return undefined;
  grow(calls, descriptor, [SO_RCVBUFFORCE, SO_RCVBUF], receiveBuffer);
  // Linux reports twice the usable size, as it includes its own overhead
  const granted = calls.getOption(descriptor, SOL_SOCKET, SO_RCVBUF);
  return granted === undefined ? undefined : granted / 2;
}

function grow(calls: SocketCalls, descriptor: number, options: readonly number[], size: number): void {
  options.some((option) => calls.setOption(descriptor, SOL_SOCKET, option, size));
}
