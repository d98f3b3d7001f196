/** `address` with its actual port. */
export function shownAddress(address: string, port: number): string {
  return address.replace(/:\d+$/, `:${port}`);
}

/** Shows address and port; IPv4-mapped addresses as IPv4. */
export function joinAddress(address: string, port: number): string {
  const plain = plainAddress(address);
  // `join`: a template string would keep its parts in memory for each connection
  return (plain.includes(":") ? ["[", plain, "]:", port] : [plain, ":", port]).join("");
}

/** Converts an IPv4-mapped address (RFC 4291 §2.5.5.2) to IPv4; others are unchanged. */
export function plainAddress(address: string): string {
  return /^::ffff:\d+\.\d+\.\d+\.\d+$/i.test(address) ? address.slice(7) : address;
}
