import type { MediaMemory } from "./core.ts";

/** A sender report to write (RFC 3550 §6.4.1). */
export interface SenderReport {
  readonly ssrc: number;
  /** NTP time, ms since 1900, with fractions. */
  readonly ntp: number;
  /** The same instant in RTP ticks. */
  readonly rtpTime: number;
  readonly packets: number;
  readonly octets: number;
}

/** A receiver report with one block to write (RFC 3550 §6.4.2). */
export interface ReceiverReport {
  readonly ssrc: number;
  readonly source: number;
  /** Fraction lost since the last report, 0–255 of 256. */
  readonly fractionLost: number;
  /** Cumulative packets lost, 24 bits. */
  readonly lost: number;
  readonly highestSeq: number;
  readonly jitter: number;
  readonly lastReport: number;
  readonly delay: number;
}

/** Writes a sender report at `dst`; returns its size in bytes. */
export function writeSenderReport(memory: MediaMemory, dst: number, report: SenderReport): number {
  const seconds = Math.floor(report.ntp / 1000);
  const fraction = Math.floor((report.ntp / 1000 - seconds) * 0x1_0000_0000);
  const { ssrc, rtpTime, packets, octets } = report;
  return memory.core.rtcpWriteSenderReport(dst, ssrc, seconds, fraction, rtpTime, packets, octets);
}

/** Writes a receiver report at `dst`; returns its size in bytes. */
export function writeReceiverReport(memory: MediaMemory, dst: number, report: ReceiverReport): number {
  const { ssrc, source, highestSeq, jitter, lastReport, delay } = report;
  const lost = (report.fractionLost << 24) | (report.lost & 0xffffff);
  return memory.core.rtcpWriteReceiverReport(dst, ssrc, source, lost, highestSeq, jitter, lastReport, delay);
}
