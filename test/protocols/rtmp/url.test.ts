import { describe, expect, test } from "bun:test";
import { ProtocolError } from "../../../src/lib/errors.ts";
import { parseSourceUrl, readTarget } from "../../../src/protocols/rtmp/proto/url.ts";

const HOST = "rtmp://localhost/x";

describe("the stream a client asks for", () => {
  test.each([
    ["live", "cam1", "live/cam1", ""],
    ["cam1", "", "cam1", ""],
    ["", "cam1", "cam1", ""],
    ["a/b", "c", "a/b/c", ""],
    ["a", "b/c/d", "a/b/c/d", ""],
    ["live/", "/one", "live/one", ""],
    ["//live//", "", "live", ""],
    ["/", "/", "", ""],
    ["live/", "?user=u", "live", "user=u"],
    ["mystream?user=u&pass=p", "", "mystream", "user=u&pass=p"],
    ["a", "b?user=u", "a/b", "user=u"],
    ["live?a=1", "cam?b=2", "live/cam", "b=2&a=1"],
    ["live?a=1", "cam", "live/cam", "a=1"],
    ["live?", "cam?", "live/cam", ""],
    ["live", "cam?a=1?b/c", "live/cam", "a=1?b/c"],
    ["live%2fa", "my%20cam", "live/a/my cam", ""],
    ["live", "gr%C3%BCn", "live/grün", ""],
    ["%2f..%2f", "..", "../..", ""],
  ])("app %p, stream %p: %s?%s", (app, stream, path, query) => {
    expect(readTarget({ tcUrl: HOST, app, stream })).toMatchObject({ path, query });
  });

  test.each([
    ["rtmp://localhost/live", "rtmp", "localhost"],
    ["RTMPS://h:1935", "rtmps", "h:1935"],
    ["'rtmp://h/live'", "rtmp", "h"],
    ["rtmp://[::1]:1935/live", "rtmp", "[::1]:1935"],
    ["rtmp://fe80::1/live", "rtmp", "fe80::1"],
    ["rtmp://my_host.:99999/live", "rtmp", "my_host.:99999"],
    ["rtmp://über host/live", "rtmp", "über host"],
    ["rtmp://u:p@h/live", "rtmp", "h"],
    ["rtmp://h?a=//b@c", "rtmp", "h"],
    ["rtmpte://h/live", "rtmpte", "h"],
  ])("at %s", (tcUrl, scheme, host) => {
    expect(readTarget({ tcUrl, app: "a", stream: "b" })).toMatchObject({ scheme, host });
  });

  test.each([
    ["user=u&pass=p", { user: "u", pass: "p" }],
    ["pass=p%26%20+q&user=%C3%BC", { user: "ü", pass: "p&  q" }],
    ["user=u", { user: "u", pass: "" }],
    ["pass=p", { user: "", pass: "p" }],
    ["user=", { user: "", pass: "" }],
    ["token=a", undefined],
    ["", undefined],
  ])("with the credentials of %p", (query, credentials) => {
    expect(readTarget({ tcUrl: HOST, app: `a?${query}`, stream: "" }).credentials).toEqual(credentials);
    expect(readTarget({ tcUrl: HOST, app: "a", stream: `b?${query}` }).credentials).toEqual(credentials);
  });

  test("credentials of the stream name count before those of the application", () => {
    const request = { tcUrl: HOST, app: "a?user=a&pass=b", stream: "s?user=c&pass=d" };
    expect(readTarget(request).credentials).toEqual({ user: "c", pass: "d" });
  });

  test.each([
    ["", "a", "", "invalid host"],
    ["rtmp:///live", "a", "", "invalid host"],
    ["rtmp://u:p@/live", "a", "", "invalid host"],
    ["live", "a", "", "invalid host"],
    ["//h/live", "a", "", "invalid scheme"],
    [HOST, "a%zz", "b", 'invalid escape in stream name: "a%zz/b"'],
    [HOST, "a", "%ff", 'invalid escape in stream name: "a/%ff"'],
    [HOST, "a".repeat(4097), "", "URL longer than 4096"],
    [HOST, "", "a".repeat(4097), "URL longer than 4096"],
    [`rtmp://${"'".repeat(4097)}`, "", "", "URL longer than 4096"],
  ])("is refused: tcUrl %p, app %p, stream %p", (tcUrl, app, stream, message) => {
    expect(() => readTarget({ tcUrl, app, stream })).toThrow(new ProtocolError(message));
  });
});

describe("a source", () => {
  test.each([
    ["rtmp://h", "", "", "rtmp://h/"],
    ["rtmp://h/cam", "cam", "", "rtmp://h/cam"],
    ["rtmp://h/live/cam", "live", "cam", "rtmp://h/live"],
    ["rtmp://h/live/a/cam/1", "live/a", "cam/1", "rtmp://h/live/a"],
    ["rtmp://h/live/", "live", "", "rtmp://h/live"],
    ["rtmp://h/cam?user=u&pass=p", "cam?user=u&pass=p", "", "rtmp://h/cam?user=u&pass=p"],
    ["rtmp://h/live/cam?t=a/b", "live", "cam?t=a/b", "rtmp://h/live"],
    ["rtmp://h?a=b", "?a=b", "", "rtmp://h/?a=b"],
    ["rtmp://h/live/a#cam", "live/a", "cam", "rtmp://h/live/a"],
    ["rtmp://h/live/a/b?x=1#cam?t=2", "live/a/b?x=1", "cam?t=2", "rtmp://h/live/a/b?x=1"],
    ["rtmp://h/live#", "live", "", "rtmp://h/live"],
    ["rtmp://h/li%20ve/c%C3%BC", "li%20ve", "c%C3%BC", "rtmp://h/li%20ve"],
  ])("%s", (text, app, stream, tcUrl) => {
    expect(parseSourceUrl(text)).toEqual({ scheme: "rtmp", host: "h", port: 1935, app, stream, tcUrl });
  });

  test.each([
    ["rtmps://h/a/b", "rtmps", "h", 1935, "rtmps://h/a"],
    ["RTMP://h:19350/a/b", "rtmp", "h", 19350, "rtmp://h:19350/a"],
    ["rtmp://h:/a/b", "rtmp", "h", 1935, "rtmp://h:/a"],
    ["rtmp://[::1]:1936/a/b", "rtmp", "::1", 1936, "rtmp://[::1]:1936/a"],
    ["rtmp://[fe80::1%25eth0]/a/b", "rtmp", "fe80::1%eth0", 1935, "rtmp://[fe80::1%25eth0]/a"],
    ["rtmp://u:p@w@h/a/b", "rtmp", "h", 1935, "rtmp://h/a"],
  ] as const)("%s", (text, scheme, host, port, tcUrl) => {
    expect(parseSourceUrl(text)).toEqual({ scheme, host, port, app: "a", stream: "b", tcUrl });
  });

  test.each([
    ["", "invalid URL of RTMP"],
    ["http://h/a", "invalid URL of RTMP"],
    ["rtmp:///a", "invalid URL of RTMP"],
    ["rtmp://u:p@/a", "invalid URL of RTMP"],
    ["rtmp://h/a b", "invalid URL of RTMP"],
    ["rtmp://h/a\r\n", "invalid URL of RTMP"],
    ["rtmp://fe80::1/a", "invalid URL of RTMP"],
    ["rtmp://h:x/a", "invalid URL of RTMP"],
    ["rtmp://h:0/a", "invalid port of URL: 0"],
    ["rtmp://h:65536/a", "invalid port of URL: 65536"],
    [`rtmp://h/${"a".repeat(4096)}`, "URL longer than 4096"],
  ])("is refused: %p", (text, message) => {
    expect(() => parseSourceUrl(text)).toThrow(new ProtocolError(message));
  });
});
