import { growReceiveBuffer } from "../support/socket-options.ts";

/** Bytes of datagrams that wait for a test that does not get the processor: none of them is to be lost. */
const RECEIVE_BUFFER = 8 * 1024 * 1024;

/** Takes a datagram: `rtcp` when it came to the second port of the pair. */
export type DatagramHandler = (rtcp: boolean, data: Uint8Array, port: number) => void;

/** A pair of UDP ports, an even one and the next, as a client of RTSP has for each track. */
export class UdpPorts {
  readonly ports: readonly [rtp: number, rtcp: number];
  /** Replaced by whoever wants to know. */
  onData: DatagramHandler = () => {};
  readonly #sockets: readonly [import("bun").udp.Socket<"buffer">, import("bun").udp.Socket<"buffer">];

  private constructor(sockets: readonly import("bun").udp.Socket<"buffer">[]) {
    for (const socket of sockets) growReceiveBuffer(socket, RECEIVE_BUFFER);
    const [rtp, rtcp] = sockets;
    this.#sockets = [rtp!, rtcp!];
    this.ports = [rtp!.port, rtcp!.port];
  }

  /** @param hostname the address to bind */
  static async open(hostname = "127.0.0.1"): Promise<UdpPorts> {
    for (;;) {
      let owner: UdpPorts | undefined;
      const bind = (port: number, rtcp: boolean) =>
        Bun.udpSocket({
          hostname,
          port,
          socket: { data: (_, data, from) => owner?.onData(rtcp, data, from), error() {} },
        });
      const rtp = await bind(0, false);
      try {
        if (rtp.port % 2 !== 0) throw new Error("odd");
        const rtcp = await bind(rtp.port + 1, true);
        owner = new UdpPorts([rtp, rtcp]);
        return owner;
      } catch {
        rtp.close(); // the system chose a port that has no neighbour: it may choose again
      }
    }
  }

  /** Value of `client_port`. */
  get range(): string {
    return this.ports.join("-");
  }

  /** Sends from one of the two ports. */
  send(rtcp: boolean, data: Uint8Array, port: number, address = "127.0.0.1"): void {
    this.#sockets[rtcp ? 1 : 0].send(data, port, address);
  }

  close(): void {
    for (const socket of this.#sockets) socket.close();
  }
}
