import { interleaved, RtspClient } from "../support/rtsp-client.ts";
import { H264Sender } from "./h264-clip.ts";

const AUDIO_TYPE = 97;
/** A frame of silence of AAC-LC, two channels. */
const AAC_FRAME = Buffer.from("21104560 01a0 1c".replaceAll(" ", ""), "hex");

/** Publishes access units of H264 with the times it is told, and frames of AAC, as fast as it is asked to. */
export class ClipPublisher implements AsyncDisposable {
  readonly client: RtspClient;
  readonly #sender = new H264Sender();
  #audioSeq = 0;

  private constructor(client: RtspClient) {
    this.client = client;
  }

  /** @param tracks what is announced, whether it is sent or not */
  static async start(url: string, tracks: "video" | "both" = "video"): Promise<ClipPublisher> {
    const client = await RtspClient.connect(url);
    const body = [
      "v=0",
      "o=- 0 0 IN IP4 127.0.0.1",
      "s=clip",
      "c=IN IP4 0.0.0.0",
      "t=0 0",
      ...["m=video 0 RTP/AVP 96", "a=rtpmap:96 H264/90000", "a=fmtp:96 packetization-mode=1"],
      "a=control:trackID=0",
      ...(tracks === "both" ? AUDIO : []),
      "",
    ].join("\r\n");
    await client.must("ANNOUNCE", { headers: { "Content-Type": "application/sdp" }, body });
    for (let i = 0; i < (tracks === "both" ? 2 : 1); i++) {
      const transport = `RTP/AVP/TCP;unicast;interleaved=${2 * i}-${2 * i + 1};mode=record`;
      await client.must("SETUP", { url: `/trackID=${i}`, headers: { Transport: transport } });
    }
    await client.must("RECORD");
    return new ClipPublisher(client);
  }

  /** @param time RTP time, 90 kHz */
  video(unit: readonly Buffer[], time: number): void {
    this.client.send(this.#sender.packets(unit, time));
  }

  /** @param time RTP time, 48 kHz */
  audio(time: number): void {
    const packet = Buffer.alloc(16 + AAC_FRAME.length);
    packet[0] = 0x80;
    packet[1] = AUDIO_TYPE | 0x80;
    packet.writeUInt16BE(this.#audioSeq, 2);
    packet.writeUInt32BE(time >>> 0, 4);
    packet.writeUInt32BE(0xaac, 8);
    packet.writeUInt16BE(16, 12);
    packet.writeUInt16BE(AAC_FRAME.length << 3, 14);
    AAC_FRAME.copy(packet, 16);
    this.#audioSeq = (this.#audioSeq + 1) & 0xffff;
    this.client.send(interleaved(2, packet));
  }

  /** Sends units one frame apart, from RTP time `first` on; returns the time behind the last. */
  run(units: readonly Buffer[][], first: number, ticks = 3_600): number {
    units.forEach((unit, i) => {
      this.video(unit, first + i * ticks);
    });
    return first + units.length * ticks;
  }

  /** Sends units in one write, `ticks` apart. */
  burst(units: readonly Buffer[][], first: number, ticks: number): void {
    this.client.send(Buffer.concat(units.map((unit, i) => this.#sender.packets(unit, first + i * ticks))));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.client[Symbol.asyncDispose]();
  }
}

const AUDIO = [
  "m=audio 0 RTP/AVP 97",
  "a=rtpmap:97 mpeg4-generic/48000/2",
  "a=fmtp:97 mode=AAC-hbr; config=1190; sizelength=13; indexlength=3; indexdeltalength=3; streamtype=5",
  "a=control:trackID=1",
];
