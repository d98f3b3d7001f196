import { buildCore } from "./build-core.ts";

buildCore();
