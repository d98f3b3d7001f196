import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** How often another port is tried when somebody was quicker. */
const TRIES = 5;
const START_MS = 10_000;
const LOOK_MS = 20;

/** An nginx that caches what an origin says may be cached, as docs/hls.md shows it. */
export class Nginx implements AsyncDisposable {
  readonly port: number;
  readonly #folder: string;
  readonly #process: Bun.Subprocess;

  private constructor(port: number, folder: string, process_: Bun.Subprocess) {
    this.port = port;
    this.#folder = folder;
    this.#process = process_;
  }

  /** @param origin `http://host:port` */
  static async start(origin: string): Promise<Nginx> {
    for (let left = TRIES; ; left--) {
      const folder = mkdtempSync(join(tmpdir(), "mediamtx-nginx-"));
      const port = await freePort();
      writeFileSync(join(folder, "nginx.conf"), configuration(folder, port, origin));
      const command = [
        "nginx",
        "-e",
        join(folder, "error.log"),
        "-c",
        join(folder, "nginx.conf"),
        "-p",
        folder,
      ];
      const child = Bun.spawn(command, {
        stdin: "ignore",
        stdout: "ignore",
        stderr: "ignore",
        env: { ...process.env, PATH: `${process.env["PATH"]}:/usr/sbin` },
      });
      if (await answers(port, child)) return new Nginx(port, folder, child);
      const log = readFileSync(join(folder, "error.log"), "utf8");
      child.kill("SIGKILL");
      rmSync(folder, { recursive: true, force: true });
      if (left <= 1) throw new Error(`nginx does not start:\n${log}`);
    }
  }

  /** Lines `<cache status> <HTTP status> <URI>` of the requests so far. */
  get requests(): string[] {
    return readFileSync(join(this.#folder, "access.log"), "utf8").split("\n").slice(0, -1);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.kill("SIGTERM");
    await this.#process.exited;
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

function configuration(folder: string, port: number, origin: string): string {
  // its workers would otherwise be somebody who may not write here
  const user = process.getuid?.() === 0 ? "user root;" : "";
  return `
${user}
daemon off;
worker_processes 1;
worker_rlimit_nofile 8192;
pid ${folder}/nginx.pid;
error_log ${folder}/error.log warn;
events { worker_connections 4096; multi_accept on; }
http {
  log_format cache '$upstream_cache_status $status $request_uri';
  access_log ${folder}/access.log cache;
  client_body_temp_path ${folder}/body;
  proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi;
  scgi_temp_path ${folder}/scgi;
  proxy_cache_path ${folder}/cache keys_zone=hls:10m inactive=5m use_temp_path=off;
  upstream origin { server ${new URL(origin).host}; keepalive 600; }
  server {
    listen 127.0.0.1:${port} backlog=2048;
    keepalive_requests 100000;
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    proxy_cache hls;
    location / { proxy_pass http://origin; }
    location ~ \\.(mp4|ts)$ {
      proxy_pass http://origin;
      proxy_cache_lock on;
      proxy_cache_lock_timeout 20s;
      proxy_cache_lock_age 20s;
    }
  }
}
`;
}

/** A port that nobody had a moment ago: nginx cannot be told to take any. */
function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}

async function answers(port: number, child: Bun.Subprocess): Promise<boolean> {
  const end = performance.now() + START_MS;
  while (performance.now() < end && child.exitCode === null) {
    try {
      const socket = await Bun.connect({ hostname: "127.0.0.1", port, socket: { data() {} } });
      socket.end();
      return child.exitCode === null;
    } catch {
      await Bun.sleep(LOOK_MS);
    }
  }
  return false;
}
