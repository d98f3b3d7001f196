import type { StreamCursor } from "../../stream/cursor.ts";
import { InterleavedOutput } from "../../stream/interleaved-output.ts";
import type { Outbox } from "../../stream/outbox.ts";
import type { TrackChannels } from "../../stream/sender-reports.ts";
import type { Stream } from "../../stream/stream.ts";
import type { ChannelTable } from "./proto/channels.ts";
import type { RtpInfo } from "./proto/rtp-info.ts";

/** Sends a stream to a reader over its RTSP connection. */
export class RtspReader {
  readonly lastReceived = undefined;
  readonly #stream: Stream;
  readonly #output: InterleavedOutput;
  readonly #cursor: StreamCursor;
  readonly #channels: ChannelTable;
  /** Lost packets as of the last log line. */
  #reported = 0;

  /**
   * Enters the stream at its live edge; nothing is sent before the next `pump`.
   *
   * @param fault called once when it fails
   * @throws {BudgetError} if the media memory is used up
   */
  constructor(stream: Stream, outbox: Outbox, channels: ChannelTable, fault: (error: Error) => void) {
    const pairs = stream.description.tracks.map((_, i): TrackChannels | undefined => {
      const pair = channels.get(i);
      return pair === undefined ? undefined : { rtp: pair[0], rtcp: pair[1] };
    });
    this.#stream = stream;
    this.#channels = channels;
    this.#output = InterleavedOutput.of(stream);
    this.#cursor = this.#output.add(outbox, pairs, fault);
  }

  get bytesSent(): number {
    return this.#cursor.bytesSent;
  }

  get packetsLost(): number {
    return this.#cursor.lostPackets;
  }

  get framesDropped(): number {
    return this.#cursor.lostFrames;
  }

  get lagMs(): number {
    return this.#cursor.lagMs;
  }

  get stalledSince(): number | undefined {
    return this.#cursor.stalledSince;
  }

  pump(now: number): void {
    this.#cursor.pump(now);
  }

  drained(now: number): void {
    this.#cursor.drained(now);
  }

  /** Packets lost since the last call. */
  takeLost(): number {
    const lost = this.#cursor.lostPackets;
    const since = lost - this.#reported;
    this.#reported = lost;
    return since;
  }

  /**
   * Describes the first packet of each track that this reader will get. Tracks without packets are left out.
   *
   * @param url of the track with that index
   */
  rtpInfo(url: (track: number) => string): RtpInfo[] {
    return firstPackets(this.#stream, (track) => this.#channels.get(track) !== undefined, url);
  }

  close(): void {
    this.#output.remove(this.#cursor);
  }
}

/** What RTP-Info says to a reader that enters now and has the tracks that `has` names. */
export function firstPackets(
  stream: Stream,
  has: (track: number) => boolean,
  url: (track: number) => string,
): RtpInfo[] {
  const infos: RtpInfo[] = [];
  stream.log.tracks.forEach((track, i) => {
    if (!has(i) || !track.started) return;
    const rtpTime = track.frameOpen ? track.lastTime : stream.times.at(i)?.rtpTime;
    infos.push({ url: url(i), seq: track.nextSeq, ...(rtpTime !== undefined && { rtpTime }) });
  });
  return infos;
}
