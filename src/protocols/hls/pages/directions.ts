import type { PageText } from "../../../http/person-page.ts";

const WATCH =
  "To watch a stream, put the name of its path behind the address of this server: <code>/mystream/</code>. " +
  "Players take <code>/mystream/index.m3u8</code>.";

/** Where no path is named. */
export const ROOT_PAGE: PageText = {
  title: "HLS server",
  paragraphs: [
    WATCH,
    "To publish one: <code>ffmpeg -re -i file.mp4 -c copy -f rtsp rtsp://localhost:8554/mystream</code> " +
      "(8554 is the default of <code>rtspAddress</code>).",
  ],
};

/** Where there is nothing; the same for all paths, so that nobody learns which ones exist. */
export const MISSING_PAGE: PageText = {
  title: "Nothing here",
  paragraphs: [
    "There is no such path, or nobody publishes to it now. Check the name, letter case included, and the log of the server.",
    WATCH,
  ],
};

/** Where credentials are needed, or were wrong. */
export const REFUSED_PAGE: PageText = {
  title: "User name and password needed",
  paragraphs: [
    "This path takes only some users or addresses. Load the page again and give the user name and password of a reader.",
  ],
};
