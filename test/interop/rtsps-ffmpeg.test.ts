import { codecSuite } from "./codec-suite.ts";

codecSuite("ffmpeg", "tls");
