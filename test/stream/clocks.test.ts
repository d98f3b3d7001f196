import { afterEach, describe, expect, test } from "bun:test";
import { KIND_PACKET, KIND_VP8 } from "../../assembly/abi.ts";
import { NtpClock } from "../../src/stream/clocks.ts";
import { RtpLog } from "../../wasm/log.ts";
import { loadBuild } from "../wasm/builds.ts";
import { checkReturned } from "../wasm/compare.ts";
import { writeFrame, writeRtp } from "../wasm/twin/packet.ts";
import { writeRtcp } from "../wasm/twin/rtcp.ts";

const NTP_EPOCH_MS = 2_208_988_800_000;
/** Wall clock when the monotonic clock is 0, ms since 1970. */
const WALL = 1_700_000_000_000;
const RATES = [90_000, 48_000];

describe("the time of a track", () => {
  const memory = loadBuild("release", 32);
  afterEach(() => checkReturned(memory));

  /** A publisher of two tracks whose packets come without delay, and the clock that follows. */
  class Publisher {
    readonly log: RtpLog;
    readonly clock: NtpClock;
    /** RTP time of each track when the monotonic clock is 0. */
    readonly #origins: readonly number[];

    constructor(origins: readonly number[] = [1_000, 5_000_000]) {
      this.#origins = origins;
      this.log = RtpLog.open(memory, {
        tracks: RATES.map((clockRate, i) => ({
          kinds: new Map([[96, i === 0 ? KIND_VP8 : KIND_PACKET]]),
          clockRate,
          paramsKnown: 0,
        })),
        lagPackets: 8,
        maxPacket: 1_460,
      }) as RtpLog;
      for (const i of [0, 1]) {
        this.log.mapChannel(2 * i, i, false);
        this.log.mapChannel(2 * i + 1, i, true);
      }
      this.clock = new NtpClock(this.log, RATES);
    }

    rtpTime(track: number, now: number): number {
      return ((this.#origins[track] as number) + (now * (RATES[track] as number)) / 1000) % 0x1_0000_0000;
    }

    send(track: number, now: number, time = this.rtpTime(track, now)): void {
      const fields = { payloadType: 96, marker: true, seq: now & 0xffff, time: time >>> 0, ssrc: track };
      const payload = track === 0 ? Uint8Array.from([0x10, 0, 0, 0, 0]) : new Uint8Array(40);
      this.log.receive(writeFrame(2 * track, writeRtp(fields, payload)), 0, now);
    }

    /** @param ntp what the publisher takes for the time, ms since 1900 */
    report(track: number, now: number, ntp: number, time = this.rtpTime(track, now)): void {
      const fraction = ((ntp % 1000) / 1000) * 0x1_0000_0000;
      const words = [track, Math.floor(ntp / 1000), Math.floor(fraction), Math.floor(time), 1, 1];
      this.log.receive(writeFrame(2 * track + 1, writeRtcp(0, 200, words)), 0, now);
    }

    at(track: number, now: number): { ntp: number; rtpTime: number } {
      const time = this.clock.at(track, now, WALL + now);
      if (time === undefined) throw new Error("no time");
      expect(time.ntp).toBe(WALL + now + NTP_EPOCH_MS);
      return time;
    }

    /** How far the time is from what was sent at that moment, ms. */
    error(track: number, now: number): number {
      const difference = (this.at(track, now).rtpTime - Math.floor(this.rtpTime(track, now))) | 0;
      return (difference / (RATES[track] as number)) * 1000;
    }

    close(): void {
      this.log.close();
    }
  }

  test("is not known before its first packet", () => {
    const publisher = new Publisher();
    expect(publisher.clock.at(0, 5, WALL)).toBeUndefined();
    publisher.report(0, 1, NTP_EPOCH_MS + WALL);
    expect(publisher.clock.at(0, 5, WALL)).toBeUndefined();
    expect(publisher.clock.at(7, 5, WALL)).toBeUndefined();
    publisher.close();
  });

  test("follows arrival while there are no reports, and across the wrap", () => {
    const publisher = new Publisher([0xffff_ff00, 0xffff_0000]);
    for (let now = 40; now < 4_000; now += 40) {
      publisher.send(0, now);
      publisher.send(1, now);
      expect(Math.abs(publisher.error(0, now + 15))).toBeLessThan(0.1);
      expect(Math.abs(publisher.error(1, now + 15))).toBeLessThan(0.1);
    }
    publisher.close();
  });

  test("follows the earliest arrival when packets are late", () => {
    const publisher = new Publisher();
    for (let now = 40; now < 8_000; now += 40) {
      publisher.send(1, now, publisher.rtpTime(1, now - ((now * 7) % 31)));
    }
    expect(Math.abs(publisher.error(1, 8_000))).toBeLessThan(10);
    publisher.close();
  });

  test("follows reports once every track has one, whatever the publisher's clock says", () => {
    for (const off of [0, -3_600_000, 86_400_000 * 365]) {
      const publisher = new Publisher();
      const ntp = NTP_EPOCH_MS + WALL + off;
      // its sound comes 300 ms before the pictures of the same moment
      const sound = (now: number) => publisher.rtpTime(1, now + 300);
      for (let now = 40; now < 12_000; now += 40) {
        publisher.send(0, now);
        publisher.send(1, now, sound(now));
        if (now === 2_000) publisher.report(0, now, ntp + now);
        if (now === 2_000) expect(publisher.error(1, now)).toBeCloseTo(300, 0);
        if (now === 3_000) publisher.report(1, now, ntp + now, publisher.rtpTime(1, now));
      }
      expect(Math.abs(publisher.error(0, 12_000))).toBeLessThan(0.1);
      expect(Math.abs(publisher.error(1, 12_000))).toBeLessThan(0.1);
      publisher.close();
    }
  });

  test("needs no report of a track that sends nothing", () => {
    const publisher = new Publisher();
    publisher.send(0, 40);
    publisher.report(0, 50, NTP_EPOCH_MS + 50, publisher.rtpTime(0, 1_050));
    expect(publisher.error(0, 60)).toBeCloseTo(1_000, 0);
    publisher.close();
  });

  test("is smoothed when reports arrive unevenly", () => {
    const publisher = new Publisher();
    const ntp = NTP_EPOCH_MS + WALL;
    publisher.send(0, 40);
    publisher.report(0, 100, ntp + 100);
    publisher.at(0, 100);
    // 80 ms on the way
    publisher.report(0, 1_100, ntp + 1_020, publisher.rtpTime(0, 1_020));
    publisher.send(0, 1_100);
    expect(publisher.error(0, 1_100)).toBeCloseTo(-10, 0);
    publisher.close();
  });

  const rogues: [string, (publisher: Publisher, now: number) => void][] = [
    ["RTP time", (publisher, now) => publisher.report(0, now, NTP_EPOCH_MS + WALL + now, 0x7000_0000)],
    ["NTP time", (publisher, now) => publisher.report(0, now, 12_345)],
    ["NTP time of the far future", (publisher, now) => publisher.report(0, now, 4_294_967_295_999)],
  ];
  for (const [name, report] of rogues) {
    test(`does not follow reports with a false ${name}`, () => {
      const publisher = new Publisher();
      const ntp = NTP_EPOCH_MS + WALL;
      for (let now = 40; now < 9_000; now += 40) {
        publisher.send(0, now);
        publisher.send(1, now);
        if (now === 2_000) publisher.report(0, now, ntp + now);
        if (now === 2_000) publisher.report(1, now, ntp + now);
        if (now === 4_000) report(publisher, now);
        for (const track of [0, 1]) expect(Math.abs(publisher.error(track, now))).toBeLessThan(1);
      }
      // and believes the next good ones again
      publisher.report(0, 9_000, ntp + 9_000);
      publisher.report(1, 9_000, ntp + 9_000);
      for (const track of [0, 1]) expect(Math.abs(publisher.error(track, 9_000))).toBeLessThan(1);
      publisher.close();
    });
  }
});
