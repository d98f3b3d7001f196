import type { Socket } from "node:net";
import tls from "node:tls";
import { fingerprintProblem } from "../host/connect.ts";
import { SystemError } from "../lib/errors.ts";

type Connect = (
  options: { readonly host?: string; readonly port?: number; readonly servername?: string },
  ready: (error: Error | null, socket?: Socket) => void,
) => undefined;

/** Verifies the fingerprint of the server before anything is sent. */
export function pinnedConnection(fingerprint: string): Connect {
  return (options, ready) => {
    const { host = "", port = 443, servername = "" } = options;
    const name = servername === "" ? {} : { servername };
    const socket = tls.connect({ host, port, ...name, rejectUnauthorized: false }, () => {
      const problem = fingerprintProblem(fingerprint, socket.getPeerCertificate().fingerprint256);
      if (problem === undefined) {
        ready(null, socket);
        return;
      }
      socket.destroy();
      ready(new SystemError(problem));
    });
    socket.once("error", (error) => ready(error));
    return undefined;
  };
}
