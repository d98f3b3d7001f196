/** Replaces a credential. */
const HIDDEN = "***";

/**
 * Masks credentials in a text for a log line: user information of URLs, values of `Authorization` and cookies, query
 * parameters and JSON members with a credential's name, keys in SDP, JWTs. Masks too much rather than too little. Takes
 * linear time, whatever the text.
 */
export function withoutCredentials(text: string): string {
  const shown = text.includes("://") ? withoutUserInfo(text) : text;
  return shown
    .replace(AUTHORIZATION, `$1$2${HIDDEN}`)
    .replace(PARAMETER, hideParameter)
    .replace(MEMBER, `$1"${HIDDEN}"`)
    .replace(SDP_KEY, `$1${HIDDEN}`)
    .replace(JWT, HIDDEN);
}

/** The same for a text that is one URL, even if its password has spaces. */
export function urlWithoutCredentials(url: string): string {
  return withoutCredentials(url.replace(/(:\/\/).*@/s, `$1${HIDDEN}@`));
}

/** The same for the value of a header. */
export function headerWithoutCredentials(name: string, value: string): string {
  return SECRET_HEADER.test(name) ? HIDDEN : withoutCredentials(value);
}

const SECRET_HEADER =
  /^(?:(?:proxy-)?authorization|(?:set-)?cookie2?|keymgmt|x-(?:api-key|auth-token|access-token))$/i;
/** Credentials and keys of SRTP (RFC 4567 §3.1), up to the end of the line, with or without a colon, as malformed lines are logged too. */
const AUTHORIZATION = /\b((?:proxy-)?authorization|(?:set-)?cookie|keymgmt)("?[:= ][ \t]*)[^\r\n]+/gi;
const PARAMETER = /(^|[?&;,\s"'{(])([\w.%~[\]-]{1,64})=((?:"(?:[^"\\]|\\.)*")?[^&\s]*)/g;
const SECRET_NAME =
  /^(?:user|username|pass|passwd|password|pwd|token|access_token|jwt|auth|authorization|secret|api_?key|key|sig|signature|session)$/i;
const MEMBER = /("(?:\w{0,20}(?:pass|password|secret|token|jwt)|user|username)"\s*:\s*)"(?:[^"\\]|\\.)*"?/gi;
/** Keys in SDP (RFC 4566 §5.12, RFC 4568, RFC 4567). */
const SDP_KEY = /((?:^|[\r\n])(?:k=|a=crypto:|a=key-mgmt:))[^\r\n]+/g;
const JWT = /(?<![\w-])eyJ[\w-]+\.[\w-]+(?:\.[\w-]*)*/g;

function hideParameter(whole: string, before: string, name: string, value: string): string {
  return value !== "" && SECRET_NAME.test(decode(name)) ? `${before}${name}=${HIDDEN}` : whole;
}

/** Masks everything between `://` and the last `@` before a space: passwords may contain slashes and `@`. */
function withoutUserInfo(text: string): string {
  let shown = "";
  let at = 0;
  for (;;) {
    const start = text.indexOf("://", at);
    if (start < 0) return shown + text.slice(at);
    SPACE.lastIndex = start;
    const end = SPACE.exec(text)?.index ?? text.length;
    const sign = text.lastIndexOf("@", end - 1);
    if (sign < start) shown += text.slice(at, end);
    else shown += `${text.slice(at, start + 3)}${HIDDEN}${text.slice(sign, end)}`;
    at = end;
  }
}

const SPACE = /\s/g;

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // as it was written
  }
}
