export type Action = "publish" | "read";

/** What a client brings: a name and a secret, or a proof that can be checked against them. */
export type Credentials =
  | { readonly kind: "none" }
  | { readonly kind: "plain"; readonly user: string; readonly pass: string }
  | {
      readonly kind: "proof";
      /** @returns what is wrong; undefined when it is right */
      readonly check: (user: string, pass: string) => string | undefined;
    };

/** Protocols as an authentication server is told of them. */
export type AccessProtocol = "rtsp" | "rtmp" | "hls" | "webrtc" | "srt";
