import { describe, expect, test } from "bun:test";
import { InterleavedOutput } from "../../src/stream/interleaved-output.ts";
import { Scene, type SceneReader } from "./scene.ts";

/** How often the readers were written to since the last call. */
function writesOf(readers: readonly SceneReader[]): number {
  return readers.reduce((sum, { sink }) => {
    const { writes } = sink;
    sink.writes = 0;
    return sum + writes;
  }, 0);
}

/** A stream with readers that have had their first reports. */
async function openScene(count: number): Promise<{ scene: Scene; readers: SceneReader[] }> {
  const scene = new Scene();
  const readers = Array.from({ length: count }, () => scene.read());
  scene.picture();
  scene.sound(0);
  await scene.clock.advance(20);
  writesOf(readers);
  return { scene, readers };
}

/** Part of a picture that goes on. */
function part(scene: Scene, size = 1_000): void {
  scene.packet(0, 90_000, new Uint8Array(size).fill(0x41), false);
}

describe("a flush", () => {
  test("comes after all that is received now, in one write", async () => {
    const { scene, readers } = await openScene(2);
    for (let i = 0; i < 20; i++) part(scene);
    expect(writesOf(readers)).toBe(0);
    await scene.clock.advance(0);
    expect(writesOf(readers)).toBe(2);
    await scene.clock.advance(100);
    expect(writesOf(readers)).toBe(0);
    scene.close();
  });

  test("with many readers waits 10 ms for more", async () => {
    const { scene, readers } = await openScene(8);
    part(scene);
    await scene.clock.advance(6);
    part(scene);
    await scene.clock.advance(3.5);
    expect(writesOf(readers)).toBe(0);
    await scene.clock.advance(0.5);
    expect(writesOf(readers)).toBe(8);
    part(scene);
    await scene.clock.advance(9.5);
    expect(writesOf(readers)).toBe(0);
    await scene.clock.advance(0.5);
    expect(writesOf(readers)).toBe(8);
    scene.close();
  });

  test("with many readers does not wait beyond the end of a frame", async () => {
    const { scene, readers } = await openScene(8);
    part(scene);
    await scene.clock.advance(5);
    expect(writesOf(readers)).toBe(0);
    scene.packet(0, 90_000, new Uint8Array(9), true);
    await scene.clock.advance(0);
    expect(writesOf(readers)).toBe(8);
    scene.close();
  });

  test("with many readers does not wait when 32 KB are there", async () => {
    const { scene, readers } = await openScene(8);
    for (let i = 0; i < 31; i++) part(scene);
    await scene.clock.advance(0);
    expect(writesOf(readers)).toBe(0);
    for (let i = 0; i < 2; i++) part(scene);
    await scene.clock.advance(0);
    expect(writesOf(readers)).toBe(8);
    scene.close();
  });

  test("of one stream does not hurry or hold back another", async () => {
    const { scene, readers } = await openScene(8);
    const other = scene.another();
    other.log.mapChannel(0, 0, false);
    InterleavedOutput.of(other);
    part(scene);
    await scene.clock.advance(4);
    other.receive(scene.published.at(-1) as Uint8Array, 0);
    await scene.clock.advance(5);
    expect(writesOf(readers)).toBe(0);
    expect(other.pendingBytes).toBe(0);
    await scene.clock.advance(1);
    expect(writesOf(readers)).toBe(8);
    other.close();
    scene.close();
  });

  test("of a stream that nobody reads comes once there is something to give back", async () => {
    const scene = new Scene();
    part(scene, 30_000);
    await scene.clock.advance(100);
    expect(scene.stream.pendingBytes).toBeGreaterThan(30_000);
    part(scene, 40_000);
    await scene.clock.advance(0);
    expect(scene.stream.pendingBytes).toBe(0);
    scene.close();
  });

  test("does not come to a stream that was closed", async () => {
    const { scene, readers } = await openScene(8);
    part(scene);
    for (const reader of readers) scene.leave(reader);
    scene.close();
    await scene.clock.advance(50);
    expect(writesOf(readers)).toBe(0);
  });
});
