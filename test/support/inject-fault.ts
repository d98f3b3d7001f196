/**
 * Loaded into a server before its own code: a header named `X-Fault` in any message makes it throw a TypeError, as a bug
 * would.
 */
const { toLowerCase } = String.prototype;

String.prototype.toLowerCase = function (this: string): string {
  if (toLowerCase.call(this) === "x-fault") throw new TypeError("injected");
  return toLowerCase.call(this);
};
