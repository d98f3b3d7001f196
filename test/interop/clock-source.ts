// Pictures, 640x360 in grey, 30 a second, that show the wall clock as 32 bars, each a bit of the milliseconds since
// 1970: dark is 0, bright is 1. FFmpeg publishes them with a tone. Run in a process of its own:
//   bun clock-source.ts rtsp://host:port/path

export const CLOCK_WIDTH = 640;
export const CLOCK_HEIGHT = 360;
export const CLOCK_RATE = 30;
const BITS = 32;
/** Height of the bars; below them something moves, so that the encoder has work. */
const BARS = 120;

/** The clock of a picture, ms modulo 2^32, from the brightness of points in its bars. */
export function readBars(brightness: (bar: number) => number): number {
  let clock = 0;
  for (let bar = 0; bar < BITS; bar++) clock = clock * 2 + (brightness(bar) > 127 ? 1 : 0);
  return clock;
}

function draw(frame: Uint8Array, clock: number, number: number): void {
  const bar = CLOCK_WIDTH / BITS;
  for (let x = 0; x < CLOCK_WIDTH; x++) {
    const bit = BITS - 1 - Math.floor(x / bar);
    frame[x] = Math.floor(clock / 2 ** bit) % 2 === 1 ? 235 : 16;
  }
  for (let y = 1; y < BARS; y++) frame.copyWithin(y * CLOCK_WIDTH, 0, CLOCK_WIDTH);
  for (let y = BARS; y < CLOCK_HEIGHT; y++) {
    const start = y * CLOCK_WIDTH;
    for (let x = 0; x < CLOCK_WIDTH; x++) frame[start + x] = (x * 3 + y * 5 + number * 7) & 255;
  }
}

/** FFmpeg's words in front of the URL; it ends with its input. */
const ENCODER = [
  `ffmpeg -nostats -loglevel error -f rawvideo -pix_fmt gray -s ${CLOCK_WIDTH}x${CLOCK_HEIGHT} -r ${CLOCK_RATE} -i pipe:0`,
  "-re -f lavfi -i sine=440 -shortest -c:v libx264 -preset ultrafast -tune zerolatency -g 30 -pix_fmt yuv420p",
  "-c:a aac -f rtsp -rtsp_transport tcp",
].join(" ");

if (import.meta.main) {
  const encoder = Bun.spawn([...ENCODER.split(" "), process.argv[2] ?? ""], {
    stdin: "pipe",
    stdout: "ignore",
    stderr: "ignore",
  });
  const frame = new Uint8Array(CLOCK_WIDTH * CLOCK_HEIGHT);
  const start = performance.now();
  for (let number = 0; encoder.exitCode === null; number++) {
    const due = start + (number * 1000) / CLOCK_RATE;
    const wait = due - performance.now();
    if (wait > 0) await Bun.sleep(wait);
    draw(frame, Date.now() % 2 ** BITS, number);
    encoder.stdin.write(frame);
    await encoder.stdin.flush();
  }
}
