import { Log } from "../log";
import { trackAt } from "../track";
import { get8, get16, get32, put32 } from "../wire";

/**
 * Reads a compound RTCP packet of a publisher (RFC 3550 §6.1): its sender report is kept in the track. Anything else,
 * and whatever is malformed, is passed over.
 */
export function reportReceived(log: Log, index: i32, packet: i32, size: i32, now: f64): void {
  const track = trackAt(changetype<i32>(log), index);
  if (log.refusedRun === 0 && size >= 8 && get8(packet) >> 6 === 2) log.heard += 1;
  const report = rtcpFind(packet, size, 200, 28);
  if (report === 0) return;
  if (track.started !== 0 && get32(report + 4) !== track.source) return;
  track.reportSeconds = get32(report + 8);
  track.reportFraction = get32(report + 12);
  track.reportTime = get32(report + 16) + track.timeOffset;
  track.reportArrival = now;
  track.reports += 1;
}

/**
 * Finds the first RTCP packet of a type in a compound one.
 *
 * @param least bytes it must have
 * @returns its address; 0 when there is none, or what comes before it is malformed
 */
export function rtcpFind(packet: i32, size: i32, type: i32, least: i32): i32 {
  let at = 0;
  while (at + 4 <= size) {
    if (get8(packet + at) >> 6 !== 2) return 0;
    const length = 4 + 4 * get16(packet + at + 2);
    if (at + length > size) return 0;
    if (get8(packet + at + 1) === type && length >= least) return packet + at;
    at += length;
  }
  return 0;
}

/**
 * Writes a sender report without report blocks (RFC 3550 §6.4.1).
 *
 * @param seconds NTP time, seconds since 1900
 * @param fraction NTP time, 2^-32 s
 * @param time the same instant in RTP ticks of the track
 * @returns its size, 28 bytes
 */
export function rtcpWriteSenderReport(
  dst: i32,
  ssrc: u32,
  seconds: u32,
  fraction: u32,
  time: u32,
  packets: u32,
  octets: u32,
): i32 {
  put32(dst, 0x80c80006);
  put32(dst + 4, ssrc);
  put32(dst + 8, seconds);
  put32(dst + 12, fraction);
  put32(dst + 16, time);
  put32(dst + 20, packets);
  put32(dst + 24, octets);
  return 28;
}

/**
 * Writes a receiver report with one report block (RFC 3550 §6.4.2).
 *
 * @param lost the fraction lost since the last report, 0–255, in the upper 8 bits; packets lost in all in the lower 24
 * @param highest extended highest sequence number received
 * @param jitter interarrival jitter in RTP ticks
 * @param lastReport middle 32 bits of the NTP time of the last sender report; 0 when there was none
 * @param delay time since then in 2^-16 s
 * @returns its size, 32 bytes
 */
export function rtcpWriteReceiverReport(
  dst: i32,
  ssrc: u32,
  source: u32,
  lost: u32,
  highest: u32,
  jitter: u32,
  lastReport: u32,
  delay: u32,
): i32 {
  put32(dst, 0x81c90007);
  put32(dst + 4, ssrc);
  put32(dst + 8, source);
  put32(dst + 12, lost);
  put32(dst + 16, highest);
  put32(dst + 20, jitter);
  put32(dst + 24, lastReport);
  put32(dst + 28, delay);
  return 32;
}
