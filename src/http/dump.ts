import { STATUS_CODES } from "node:http";
import { headerWithoutCredentials } from "../lib/redact.ts";
import { requestTarget } from "./url.ts";

/** A request as it is on the wire, without body and credentials, for debug lines. */
export function dumpRequest({ method, url, headers }: Request): string {
  return `${method} ${requestTarget(url)} HTTP/1.1\r\n${shownHeaders(headers)}`;
}

/** The same for a response. */
export function dumpResponse({ status, headers }: Response): string {
  return `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}\r\n${shownHeaders(headers)}`;
}

function shownHeaders(headers: Headers): string {
  let text = "";
  headers.forEach((value, name) => {
    text += `${name}: ${headerWithoutCredentials(name, value)}\r\n`;
  });
  return `${text}\r\n`;
}
