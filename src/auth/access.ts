export type Action = "publish" | "read";

/** Credentials of a client: none, user name and password, or a proof (Digest) that can be checked against them. */
export type Credentials =
  | { readonly kind: "none" }
  | { readonly kind: "plain"; readonly user: string; readonly pass: string }
  | {
      readonly kind: "proof";
      /** @returns what is wrong; undefined if the proof is valid */
      readonly check: (user: string, pass: string) => string | undefined;
    };

/** Names of the protocols in requests to the authentication server. */
export type AccessProtocol = "rtsp" | "rtmp" | "hls" | "webrtc" | "srt";
