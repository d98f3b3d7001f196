/**
 * Loaded into a server in front of its code: a header named `X-Fault` in any message of RTSP makes it fail with a
 * TypeError, as a mistake in our code would.
 */
const { get } = Map.prototype;

Map.prototype.get = function (this: Map<unknown, unknown>, key: unknown): unknown {
  if (key === "x-fault") throw new TypeError("injected");
  return get.call(this, key);
};
