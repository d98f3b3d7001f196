import { createServer, type Server, type Socket } from "node:net";

/** What a client brings, as the server is told of it. */
export interface Asked {
  readonly ip: string;
  readonly user: string;
  readonly password: string;
  readonly path: string;
  readonly protocol: string;
  readonly id: string | null;
  readonly action: string;
  readonly query: string;
}

/** A question, with the bytes of its body and what came in front of it. */
export interface Question extends Asked {
  readonly head: string;
  readonly body: string;
  readonly at: number;
}

/** Answers by writing to the socket whatever it likes, or nothing. */
export type Answerer = (question: Question, socket: Socket) => void;

/** An authentication server that may do anything: it answers in bytes. */
export class AuthServer implements AsyncDisposable {
  readonly questions: Question[] = [];
  answer: Answerer;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(answer: Answerer) {
    this.answer = answer;
    this.#server = createServer((socket) => this.#accept(socket));
  }

  static async start(answer: Answerer): Promise<AuthServer> {
    const server = new AuthServer(answer);
    await new Promise<void>((resolve) => server.#server.listen(0, "127.0.0.1", resolve));
    return server;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as { readonly port: number }).port}/auth`;
  }

  /** Connections that are open. */
  get connections(): number {
    return this.#sockets.size;
  }

  #accept(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on("close", () => this.#sockets.delete(socket));
    socket.on("error", () => {});
    let text = "";
    socket.on("data", (chunk) => {
      text += chunk.toString();
      for (;;) {
        const split = text.indexOf("\r\n\r\n");
        const size = Number(/^content-length: *(\d+)/im.exec(text.slice(0, split))?.[1] ?? 0);
        if (split < 0 || text.length < split + 4 + size) return;
        const [head, body] = [text.slice(0, split), text.slice(split + 4, split + 4 + size)];
        text = text.slice(split + 4 + size);
        const question = { ...(JSON.parse(body) as Asked), head, body, at: performance.now() };
        this.questions.push(question);
        this.answer(question, socket);
      }
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }
}

/** Answers with a status and a body. */
export function reply(socket: Socket, status: number, body = ""): void {
  socket.write(`HTTP/1.1 ${status} Whatever\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
}

/** Lets in who brings one of these names and passwords. */
export function only(users: Readonly<Record<string, string>>): Answerer {
  return ({ user, password }, socket) => reply(socket, user !== "" && users[user] === password ? 200 : 401);
}
