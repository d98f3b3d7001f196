/** Where the packets of one track begin. */
export interface RtpInfo {
  readonly url: string;
  /** Sequence number of the first packet, 0–65,535. */
  readonly seq?: number;
  /** RTP time of the first packet, in ticks, 0–2^32-1. */
  readonly rtpTime?: number;
}

/** Writes the RTP-Info header (RFC 2326 §12.33): one entry per track, in the order of `entries`. */
export function writeRtpInfo(entries: readonly RtpInfo[]): string {
  return entries
    .map(({ url, seq, rtpTime }) => {
      const parts = [`url=${url}`];
      if (seq !== undefined) parts.push(`seq=${seq}`);
      if (rtpTime !== undefined) parts.push(`rtptime=${rtpTime}`);
      return parts.join(";");
    })
    .join(",");
}
