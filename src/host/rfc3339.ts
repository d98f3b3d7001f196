/**
 * A time as the API writes it: RFC 3339, local offset, nanoseconds without trailing zeros, such as
 * `2023-09-20T12:00:00.1+02:00`.
 *
 * @param wall ms since 1970-01-01 UTC, with fractions
 */
export function formatRfc3339(wall: number): string {
  const wholeMs = Math.floor(wall);
  const nanoseconds = Math.min(Math.round((wall - wholeMs) * 1e6), 999_999);
  const date = new Date(wholeMs);
  const fraction = `${pad(date.getMilliseconds(), 3)}${pad(nanoseconds, 6)}`.replace(/0+$/, "");
  const day = `${pad(date.getFullYear(), 4)}-${pad(date.getMonth() + 1, 2)}-${pad(date.getDate(), 2)}`;
  const time = `${pad(date.getHours(), 2)}:${pad(date.getMinutes(), 2)}:${pad(date.getSeconds(), 2)}`;
  return `${day}T${time}${fraction === "" ? "" : `.${fraction}`}${zone(-date.getTimezoneOffset())}`;
}

/** The time at the start of a log line, local time: `2006/01/02 15:04:05`. */
export function formatLogTime(wall: number): string {
  const date = new Date(wall);
  const day = `${pad(date.getFullYear(), 4)}/${pad(date.getMonth() + 1, 2)}/${pad(date.getDate(), 2)}`;
  return `${day} ${pad(date.getHours(), 2)}:${pad(date.getMinutes(), 2)}:${pad(date.getSeconds(), 2)}`;
}

/** @param minutes east of Greenwich */
function zone(minutes: number): string {
  if (minutes === 0) return "Z";
  const size = Math.abs(minutes);
  return `${minutes < 0 ? "-" : "+"}${pad(Math.floor(size / 60), 2)}:${pad(size % 60, 2)}`;
}

function pad(value: number, width: number): string {
  return String(value).padStart(width, "0");
}
