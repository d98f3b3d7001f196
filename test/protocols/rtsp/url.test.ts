import { expect, test } from "bun:test";
import { checkRtspUrl } from "../../../src/config/source-scheme.ts";
import { ProtocolError } from "../../../src/lib/errors.ts";
import {
  controlBase,
  parseRtspUrl,
  parseServerUrl,
  withoutTrailingSlash,
  writeRtspUrl,
} from "../../../src/protocols/rtsp/proto/url.ts";

const PLAIN = { scheme: "rtsp", host: "h", port: undefined, path: "p", query: "" } as const;

test.each([
  ["rtsp://h/p", PLAIN],
  ["RTSPS://h:8322/p", { ...PLAIN, scheme: "rtsps", port: 8322 }],
  ["rtsp://h:/p", PLAIN],
  ["rtsp://h", { ...PLAIN, path: "" }],
  ["rtsp://h?a=b", { ...PLAIN, path: "", query: "a=b" }],
  ["rtsp://h/p#fragment", PLAIN],
  ["rtsp://u@h/p", { ...PLAIN, user: "u" }],
  ["rtsp://u:p%40:%2f@h/p", { ...PLAIN, user: "u", password: "p@:/" }],
  ["rtsp://u:a@b@h/p", { ...PLAIN, user: "u", password: "a@b" }],
  ["rtsp://127.0.0.1:554/a/b/c", { ...PLAIN, host: "127.0.0.1", port: 554, path: "a/b/c" }],
  ["rtsp://[::1]:8554/p", { ...PLAIN, host: "::1", port: 8554 }],
  ["rtsp://[fe80::1%25eth0]/p", { ...PLAIN, host: "fe80::1%eth0" }],
  ["rtsp://[fe80::1%eth0]/p", { ...PLAIN, host: "fe80::1%eth0" }],
  ["rtsp://h/my%20stream?k=%20/x?y", { ...PLAIN, path: "my stream", query: "k=%20/x?y" }],
  ["rtsp://h/gr%C3%BCn/ü", { ...PLAIN, path: "grün/ü" }],
  ["rtsp://h//p/", { ...PLAIN, path: "/p/" }],
] as const)("%s", (text, expected) => {
  const url = parseRtspUrl(text);
  expect(url).toEqual(expected);
  const { user: _, password: __, ...place } = expected as typeof url;
  expect(parseRtspUrl(writeRtspUrl(url))).toEqual(place);
});

test.each([
  ["", "invalid URL: "],
  ["*", "invalid URL: *"],
  ["/p", "invalid URL: /p"],
  ["http://h/p", "invalid URL: http://h/p"],
  ["rtsp:/h/p", "invalid URL: rtsp:/h/p"],
  ["rtsp:///p", "invalid URL: rtsp:///p"],
  ["rtsp://:8554/p", "invalid URL: rtsp://:8554/p"],
  ["rtsp://h h/p", "invalid URL: rtsp://h h/p"],
  ["rtsp://h/p\tq", "invalid URL: rtsp://h/p\tq"],
  ["rtsp://h:x/p", "invalid URL: rtsp://h:x/p"],
  ["rtsp://::1/p", "invalid URL: rtsp://::1/p"],
  ["rtsp://[::1/p", "invalid URL: rtsp://[::1/p"],
  ["rtsp://[x]/p", "invalid URL: rtsp://[x]/p"],
  ["rtsp://h:0/p", "invalid port of URL: 0"],
  ["rtsp://h:65536/p", "invalid port of URL: 65536"],
  ["rtsp://h/%zz", "invalid URL: rtsp://h/%zz"],
  ["rtsp://user:secret@h/%ff", "invalid URL: rtsp://***@h/%ff"],
  [`rtsp://h/${"p".repeat(2048)}`, `URL longer than 2048: rtsp://h/${"p".repeat(55)}…`],
])("%p is refused", (text, message) => {
  expect(() => parseRtspUrl(text)).toThrow(new ProtocolError(message));
});

test.each([
  ["rtsp://u:p@h:8554/a b", "rtsp://h:8554/a%20b/"],
  ["rtsp://h/p/", "rtsp://h/p/"],
  ["rtsp://h/p?a=b", "rtsp://h/p?a=b/"],
  ["rtsp://h/p?a=b/", "rtsp://h/p?a=b/"],
  ["rtsp://[fe80::1%25eth0]:1/p", "rtsp://[fe80::1%25eth0]:1/p/"],
])("controls of %s lie below %s", (text, expected) => {
  expect(controlBase(parseRtspUrl(text.replace(" ", "%20")))).toBe(expected);
});

test("one trailing slash is taken off, of the query first", () => {
  expect(withoutTrailingSlash(parseRtspUrl("rtsp://h/p//"))).toEqual({ ...PLAIN, path: "p/" });
  expect(withoutTrailingSlash(parseRtspUrl("rtsp://h/p/?q/"))).toEqual({ ...PLAIN, path: "p/", query: "q" });
  expect(withoutTrailingSlash(parseRtspUrl("rtsp://h/p"))).toEqual(PLAIN);
});

test.each([
  ["rtsp://u:p@h:1/a%2Fb?c=%26&d#e", "rtsp://h:1/a%2Fb?c=%26&d"],
  ["rtsp://h/a%zz?%", "rtsp://h/a%zz?%"],
  ["rtsp://u:p w%@h/a b?c d", "rtsp://h/a%20b?c%20d"],
  ["rtsp://h/ü(1)~", "rtsp://h/%C3%BC(1)~"],
  ["rtsp://h?x", "rtsp://h/?x"],
  ["rtsps://[::1]/a//b/", "rtsps://[::1]/a//b/"],
])("another server sees %s as it was written", (text, written) => {
  expect(writeRtspUrl(parseServerUrl(text))).toBe(written);
});

test.each([
  ["rtsp+http://u:p@h/a", "http", "rtsp://h/a"],
  ["RTSP+HTTP://h:80/a?b", "http", "rtsp://h:80/a?b"],
  ["rtsps+ws://h", "websocket", "rtsps://h/"],
] as const)("the scheme of %s names a tunnel", (text, tunnel, written) => {
  const url = parseServerUrl(text);
  expect(url.tunnel).toBe(tunnel);
  expect(writeRtspUrl(url)).toBe(written);
});

test.each(["rtsp+ftp://h/", "rtsp+://h/", "http+ws://h/", "rtsp+http+ws://h/"])(
  "%s is no URL of a server",
  (text) => {
    expect(() => parseServerUrl(text)).toThrow("invalid URL");
  },
);

test.each([
  ["Pw%0Xy", "Pw%0Xy"],
  ["pw%", "pw%"],
  ["%40%", "@%"],
  ["a%ffb%C3%BC", "a%ffbü"],
  ["100%25%zz", "100%%zz"],
  ["p w", "p w"],
])("a raw percent sign or space in a password stands for itself: %s", (text, password) => {
  expect(parseServerUrl(`rtsp://u:${text}@h/p`)).toMatchObject({ user: "u", password, host: "h" });
});

test.each([
  "rtsp://h:0/",
  "rtsp://h:/a",
  "rtsp://h/%",
  "rtsp://u%:p@h",
  "rtsp://u:p w@h/a b",
  "rtsp://h?%",
  "rtsp://bü/é",
])("a source's URL is refused when the configuration is loaded, or can be used: %s", (text) => {
  if (checkRtspUrl(text) === undefined) expect(() => parseServerUrl(text)).not.toThrow();
});
