import { errorText } from "../lib/errors.ts";

/** The usual texts of system errors, by code. */
const REASONS: Readonly<Record<string, string>> = {
  ENOENT: "no such file or directory",
  EACCES: "permission denied",
  EISDIR: "is a directory",
  ENOTDIR: "not a directory",
  ENOSPC: "no space left on device",
  EDQUOT: "disk quota exceeded",
  EROFS: "read-only file system",
  EMFILE: "too many open files",
  EFBIG: "file too large",
  EIO: "input/output error",
};

/** Why a file operation failed. */
export function systemReason(error: unknown): string {
  const code = (error as { readonly code?: unknown } | undefined)?.code;
  return (typeof code === "string" ? (REASONS[code] ?? code) : undefined) ?? errorText(error);
}
