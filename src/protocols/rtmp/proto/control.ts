import {
  EVENT,
  type InMessage,
  MESSAGE,
  type OutMessage,
  readNumber,
  writeAcknowledgement,
  writeEvent,
} from "./message.ts";

/** Window before the peer announces one; a smaller one than the minimum would cost more than it tells. */
const WINDOW = 2_500_000;
const WINDOW_MIN = 4_096;

/** Both sides of what keeps a connection going: acknowledgements and pings. */
export class LinkControl {
  #window = WINDOW;
  #acknowledged = 0;

  /**
   * Handles a control message.
   *
   * @returns what to answer
   */
  receive({ type, body }: InMessage): OutMessage | undefined {
    if (type === MESSAGE.windowSize) this.#window = Math.max(readNumber(body), WINDOW_MIN);
    if (type !== MESSAGE.userControl || body.length < 6) return undefined;
    const event = ((body[0] as number) << 8) | (body[1] as number);
    return event === EVENT.pingRequest ? writeEvent(EVENT.pingResponse, readNumber(body, 2)) : undefined;
  }

  /**
   * The acknowledgement that is due (RTMP specification §5.4.3).
   *
   * @param received all bytes received so far
   */
  acknowledge(received: number): OutMessage | undefined {
    if (received - this.#acknowledged < this.#window) return undefined;
    this.#acknowledged = received;
    return writeAcknowledgement(received);
  }
}

/** Whether a message is one that `LinkControl` handles. */
export function isControl(type: number): boolean {
  return type < MESSAGE.audio;
}
