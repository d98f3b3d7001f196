import { describe, expect, test } from "bun:test";
import { writeRange } from "../../../src/protocols/rtsp/proto/client.ts";
import { Camera, challenge, OFFER, SDP } from "./fake-camera.ts";

describe("a client of RTSP", () => {
  test("asks in turn, from OPTIONS to TEARDOWN, within one session", () => {
    const camera = new Camera("rtsp://user:pass@cam.example:8554/stream?x=1", "npt=3-");
    const options = camera.asked();
    expect([options.method, options.url]).toEqual(["OPTIONS", "rtsp://cam.example:8554/stream?x=1"]);
    expect(Object.fromEntries(options.headers)).toEqual({ CSeq: "1", "User-Agent": "gortsplib" });
    camera.answer(options);
    const describing = camera.asked();
    expect([describing.method, describing.headers.get("Accept")]).toEqual(["DESCRIBE", "application/sdp"]);
    camera.answer(describing, "200 OK", { "Content-Base": "rtsp://10.0.0.1/other/" }, SDP);
    expect(camera.output()?.kind).toBe("described");
    camera.client.setUp([OFFER], 0);
    const setUp = camera.asked();
    // the path of the server, on the host by which it was reached
    expect([setUp.method, setUp.url]).toEqual(["SETUP", "rtsp://cam.example:8554/other/trackID=0"]);
    expect(setUp.headers.get("Transport")).toBe("RTP/AVP/TCP;unicast;interleaved=0-1;mode=play");
    camera.answer(setUp, "200 OK", {
      Session: "0a;timeout=60",
      Transport: "RTP/AVP/TCP;unicast;interleaved=4-5",
    });
    expect(camera.output()).toMatchObject({ kind: "setUp", track: 0, transport: { interleaved: [4, 5] } });
    expect(camera.output()?.kind).toBe("prepared");
    camera.client.play(0);
    const playing = camera.asked();
    expect([playing.method, playing.headers.get("Range"), playing.headers.get("Session")]).toEqual([
      "PLAY",
      "npt=3-",
      "0a",
    ]);
    camera.answer(playing);
    expect(camera.output()?.kind).toBe("playing");
    camera.client.teardown(0);
    expect(camera.asked().method).toBe("TEARDOWN");
    expect(camera.output()).toBeUndefined();
  });

  const CONTROLS: [name: string, sdp: string, headers: Record<string, string>, url: string][] = [
    ["relative to the request", SDP, {}, "rtsp://cam.example/stream/trackID=0"],
    [
      "relative to a base that ends in a slash",
      SDP,
      { "Content-Base": "rtsp://cam.example/a/" },
      "rtsp://cam.example/a/trackID=0",
    ],
    [
      "relative to Content-Location",
      SDP,
      { "Content-Location": "rtsp://x/b" },
      "rtsp://cam.example/b/trackID=0",
    ],
    [
      "relative to the session's control",
      SDP.replace("m=", "a=control:rtsp://10.9.8.7:99/c\r\nm="),
      { "Content-Base": "rtsp://x/b" },
      "rtsp://cam.example/c/trackID=0",
    ],
    [
      "absolute, with the camera's own idea of its address",
      SDP.replace("trackID=0", "rtsp://192.168.0.9:554/d/t0"),
      {},
      "rtsp://cam.example/d/t0",
    ],
    ["a query alone", SDP.replace("trackID=0", "?ctype=video"), {}, "rtsp://cam.example/stream?ctype=video"],
    [
      "with what cannot stand in a request",
      SDP.replace("trackID=0", "track 1é"),
      { "Content-Base": "rtsp://x/a%2Fb%26c/ü?é=1" },
      "rtsp://cam.example/a%2Fb%26c/%C3%BC?%C3%A9=1/track%201%C3%A9",
    ],
    ["a star", SDP.replace("trackID=0", "*"), {}, "rtsp://cam.example/stream"],
    ["missing", SDP.replace("a=control:trackID=0\r\n", ""), {}, "rtsp://cam.example/stream"],
    ["relative to a path", SDP, { "Content-Base": "/a/b/" }, "rtsp://cam.example/a/b/trackID=0"],
    ["relative to a host", SDP, { "Content-Base": "10.0.0.1:554/a/" }, "rtsp://cam.example/a/trackID=0"],
    ["relative to //host", SDP, { "Content-Base": "//10.0.0.1/a/" }, "rtsp://cam.example/a/trackID=0"],
    ["a base that is no URL", SDP, { "Content-Base": "what" }, "rtsp://cam.example/stream/trackID=0"],
    ["a base with an odd port", SDP, { "Content-Base": "rtsp://x:0/a/" }, "rtsp://cam.example/a/trackID=0"],
  ];
  for (const [name, sdp, headers, url] of CONTROLS) {
    test(`finds a track's URL: ${name}`, () => {
      const camera = new Camera();
      camera.describe(sdp, headers);
      camera.client.setUp([OFFER], 0);
      expect(camera.asked().url).toBe(url);
    });
  }

  test("takes answers without CSeq, provisional ones, and late ones of an earlier request", () => {
    const camera = new Camera();
    const options = camera.asked();
    camera.say("RTSP/1.0 100 Continue\nCSeq: 1\n\n");
    expect(camera.output()).toBeUndefined();
    camera.say("RTSP/1.0 200 OK\n\n");
    const describing = camera.asked();
    camera.answer(options, "404 Not Found");
    expect(camera.output()).toBeUndefined();
    camera.answer(describing, "200 OK", {}, SDP);
    expect(camera.output()?.kind).toBe("described");
  });

  test("goes on when OPTIONS is refused, and answers requests of the camera", () => {
    const camera = new Camera();
    camera.answer(camera.asked(), "501 Not Implemented");
    const describing = camera.asked();
    expect(describing.method).toBe("DESCRIBE");
    camera.say("OPTIONS * RTSP/1.0\nCSeq: 77\n\n");
    expect(camera.output()).toMatchObject({ kind: "send" });
    camera.say("ANNOUNCE rtsp://x/ RTSP/1.0\nCSeq: 78\n\n");
    const refused = camera.output() as { bytes: Uint8Array };
    expect(new TextDecoder().decode(refused.bytes)).toBe("RTSP/1.0 501 Not Implemented\r\nCSeq: 78\r\n\r\n");
    camera.answer(describing, "200 OK", {}, SDP);
    expect(camera.output()?.kind).toBe("described");
  });

  test("passes over interleaved frames that come before PLAY is answered", () => {
    const camera = new Camera();
    camera.answer(camera.asked());
    const describing = camera.asked();
    camera.client.receive(new Uint8Array([0x24, 9, 0, 2, 1, 2]), 0, 0);
    camera.answer(describing, "200 OK", {}, SDP);
    expect(camera.output()?.kind).toBe("described");
  });

  test("answers Digest, once; again only when the nonce was stale", () => {
    const camera = new Camera("rtsp://user:pa:ss@cam.example/stream");
    camera.answer(camera.asked(), "401 Unauthorized", challenge(""));
    const second = camera.asked();
    expect([second.method, second.headers.get("CSeq")]).toEqual(["OPTIONS", "2"]);
    expect(second.headers.get("Authorization")).toStartWith('Digest username="user", realm="r", nonce="n1"');
    camera.answer(second);
    const describing = camera.asked();
    camera.answer(describing, "401 Unauthorized", {
      "WWW-Authenticate": 'Digest realm="r", nonce="n2", stale=TRUE',
    });
    const again = camera.asked();
    expect(again.method).toBe("DESCRIBE");
    expect(again.headers.get("Authorization")).toContain('nonce="n2"');
    expect(() => camera.answer(again, "401 Unauthorized", challenge(', stale=false, qop="auth"'))).toThrow(
      "bad status code: 401 (Unauthorized)",
    );
  });

  test("prefers Digest to Basic, and takes Basic where there is nothing else", () => {
    const camera = new Camera("rtsp://user:pass@cam.example/stream");
    const options = camera.asked();
    const cseq = options.headers.get("CSeq");
    camera.say(
      `RTSP/1.0 401 Unauthorized\nCSeq: ${cseq}\nWWW-Authenticate: Basic realm="b"\nWWW-Authenticate: Digest realm="r", nonce="n"\n\n`,
    );
    expect(camera.asked().headers.get("Authorization")).toStartWith("Digest ");
    const other = new Camera("rtsp://user:pass@cam.example/stream");
    other.answer(other.asked(), "401 Unauthorized", { "WWW-Authenticate": 'Basic realm="b"' });
    expect(other.asked().headers.get("Authorization")).toBe(
      `Basic ${Buffer.from("user:pass").toString("base64")}`,
    );
  });

  test("without credentials a challenge is the end", () => {
    const camera = new Camera();
    expect(() => camera.answer(camera.asked(), "401 Unauthorized", challenge(""))).toThrow("401");
  });

  test("says where it was sent on to, and what a server without the transport answers", () => {
    const camera = new Camera();
    camera.answer(camera.asked());
    camera.answer(camera.asked(), "302 Found", { Location: "rtsp://b/c" });
    expect(camera.output()).toEqual({ kind: "redirect", url: "rtsp://b/c" });
    const other = new Camera();
    other.describe();
    other.client.setUp([OFFER], 0);
    other.answer(other.asked(), "461 Unsupported Transport");
    expect(other.output()).toEqual({ kind: "unsupportedTransport" });
  });

  test("an error of the server ends it, whatever was asked", () => {
    const camera = new Camera();
    camera.answer(camera.asked());
    expect(() => camera.answer(camera.asked(), "500 Internal Server Error")).toThrow(
      "bad status code: 500 (Internal Server Error)",
    );
    const other = new Camera();
    other.answer(other.asked());
    expect(() => other.answer(other.asked(), "300 Multiple Choices")).toThrow("300");
    const third = new Camera();
    third.answer(third.asked());
    expect(() => third.answer(third.asked(), "200 OK", {}, "no SDP at all")).toThrow();
  });

  test("keeps the session alive by what the server offers, in its time, and does not mind silence", () => {
    const camera = new Camera();
    camera.answer(camera.asked(), "200 OK", { Public: "describe, get_parameter , PLAY" });
    camera.answer(camera.asked(), "200 OK", {}, SDP);
    camera.output();
    camera.play("abc;timeout=20");
    camera.client.tick(15_999);
    expect(camera.output()).toBeUndefined();
    for (const at of [16_000, 32_000, 48_000]) {
      camera.now = at;
      camera.client.tick(at);
      const alive = camera.asked();
      expect([alive.method, alive.headers.get("Session")]).toEqual(["GET_PARAMETER", "abc"]);
      if (at === 16_000) camera.answer(alive, "454 Session Not Found");
      if (at === 32_000) camera.client.tick(at + 5_000); // this one is never answered
      expect(camera.output()).toBeUndefined();
    }
  });

  test("keeps a session alive by OPTIONS, every 30 s, where nothing else is known", () => {
    const camera = new Camera();
    camera.describe();
    camera.play();
    expect(camera.client.deadline).toBe(30_000);
    camera.client.tick(30_000);
    expect(camera.asked().method).toBe("OPTIONS");
  });

  test("gives up a server that does not answer", () => {
    const camera = new Camera();
    expect(camera.client.deadline).toBe(5_000);
    camera.client.tick(4_999);
    expect(() => camera.client.tick(5_000)).toThrow("i/o timeout: no response to OPTIONS");
  });
});

describe("the Range header", () => {
  const RANGES: [type: string, start: string | number, header: string][] = [
    ["", "", "npt=0-"],
    ["", 5_000, "npt=0-"],
    ["npt", 90_500, "npt=90.5-"],
    ["smpte", 3_723_000, "smpte=1:02:03-"],
    ["clock", "20230812T120000Z", "clock=20230812T120000Z-"],
    ["clock", "20230812T120000.25Z", "clock=20230812T120000.25Z-"],
  ];
  for (const [type, start, header] of RANGES) {
    test(`${type || "live"} from ${start || "now"}`, () => expect(writeRange(type, start)).toBe(header));
  }

  test("with a time that is none", () => {
    expect(() => writeRange("clock", "20230812T120000Z\r\nX: y")).toThrow("invalid rtspRangeStart");
  });
});
