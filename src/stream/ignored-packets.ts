/** Counts of packets ignored since the process started; shared by all servers and sources. */
export interface IgnoredPackets {
  /** Datagrams from unknown senders. */
  datagrams: number;
  /** Packets of known senders that are ignored: wrong SSRC, unknown payload type, malformed. */
  packets: number;
}
