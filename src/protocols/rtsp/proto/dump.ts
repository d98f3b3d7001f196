import { headerWithoutCredentials } from "../../../lib/redact.ts";
import { RtspHeaders } from "./headers.ts";
import { type RtspRequest, writeRequest } from "./request.ts";
import { type RtspResponse, writeResponse } from "./response.ts";

/** Characters of the session key that are logged: enough to tell sessions apart, too few to hijack one. */
const KEY_SHOWN = 8;
const NO_BODY = new Uint8Array(0);
const decoder = new TextDecoder();

/** A request as it is on the wire, for a debug line: without credentials, and of bodies descriptions alone. */
export function dumpRequest(request: RtspRequest): string {
  const { headers, body } = request;
  const head = writeRequest({ ...request, headers: shown(headers), body: NO_BODY });
  return decoder.decode(head) + shownBody(headers, body);
}

/** The same for a response. */
export function dumpResponse(response: RtspResponse): string {
  const { headers, body = NO_BODY } = response;
  const head = writeResponse({ ...response, headers: shown(headers), body: NO_BODY });
  return decoder.decode(head) + shownBody(headers, body);
}

function shown(headers: RtspHeaders): RtspHeaders {
  const copy = new RtspHeaders();
  for (const [name, value] of headers.entries()) {
    const isKey = name.toLowerCase() === "session" && value.length > KEY_SHOWN;
    copy.add(name, isKey ? `${value.slice(0, KEY_SHOWN)}…` : headerWithoutCredentials(name, value));
  }
  return copy;
}

/** Secrets in a description are redacted by the writer of the log line. */
function shownBody(headers: RtspHeaders, body: Uint8Array): string {
  if (body.length === 0) return "";
  const isDescription = /^application\/sdp\b/i.test(headers.get("Content-Type") ?? "");
  return isDescription ? decoder.decode(body) : `(body of ${body.length} bytes)`;
}
