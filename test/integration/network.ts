import { existsSync } from "node:fs";
import { join } from "node:path";
import { Client } from "../support/tools.ts";

const REORDERING_LINK = join(import.meta.dir, "reordering-link.py");
const PYTHON = "/usr/bin/python3";
/** A cable may be needed for as long as a test runs, ms. */
const LINK_LIMIT_MS = 180_000;

/** Two hosts on this machine, joined by a cable: network namespaces `a` and `b` with the addresses .1 and .2. */
export class Network implements AsyncDisposable {
  static #count = 0;
  readonly #name: string;

  private constructor(name: string) {
    this.#name = name;
  }

  /** Whether namespaces and packet filters can be made here. */
  static get available(): boolean {
    return (
      process.getuid?.() === 0 && Bun.which("ip") !== null && Bun.which("nft") !== null && makesNamespaces()
    );
  }

  /** @param mtu of the cable, bytes */
  static open(mtu = 1_500): Network {
    Network.#count += 1;
    const name = `mtx${process.pid}n${Network.#count}`;
    const network = new Network(name);
    for (const side of SIDES) run("ip", "netns", "add", `${name}${side}`);
    const peer = ["type", "veth", "peer", "name", "v", "netns", `${name}b`];
    run("ip", "link", "add", "v", "netns", `${name}a`, ...peer);
    for (const [i, side] of SIDES.entries()) {
      const ip = (...args: string[]) => run("ip", "-n", `${name}${side}`, ...args);
      ip("link", "set", "lo", "up");
      ip("addr", "add", `10.99.0.${i + 1}/24`, "dev", "v");
      ip("addr", "add", `fd99::${i + 1}/64`, "dev", "v", "nodad");
      ip("link", "set", "v", "up", "mtu", String(mtu));
      ip("route", "add", "224.0.0.0/4", "dev", "v");
    }
    return network;
  }

  /** What goes in front of a command so that it runs on one of the hosts. */
  on(side: Side): string[] {
    return ["ip", "netns", "exec", this.#name + side];
  }

  /** A part of the UDP packets that come to a host over the cable is lost from now on. */
  lose(side: Side, percent: number): void {
    const nft = (...args: string[]) => run(...this.on(side), "nft", ...args);
    nft("add", "table", "inet", "t");
    nft("add", "chain", "inet", "t", "i", "{ type filter hook input priority 0; }");
    const chance = ["numgen", "random", "mod", "100", "<", String(percent)];
    nft("add", "rule", "inet", "t", "i", "iifname", "v", "meta", "l4proto", "udp", ...chance, "drop");
  }

  /** UDP packets that come to a host over the cable are turned down from now on: its peers get ICMP errors. */
  refuse(side: Side): void {
    const nft = (...args: string[]) => run(...this.on(side), "nft", ...args);
    nft("add", "table", "inet", "t");
    nft("add", "chain", "inet", "t", "i", "{ type filter hook input priority 0; }");
    nft("add", "rule", "inet", "t", "i", "iifname", "v", "meta", "l4proto", "udp", "reject");
  }

  /** Whether hosts can be joined by a cable that changes the order of packets. */
  static get canReorder(): boolean {
    return Network.available && existsSync(PYTHON) && existsSync("/dev/net/tun");
  }

  /** Joins the hosts by a second cable, with the addresses 10.98.0.1 and .2: a part of its datagrams is late. */
  async reordering(percent: number): Promise<AsyncDisposable> {
    const names = SIDES.map((side) => this.#name + side);
    const link = new Client([PYTHON, REORDERING_LINK, ...names, String(percent)], LINK_LIMIT_MS);
    try {
      await link.line();
      return link;
    } catch (error) {
      await link[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Pulls the cable. */
  cut(): void {
    run("ip", "-n", `${this.#name}a`, "link", "set", "v", "down");
  }

  [Symbol.asyncDispose](): Promise<void> {
    for (const side of SIDES) run("ip", "netns", "del", this.#name + side);
    return Promise.resolve();
  }
}

const SIDES = ["a", "b"] as const;
export type Side = (typeof SIDES)[number];

function makesNamespaces(): boolean {
  const name = `mtx${process.pid}probe`;
  if (!Bun.spawnSync(["ip", "netns", "add", name]).success) return false;
  Bun.spawnSync(["ip", "netns", "del", name]);
  return true;
}

function run(...command: string[]): void {
  const { success, stderr } = Bun.spawnSync(command);
  if (!success) throw new Error(`${command.join(" ")}: ${stderr.toString()}`);
}
