import { expect, test } from "bun:test";
import { printable } from "../../src/lib/log.ts";
import { testLog } from "./test-log.ts";

const ESC = "\x1b";

test("text from outside cannot forge a line", () => {
  for (const [text, shown] of [
    ["a\n2023/01/01 00:00:00 ERR b", "a\\n2023/01/01 00:00:00 ERR b"],
    ["a\r\nb\tc\0", "a\\r\\nb\\tc\\x00"],
    [`${ESC}[31mred${ESC}]0;title\x07\x9b2J`, "\\x1b[31mred\\x1b]0;title\\x07\\x9b2J"],
    ["next\x85line\u2028para\u2029", "next\\x85line\\u{2028}para\\u{2029}"],
    ["user\u202egnp.exe\u2066x\u200b\ufeff", "user\\u{202e}gnp.exe\\u{2066}x\\u{200b}\\u{feff}"],
    ["half \ud800 pair", "half \\u{d800} pair"],
    ["tag\u{e0041}", "tag\\u{e0041}"],
    ["Grüße 你好 🎥", "Grüße 你好 🎥"],
  ] as const) {
    expect(printable(text)).toBe(shown);
    const { logger, lines } = testLog();
    logger.child(text).info(text);
    expect(lines).toEqual([`INF [${shown}] ${shown}`]);
  }
});

test("text from outside cannot flood a line", () => {
  const { logger, lines } = testLog("debug");
  logger.info("x".repeat(200_000));
  logger.debug("\n".repeat(200_000));
  logger.child("p".repeat(200_000)).info("m");
  expect(lines[0]).toBe(`INF ${"x".repeat(2_000)}… (198000 more characters)`);
  for (const line of lines) expect(line.length).toBeLessThan(8_100);
});

test("lines below the level are not written, the level changes for loggers that are there", () => {
  const { logger, output, lines } = testLog("warn");
  const child = logger.child("c");
  for (const level of ["error", "info", "debug"] as const) {
    output.level = level;
    child.debug("d");
    child.info("i");
    child.warn("w");
    child.error("e");
  }
  expect(lines.map((line) => line.at(-1)).join("")).toBe("eiwediwe");
});
