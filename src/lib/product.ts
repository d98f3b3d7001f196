/** The version of MediaMTX whose configuration, API, metrics and log lines this server has. */
export const COMPATIBLE_VERSION = "v1.0.3";

/** The version in `package.json`. */
const VERSION = "0.1.0";

/** What this server is. */
export const PRODUCT: { readonly name: string; readonly version: string; readonly compatibleWith: string } = {
  name: "MediaMTX on Bun",
  version: `v${VERSION}`,
  compatibleWith: `MediaMTX ${COMPATIBLE_VERSION}`,
};

/** The same in one line. */
export const PRODUCT_LINE = `${PRODUCT.name} ${PRODUCT.version}, compatible with ${PRODUCT.compatibleWith}`;
