import { type Browser, chromium, type Page } from "playwright-core";

/** What keeps Chromium from talking to anybody but us, and lets it play with sound. */
const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--autoplay-policy=no-user-gesture-required",
];

/** What a page's player is doing. */
export interface Playback {
  /** s. */
  readonly time: number;
  /** Between the picture and the newest data, s. */
  readonly behind: number;
  readonly frames: number;
  readonly dropped: number;
  readonly width: number;
  readonly height: number;
  readonly message: string;
}

/** A Chromium with one page. */
export class BrowserPage implements AsyncDisposable {
  readonly page: Page;
  readonly #browser: Browser;

  private constructor(browser: Browser, page: Page) {
    this.#browser = browser;
    this.page = page;
  }

  static async open(url: string): Promise<BrowserPage> {
    const executablePath = Bun.which("chromium") ?? "";
    const browser = await chromium.launch({ executablePath, headless: true, args: FLAGS });
    const page = await browser.newPage();
    await page.goto(url);
    return new BrowserPage(browser, page);
  }

  playback(): Promise<Playback> {
    return this.page.evaluate(readPlayback);
  }

  /** Waits until the player does as it should. @throws {Error} with what it does instead */
  async until(claim: (playback: Playback) => boolean, limitMs = 40_000): Promise<Playback> {
    const end = performance.now() + limitMs;
    for (;;) {
      const playback = await this.playback();
      if (claim(playback)) return playback;
      if (performance.now() > end) throw new Error(`the page: ${JSON.stringify(playback)}`);
      await this.page.waitForTimeout(100);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#browser.close();
  }
}

/** Runs in the page. */
function readPlayback(): Playback {
  const root = globalThis as unknown as { document: { querySelector(name: string): unknown } };
  const video = root.document.querySelector("video") as {
    currentTime: number;
    buffered: { length: number; end(index: number): number };
    getVideoPlaybackQuality(): { totalVideoFrames: number; droppedVideoFrames: number };
    videoWidth: number;
    videoHeight: number;
  };
  const message = root.document.querySelector("#message") as { textContent: string } | null;
  const { buffered, currentTime } = video;
  const quality = video.getVideoPlaybackQuality();
  return {
    time: currentTime,
    behind: buffered.length === 0 ? 0 : buffered.end(buffered.length - 1) - currentTime,
    frames: quality.totalVideoFrames,
    dropped: quality.droppedVideoFrames,
    width: video.videoWidth,
    height: video.videoHeight,
    message: message?.textContent ?? "",
  };
}
