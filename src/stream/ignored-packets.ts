/** What came from the network and was not taken, since the process began; shared by all servers and sources. */
export interface IgnoredPackets {
  /** Datagrams from somebody who may not send any here. */
  datagrams: number;
  /** Packets of somebody who may, but not these: of another source, of an unknown format, malformed. */
  packets: number;
}
