import { describe, expect, test } from "bun:test";
import { Camera, challenge, OFFER, SDP } from "./fake-camera.ts";

describe("a client of an odd camera", () => {
  test("signs again with a new nonce that is not called stale, once the credentials were accepted", () => {
    const camera = new Camera("rtsp://user:pass@cam.example/stream");
    camera.answer(camera.asked(), "401 Unauthorized", challenge(""));
    camera.answer(camera.asked());
    camera.answer(camera.asked(), "401 Unauthorized", { "WWW-Authenticate": 'Digest realm="r", nonce="n2"' });
    const again = camera.asked();
    expect(again.headers.get("Authorization")).toContain('nonce="n2"');
    camera.answer(again, "200 OK", {}, SDP);
    expect(camera.output()?.kind).toBe("described");
    camera.play("abc;timeout=10");
    camera.now = 8_000;
    camera.client.tick(8_000);
    camera.answer(camera.asked(), "401 Unauthorized", challenge(""));
    expect(camera.asked().headers.get("Authorization")).toContain('nonce="n1"');
  });

  test("tries each scheme that the server offers, the strongest first", () => {
    const camera = new Camera("rtsp://user:pass@cam.example/stream");
    const all = ['Digest realm="r", nonce="a", algorithm=SHA-256', 'Digest realm="r", nonce="b"'];
    const offer = { "WWW-Authenticate": `Basic realm="r", ${all.join(", ")}` };
    const tried = [];
    camera.answer(camera.asked(), "401 Unauthorized", offer);
    for (let i = 0; i < 3; i++) {
      const request = camera.asked();
      tried.push(/^(\w+)(?:.*nonce="(\w)")?/.exec(request.headers.get("Authorization") ?? "")?.slice(1));
      if (i < 2) camera.answer(request, "401 Unauthorized", offer);
      else expect(() => camera.answer(request, "401 Unauthorized", offer)).toThrow("401");
    }
    expect(tried).toEqual([
      ["Digest", "a"],
      ["Digest", "b"],
      ["Basic", undefined],
    ] as never);
  });

  test.each(["0", "999", "x"])("takes a response with CSeq %s, which was never asked", (cseq) => {
    const camera = new Camera();
    camera.asked();
    camera.say(`RTSP/1.0 200 OK\nCSeq: ${cseq}\n\n`);
    expect(camera.asked().method).toBe("DESCRIBE");
  });

  test("takes a response with an earlier CSeq when no other has come within a second, then at once", () => {
    const camera = new Camera();
    camera.answer(camera.asked());
    camera.asked();
    camera.say(`RTSP/1.0 200 OK\nCSeq: 1\nContent-Length: ${SDP.length}\n\n`);
    camera.say(SDP);
    expect(camera.output()).toBeUndefined();
    camera.client.tick(1_000);
    expect(camera.output()?.kind).toBe("described");
    camera.client.setUp([OFFER], 1_000);
    camera.asked();
    camera.say("RTSP/1.0 200 OK\nCSeq: 1\n\n");
    expect(camera.output()?.kind).toBe("setUp");
  });

  test("tries the other bases where the server does not know a URL, and stays with what it knows", () => {
    const camera = new Camera();
    camera.describe(SDP, { "Content-Base": "rtsp://x/a/", "Content-Location": "/b/" });
    camera.client.setUp([OFFER], 0);
    const urls = [];
    for (const status of ["404 Not Found", "400 Bad Request", "200 OK"]) {
      const request = camera.asked();
      urls.push(request.url);
      camera.answer(request, status);
    }
    const bases = ["a/", "b/", "stream/"];
    expect(urls).toEqual(bases.map((base) => `rtsp://cam.example/${base}trackID=0`));
    expect([camera.output()?.kind, camera.output()?.kind]).toEqual(["setUp", "prepared"]);
    camera.client.play(0);
    expect(camera.asked().url).toBe("rtsp://cam.example/stream");
  });

  test("leaves out a track that the server refuses to set up; without any, it is the end", () => {
    const camera = new Camera();
    camera.describe(`${SDP}m=application 0 RTP/AVP 98\r\na=rtpmap:98 x/90000\r\na=control:odd\r\n`);
    camera.client.setUp([OFFER, { ...OFFER, interleaved: [2, 3] }], 0);
    camera.answer(camera.asked());
    expect(camera.output()?.kind).toBe("setUp");
    camera.answer(camera.asked(), "551 Option not supported");
    expect(camera.output()).toEqual({ kind: "refused", track: 1, reason: "551 (Option not supported)" });
    expect(camera.output()?.kind).toBe("prepared");
    const other = new Camera();
    other.describe();
    other.client.setUp([OFFER], 0);
    expect(() => other.answer(other.asked(), "551 Option not supported")).toThrow("551");
  });
});
