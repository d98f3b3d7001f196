import { codecSuite } from "./codec-suite.ts";

// over TLS nothing is lost on a busy machine: both kinds of publishers at the same time
codecSuite("ffmpeg", "tls");
codecSuite("gst", "tls");
