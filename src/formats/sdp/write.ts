import type { SdpAttribute, SessionDescription } from "./model.ts";

/**
 * Writes a session description, lines in the order of RFC 4566 §5, each ended by CRLF. An empty title becomes a
 * single space, since readers insist on `s=`; line ends inside texts become spaces.
 */
export function writeSdp(description: SessionDescription): string {
  const lines = ["v=0", `o=${description.origin}`, `s=${description.title === "" ? " " : description.title}`];
  if (description.connection !== undefined) lines.push(`c=${description.connection}`);
  lines.push(...description.bandwidths.map((value) => `b=${value}`), `t=${description.timing}`);
  lines.push(...description.attributes.map(writeAttribute));
  for (const media of description.medias) {
    lines.push(`m=${[media.type, media.port, media.protocol, ...media.formats].join(" ")}`);
    if (media.connection !== undefined) lines.push(`c=${media.connection}`);
    lines.push(...media.bandwidths.map((value) => `b=${value}`), ...media.attributes.map(writeAttribute));
  }
  return lines.map((line) => `${line.replace(/[\r\n\0]/g, " ")}\r\n`).join("");
}

function writeAttribute(attribute: SdpAttribute): string {
  return attribute.value === undefined ? `a=${attribute.name}` : `a=${attribute.name}:${attribute.value}`;
}
