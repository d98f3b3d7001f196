import { describe, expect } from "bun:test";
import { AuthServer, only, reply } from "../support/auth-server.ts";
import { clip } from "../support/clips.ts";
import { TestServer } from "../support/server.ts";
import { Client, clientTest, ffmpegPublisher } from "../support/tools.ts";

const TIMEOUT_MS = 90_000;

/** The configurations of the documentation, word by word where they need no other server. */
const PUBLISHERS = "paths:\n  all:\n    publishUser: myuser\n    publishPass: mypass\n";
const READERS = `${PUBLISHERS}\n    readUser: user\n    readPass: userpass\n`;
const HASHED =
  "paths:\n  all:\n    readUser: sha256:j1tsRqDEw9xvq/D7/9tMx6Jh/jMhk3UfjwIB2f1zgMo=\n" +
  "    readPass: sha256:BdSWkrdV+ZxFBLUQQY7+7uv9RmiSVA8nrPmjGjJtZQQ=\n";

const withUser = (url: string, user: string) => url.replace("//", `//${user}@`);

function ffmpegThatReads(url: string, input: readonly string[] = []): Client {
  const output = ["-c", "copy", "-t", "2", "-f", "null", "-"];
  return new Client(["ffmpeg", "-nostdin", "-loglevel", "error", ...input, "-i", url, ...output]);
}

/** Whether FFmpeg gets two seconds of a path over RTSP, and what it says. */
async function reads(url: string): Promise<string> {
  await using reader = ffmpegThatReads(url, ["-rtsp_transport", "tcp"]);
  const { code, stderr } = await reader.ended;
  return code === 0 ? "reads" : stderr;
}

async function readsHls(url: string): Promise<string> {
  await using reader = ffmpegThatReads(url);
  const { code, stderr } = await reader.ended;
  return code === 0 ? "reads" : stderr;
}

/** FFmpeg with these words in front of `@`; resolves when it publishes. */
async function publish(server: TestServer, user: string): Promise<Client> {
  const url = server.rtsp("mystream");
  const from = server.log.length;
  const publisher = ffmpegPublisher(await clip("h264"), user === "" ? url : withUser(url, user));
  await server.waitForLog(/is publishing to path 'mystream'/, from);
  return publisher;
}

async function isRefused(server: TestServer, user: string): Promise<void> {
  const url = server.rtsp("mystream");
  await using publisher = ffmpegPublisher(await clip("h264"), user === "" ? url : withUser(url, user));
  expect((await publisher.ended).stderr).toContain("401 Unauthorized");
}

describe("authentication as the documentation shows it", () => {
  clientTest("publishers need name and password", ["ffmpeg"], TIMEOUT_MS, async () => {
    await using server = await TestServer.start({ config: PUBLISHERS });
    await isRefused(server, "");
    await isRefused(server, "myuser:wrong");
    await using _publisher = await publish(server, "myuser:mypass");
    expect(await reads(server.rtsp("mystream"))).toBe("reads");
  });

  clientTest("readers too, over RTSP and HLS", ["ffmpeg"], TIMEOUT_MS, async () => {
    await using server = await TestServer.start({ config: READERS });
    await using _publisher = await publish(server, "myuser:mypass");
    const url = server.rtsp("mystream");
    const playlist = server.hls("mystream/index.m3u8");
    expect(await reads(withUser(url, "user:userpass"))).toBe("reads");
    expect(await readsHls(withUser(playlist, "user:userpass"))).toBe("reads");
    expect(await reads(withUser(url, "user:mypass"))).toContain("401 Unauthorized");
    expect(await readsHls(withUser(playlist, "myuser:mypass"))).toContain("401 Unauthorized");
    expect(await readsHls(playlist)).toContain("401 Unauthorized");
  });

  clientTest("hashes of names and passwords", ["ffmpeg", "openssl"], TIMEOUT_MS, async () => {
    const words = 'echo -n "userpass" | openssl dgst -binary -sha256 | openssl base64';
    const hash = Bun.spawnSync(["sh", "-c", words]).stdout.toString().trim();
    expect(HASHED).toContain(`readPass: sha256:${hash}\n`);
    await using server = await TestServer.start({ config: HASHED });
    await using _publisher = await publish(server, "");
    expect(await reads(withUser(server.rtsp("mystream"), "readuser:userpass"))).toBe("reads");
    expect(await readsHls(withUser(server.hls("mystream/index.m3u8"), "readuser:userpass"))).toBe("reads");
    expect(await reads(withUser(server.rtsp("mystream"), "readuser:readuser"))).toContain("401 Unauthorized");
    expect(await reads(server.rtsp("mystream"))).toContain("401 Unauthorized");
  });

  clientTest("Digest", ["ffmpeg"], TIMEOUT_MS, async () => {
    await using server = await TestServer.start({ config: `authMethods: [digest]\n${READERS}` });
    await using _publisher = await publish(server, "myuser:mypass");
    expect(await reads(withUser(server.rtsp("mystream"), "user:userpass"))).toBe("reads");
    expect(await reads(withUser(server.rtsp("mystream"), "user:wrong"))).toContain("401 Unauthorized");
  });

  for (const [name, keys] of [
    ["externalAuthenticationURL", (url: string) => `externalAuthenticationURL: ${url}\n`],
    ["authMethod: http", (url: string) => `authMethod: http\nauthHTTPAddress: ${url}\n`],
  ] as const) {
    clientTest(`a server decides, by ${name}`, ["ffmpeg"], TIMEOUT_MS, async () => {
      const answer = only({ myuser: "mypass", user: "userpass" });
      await using auth = await AuthServer.start((question, socket) => {
        const isPublisher = question.user === "myuser";
        if (question.user !== "" && isPublisher !== (question.action === "publish")) reply(socket, 403);
        else answer(question, socket);
      });
      await using server = await TestServer.start({ config: `${keys(auth.url)}paths:\n  all:\n` });
      await isRefused(server, "user:userpass");
      await using _publisher = await publish(server, "myuser:mypass");
      const url = server.rtsp("mystream?x=y");
      const playlist = server.hls("mystream/index.m3u8");
      expect(await reads(withUser(url, "user:userpass"))).toBe("reads");
      expect(await readsHls(withUser(playlist, "user:userpass"))).toBe("reads");
      expect(await reads(withUser(url, "myuser:mypass"))).toContain("401 Unauthorized");
      expect(await readsHls(withUser(playlist, "user:wrong"))).toContain("401 Unauthorized");
      const first = auth.questions.filter(({ action }) => action === "publish").map(({ user }) => user);
      expect(first.slice(0, 4)).toEqual(["", "user", "", "myuser"]);
      const read = auth.questions.find(
        ({ action, protocol, user }) => `${action} ${protocol} ${user}` === "read rtsp user",
      );
      expect(read).toMatchObject({ path: "mystream", password: "userpass", query: "x=y", ip: "127.0.0.1" });
      expect(server.log).not.toMatch(/userpass|mypass/);
    });
  }
});
