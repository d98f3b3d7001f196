import { mkdtempSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A key and a certificate of its own in a folder of its own. */
export class Certificates implements Disposable {
  readonly keyFile: string;
  readonly certFile: string;
  readonly #folder = mkdtempSync(join(tmpdir(), "mediamtx-tls-"));

  /** @param name common name of the certificate */
  constructor(name: string) {
    this.keyFile = join(this.#folder, "server.key");
    this.certFile = join(this.#folder, "server.crt");
    this.make(name);
  }

  static get available(): boolean {
    return Bun.which("openssl") !== null;
  }

  /** Lines of the configuration. */
  get config(): string {
    return `serverKey: ${this.keyFile}\nserverCert: ${this.certFile}\n`;
  }

  /** Puts a new pair in the place of the old one. */
  make(name: string): void {
    const [key, cert] = [`${this.keyFile}.new`, `${this.certFile}.new`];
    const kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
    const names = ["-subj", `/CN=${name}`, "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost"];
    const command = [
      "openssl",
      "req",
      "-x509",
      ...kind,
      "-keyout",
      key,
      "-out",
      cert,
      "-days",
      "2",
      ...names,
    ];
    const { success, stderr } = Bun.spawnSync(command);
    if (!success) throw new Error(stderr.toString());
    renameSync(key, this.keyFile);
    renameSync(cert, this.certFile);
  }

  [Symbol.dispose](): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
