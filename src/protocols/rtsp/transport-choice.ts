import { ProtocolError } from "../../lib/errors.ts";
import type { Outbox } from "../../stream/outbox.ts";
import type { Stream } from "../../stream/stream.ts";
import type { RtspContext } from "./context.ts";
import { MulticastTransport } from "./multicast.ts";
import type { TransportSpec } from "./proto/transport-header.ts";
import { InterleavedTransport, type SessionTransport } from "./transport.ts";
import { UdpTransport } from "./udp-transport.ts";

/**
 * The first offer that the server has the transport of; one that lacks the client's ports only if there is no other.
 *
 * @returns undefined when none is available
 */
export function chooseOffer(
  context: RtspContext,
  offers: readonly TransportSpec[],
): TransportSpec | undefined {
  const served = offers.filter((offer) => isServed(context, offer));
  return served.find(isComplete) ?? served[0];
}

function isComplete({ protocol, delivery, clientPort }: TransportSpec): boolean {
  return protocol === "tcp" || delivery === "multicast" || clientPort !== undefined;
}

/** Whether the server has the transport of an offer. */
function isServed({ tcp, udp, multicast }: RtspContext, offer: TransportSpec): boolean {
  if (offer.protocol === "tcp") return tcp;
  return (offer.delivery === "multicast" ? multicast : udp) !== undefined;
}

/** Name of the transport that an offer means. */
export function labelOf({ protocol, delivery }: TransportSpec): SessionTransport["label"] {
  if (protocol === "tcp") return "TCP";
  return delivery === "multicast" ? "UDP-multicast" : "UDP";
}

/** What a transport may need from its session. */
export interface TransportParts {
  /** The peer's address. */
  readonly address: string;
  /** Of the connection; undefined once that is closed. */
  readonly outbox: Outbox | undefined;
  /** Of a reader. */
  readonly stream: Stream | undefined;
}

/**
 * Makes the transport of a session.
 *
 * @throws {ProtocolError | RefusedError} if it cannot be had
 */
export function openTransport(
  { udp, multicast }: RtspContext,
  label: SessionTransport["label"],
  { address, outbox, stream }: TransportParts,
): SessionTransport {
  if (label === "UDP" && udp !== undefined) return new UdpTransport(udp, address);
  if (label === "UDP-multicast" && multicast !== undefined && stream !== undefined) {
    return new MulticastTransport(multicast, stream);
  }
  if (label !== "TCP" || outbox === undefined) throw new ProtocolError("transport is not available");
  return new InterleavedTransport(outbox);
}
