import { multicastInterfaces } from "../../src/host/interfaces.ts";
import { openUdp, type UdpSocket } from "../../src/host/udp.ts";
import { testLog } from "../lib/test-log.ts";

/** Bytes of datagrams that wait for a test that does not get the processor. */
const RECEIVE_BUFFER = 8 * 1024 * 1024;

/** Takes a datagram: `rtcp` when it came to the second port. */
export type GroupHandler = (rtcp: boolean, data: Uint8Array) => void;

/** The two ports of a multicast group, as a client of RTSP has them for each track. */
export class MulticastPorts {
  readonly group: string;
  readonly #sockets: readonly UdpSocket[];

  private constructor(group: string, sockets: readonly UdpSocket[]) {
    this.group = group;
    this.#sockets = sockets;
  }

  /** @param transport Transport header of a server's answer */
  static async join(transport: string, take: GroupHandler): Promise<MulticastPorts> {
    const [, group = "", first = "", second = ""] =
      /^RTP\/AVP;multicast;destination=([\d.]+);port=(\d+)-(\d+)/.exec(transport) ?? [];
    if (group === "") throw new Error(`Transport: ${transport}`);
    const open = async (port: string, rtcp: boolean) => {
      const socket = await openUdp(`${group}:${port}`, {
        // as gortsplib: what comes from another port is not the server's
        receive: (data, from) => (from === Number(port) ? take(rtcp, data) : undefined),
        logger: testLog().logger,
        receiveBuffer: RECEIVE_BUFFER,
        reuse: true,
      });
      for (const { address } of multicastInterfaces("IPv4")) socket.joinGroup(group, address);
      return socket;
    };
    return new MulticastPorts(group, [await open(first, false), await open(second, true)]);
  }

  close(): void {
    for (const socket of this.#sockets) socket.close();
  }
}
