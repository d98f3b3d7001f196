import { av1Suite } from "./av1-suite.ts";
import { codecSuite } from "./codec-suite.ts";

av1Suite();
codecSuite("ffmpeg");
