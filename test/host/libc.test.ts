import { expect, test } from "bun:test";

const libc = new URL("../../src/host/libc.ts", import.meta.url).pathname;
const code = `import { raiseDescriptorLimit, descriptorCeiling } from ${JSON.stringify(libc)};
  console.log(raiseDescriptorLimit()?.soft, descriptorCeiling());`;

async function limits(env: Record<string, string>): Promise<number[]> {
  const child = Bun.spawn(["sh", "-c", `ulimit -Sn 300; exec ${process.execPath} -e "$CODE"`], {
    env: { ...process.env, ...env, CODE: code },
  });
  return (await new Response(child.stdout).text()).trim().split(" ").map(Number);
}

test("the number of descriptors is raised, and newcomers are refused before it is used up", async () => {
  const [soft = 0, ceiling = 0] = await limits({});
  expect(soft).toBeGreaterThan(300);
  expect(ceiling).toBe(soft - 48);
}, 20_000);

test("without ffi the limit is known all the same", async () => {
  const [soft = 0] = await limits({ MEDIAMTX_NO_FFI: "1" });
  expect(soft).toBeGreaterThanOrEqual(300);
}, 20_000);
