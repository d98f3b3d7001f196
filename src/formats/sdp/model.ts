import { ProtocolError } from "../../lib/errors.ts";

/** A session description (RFC 4566), as far as media servers need it. Texts hold no line ends. */
export interface SessionDescription {
  /** Value of `o=`, not looked into. */
  readonly origin: string;
  /** Value of `s=`; empty when there is none. */
  readonly title: string;
  /** Value of `c=` for all medias. */
  readonly connection: string | undefined;
  /** Values of `b=`. */
  readonly bandwidths: readonly string[];
  /** Value of the first `t=`. */
  readonly timing: string;
  readonly attributes: readonly SdpAttribute[];
  readonly medias: readonly SdpMedia[];
}

/** One `m=` line and what belongs to it. */
export interface SdpMedia {
  /** `video`, `audio`, `application`, …; `-` when it is missing, like `protocol`. */
  readonly type: string;
  /** 0–65,535. */
  readonly port: number;
  /** `RTP/AVP`, … */
  readonly protocol: string;
  /** Formats: payload types for RTP. */
  readonly formats: readonly string[];
  readonly connection: string | undefined;
  readonly bandwidths: readonly string[];
  readonly attributes: readonly SdpAttribute[];
}

/** `a=<name>` or `a=<name>:<value>`. */
export interface SdpAttribute {
  readonly name: string;
  /** Undefined when there is no colon. */
  readonly value: string | undefined;
}

/** Value of the first attribute of a name that has a value that is not empty. */
export function sdpAttribute(attributes: readonly SdpAttribute[], name: string): string | undefined {
  return sdpAttributes(attributes, name).find((value) => value !== "");
}

/** Values of all attributes of a name, in order; those without a value left out. */
export function sdpAttributes(attributes: readonly SdpAttribute[], name: string): string[] {
  return attributes.flatMap((each) => (each.name === name && each.value !== undefined ? [each.value] : []));
}

/** The error for an invalid description; a long reason is clipped. */
export function invalidSdp(reason: string): ProtocolError {
  return new ProtocolError(`invalid SDP: ${reason.length > 160 ? `${reason.slice(0, 160)}…` : reason}`);
}
