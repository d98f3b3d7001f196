/** 1 in the fuzz build: guard bytes around blocks. Set by asconfig.json. */
declare const FUZZ: i32;
