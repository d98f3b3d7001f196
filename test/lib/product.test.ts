import { expect, test } from "bun:test";
import { version } from "../../package.json";
import { PRODUCT, PRODUCT_LINE } from "../../src/lib/product.ts";

test("the version is that of package.json, and the line has the name that tools look for", () => {
  expect(PRODUCT.version).toBe(`v${version}`);
  expect(PRODUCT_LINE).toContain("MediaMTX v1.0.3");
});
