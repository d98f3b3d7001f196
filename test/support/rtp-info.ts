import type { RtpInfo } from "../../src/protocols/rtsp/proto/rtp-info.ts";

/** Reads the RTP-Info header of our own responses: `url`, `seq` and `rtptime`, in that order. */
export function parseRtpInfo(value: string): RtpInfo[] {
  return value.split(/,(?=url=)/).map((entry) => {
    const match = /^url=(.*?)(?:;seq=(\d+))?(?:;rtptime=(\d+))?$/.exec(entry);
    if (match === null) throw new Error(`invalid RTP-Info entry: ${entry}`);
    const [, url = "", seq, rtpTime] = match;
    return {
      url,
      ...(seq !== undefined && { seq: Number(seq) }),
      ...(rtpTime !== undefined && { rtpTime: Number(rtpTime) }),
    };
  });
}
