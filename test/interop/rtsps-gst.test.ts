import { codecSuite } from "./codec-suite.ts";

codecSuite("gst", "tls");
