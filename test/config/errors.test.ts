import { expect, test } from "bun:test";
import { ConfigError } from "../../src/lib/errors.ts";
import { parseConfig } from "../support/config.ts";
import { SOURCES } from "../support/declared.ts";

/** A file and what its error text begins with. */
const GLOBAL_MISTAKES: readonly (readonly [string, string])[] = [
  ["lgoLevel: info", `json: unknown field "lgoLevel" (did you mean 'logLevel'?)`],
  ["source: publisher", `json: unknown field "source" (it is a parameter of a path)`],
  ["MaxReaders: 3", `json: unknown field "MaxReaders" (it is a parameter of a path)`],
  [
    "recordPath: x",
    `json: unknown field "recordPath" (a parameter of newer MediaMTX releases that this server does not have)`,
  ],
  [
    "authInternalUsers: []",
    `json: unknown field "authInternalUsers" (newer releases of MediaMTX have it; here,`,
  ],
  ["zzzzzzzzzzzz: 1", `json: unknown field "zzzzzzzzzzzz"`],
  ["__proto__: 1", `json: unknown field "__proto__"`],
  ["constructor: 1", `json: unknown field "constructor"`],
  [`${"k".repeat(500)}: 1`, `json: unknown field "kkk`],
  ["3: 1", "integer keys are not supported (3)"],
  ["yes: 1", "integer keys are not supported (true)"],
  ["? [a]\n: 1", "integer keys are not supported (a list or map)"],
  ["? *a\n: 1", "yaml: "],
  ["hello", "json: cannot unmarshal string into Go value of type conf.Conf"],
  ["[a]", "json: cannot unmarshal array into Go value of type conf.Conf"],
  [
    "paths: 3",
    "json: cannot unmarshal number into Go value of type map[string]*conf.OptionalPath (paths takes",
  ],
  [
    "logLevel: loud",
    "invalid log level: 'loud' (logLevel is \"loud\", takes one of error, warn, info, debug)",
  ],
  ["logLevel:", "invalid log level: ''"],
  ["logLevel: [a]", "json: cannot unmarshal array into Go value of type string (logLevel is a list,"],
  ["logLevel: {a: b}", "json: cannot unmarshal object into Go value of type string (logLevel is a map,"],
  ["logDestinations: [printer]", "invalid log destination: printer (logDestinations[0]"],
  ["logDestinations: [stdout, stdout]", "log destination set twice"],
  ["logDestinations: stdout", "json: cannot unmarshal string into Go value of type []string"],
  [
    "logDestinations: [3]",
    "json: cannot unmarshal number into Go value of type string (logDestinations[0] is 3,",
  ],
  [
    "readTimeout: 10",
    "json: cannot unmarshal number into Go value of type string (readTimeout is 10, takes a duration",
  ],
  ["readTimeout: '10'", 'time: missing unit in duration "10" (readTimeout'],
  ["readTimeout: 1d", 'time: unknown unit "d" in duration "1d"'],
  ["readTimeout:", 'time: invalid duration ""'],
  ["readTimeout: 0s", "'readTimeout' must be greater than zero"],
  ["writeTimeout: -1s", "'writeTimeout' must be greater than zero"],
  ["writeQueueSize: 500", "'writeQueueSize' must be a power of two (it is 500)"],
  ["writeQueueSize: -2", "'writeQueueSize' must be a power of two"],
  ["readBufferCount: 3", "'writeQueueSize' must be a power of two"],
  ["writeQueueSize: 1.5", "json: cannot unmarshal number 1.5 into Go value of type int"],
  ["writeQueueSize: many", "json: cannot unmarshal string into Go value of type int"],
  ["udpMaxPayloadSize: 1473", "'udpMaxPayloadSize' must be less than 1472"],
  ["udpMaxPayloadSize: 0", "'udpMaxPayloadSize' must be at least 128"],
  ["mediaMemory: 3G", "'mediaMemory' must be between 16M and 2G (it is 3G)"],
  ["mediaMemory: 1M", "'mediaMemory' must be between 16M and 2G (it is 1M)"],
  ["mediaMemoryPerStream: 2G", "'mediaMemoryPerStream' must be between 8M and 1G (it is 2G)"],
  ["mediaMemoryPerStream: 4M", "'mediaMemoryPerStream' must be between 8M and 1G (it is 4M)"],
  ["mediaMemory: 64", "json: cannot unmarshal number into Go value of type string"],
  ["mediaMemory: '64'", "byte quantity must be a positive integer with a unit of measurement"],
  ["api: 'yes'", "json: cannot unmarshal string into Go value of type bool (api"],
  ["apiAddress: '9997'", "address 9997: missing port in address (apiAddress"],
  ["api: yes\napiAddress: ''", "'apiAddress' must be set when API is enabled"],
  ["rtspAddress: ''", "'rtspAddress' must be set when RTSP is enabled"],
  ["pprof: yes\npprofAddress: ''", "'pprofAddress' must be set when pprof is enabled"],
  ["hlsAddress: ''", "'hlsAddress' must be set when HLS is enabled"],
  ["rtmpAddress: ''", "'rtmpAddress' must be set when RTMP is enabled"],
  ["rtmpEncryption: strict\nrtmpsAddress: ''", "'rtmpsAddress' must be set when RTMPS is enabled"],
  ["webrtcAddress: ''", "'webrtcAddress' must be set when WebRTC is enabled"],
  ["srtAddress: ''", "'srtAddress' must be set when SRT is enabled"],
  ["protocols: [smoke]", "invalid protocol: smoke"],
  ["encryption: no", "json: cannot unmarshal bool into Go value of type string (encryption is false, takes"],
  ["encryption: 'often'", "invalid encryption: 'often'"],
  ["encryption: 'yes'", "strict encryption can't be used with the UDP transport protocol"],
  [
    "encryption: strict\nprotocols: [multicast]",
    "strict encryption can't be used with the UDP-multicast transport",
  ],
  ["authMethods: [guess]", "invalid authentication method: 'guess'"],
  ["hlsVariant: flash", "invalid HLS variant: 'flash'"],
  ["hlsTrustedProxies: [home]", "unable to parse IP/CIDR 'home' (hlsTrustedProxies[0]"],
  ["externalAuthenticationURL: ftp://x", "'externalAuthenticationURL' must be a HTTP URL"],
  [
    "externalAuthenticationURL: http://x\nauthMethods: [digest]",
    "'externalAuthenticationURL' can't be used when 'digest' is in authMethods",
  ],
  ["webrtcICEServers2: [{url: 'http://x'}]", "invalid ICE server: 'http://x'"],
  ["webrtcICEServers2: [{urll: 'stun:x'}]", `json: unknown field "urll" (did you mean 'url'?)`],
  ["webrtcICEServers2: [x]", "json: cannot unmarshal string into Go value of type conf.WebRTCICEServer"],
  ["webrtcICEServers2: x", "json: cannot unmarshal string into Go value of type []conf.WebRTCICEServer"],
  ["webrtcICEServers: [testing]", "invalid ICE server: 'testing'"],
  ["webrtcICEServers: ['http:u:secret']", "invalid ICE server: 'http:…'"],
];

/** Parameters of the path `cam`, and what the error text begins with. */
const PATH_MISTAKES: readonly (readonly [string, string])[] = [
  ["maxReader: 3", `json: unknown field "maxReader" in paths.cam (did you mean 'maxReaders'?)`],
  [
    "rtspAddress: x",
    `json: unknown field "rtspAddress" in paths.cam (it is no parameter of a path: it goes to the`,
  ],
  ["forward: []", `json: unknown field "forward" in paths.cam (a parameter of newer MediaMTX releases`],
  [
    "source: 'wheps://host:port/path'",
    "'wheps://host:port/path' is not a valid URL: the port is not a number (paths.cam)",
  ],
  ["maxReaders: x", "json: cannot unmarshal string into Go value of type int (paths.cam.maxReaders is"],
  ["maxReaders: -1", "'maxReaders' must not be negative (it is -1) (paths.cam)"],
  ["source: nobody", "invalid source: 'nobody' (paths.cam)"],
  ["source: 'ftp://u:secret@h/'", "invalid source: 'ftp://***@h/'"],
  ["source: constructor://x", "invalid source: 'constructor://x'"],
  ["source: 'rtsp://'", "'rtsp://' is not a valid URL: no host"],
  ["source: 'rtsp://h/a#b'", "'rtsp://h/a#b' is not a valid URL: it has a #fragment"],
  ["source: 'rtmp://h:x'", "'rtmp://h:x' is not a valid URL: the port is not a number"],
  ["source: 'rtmp://u@h/a'", "username and password must be both provided"],
  ["source: 'https://:p@h/a'", "username and password must be both provided"],
  ["source: 'srt://'", "'srt://' is not a valid URL: no host"],
  ["source: 'wheps://'", "'wheps://' is not a valid URL"],
  ["source: udp://nowhere", "'udp://nowhere' is not a valid UDP URL"],
  ["source: redirect", "source redirect must be filled"],
  ["source: redirect, sourceRedirect: 'http://x'", "'http://x' is not a valid RTSP URL"],
  ["sourceOnDemand: yes", "'sourceOnDemand' is useless when source is 'publisher'"],
  ["sourceProtocol: smoke", "invalid protocol 'smoke'"],
  ["rtspRangeType: miles", "invalid rtsp range type: 'miles'"],
  ["fallback: //a", "'//a': can't begin with a slash"],
  ["fallback: a", "'a' is not a valid RTSP URL"],
  ["publishUser: u", "read username and password must be both filled"],
  ["readPass: u", "read username and password must be both filled"],
  ["readPass: ü", "credential contains unsupported characters. Supported are: A-Z,0-9,"],
  [
    "source: 'rtsp://h', publishUser: u, publishPass: p",
    "'publishUser' is useless when source is not 'publisher'",
  ],
  ["source: 'rtsp://h', publishIPs: [1.2.3.4]", "'publishIPs' is useless when source is not 'publisher'"],
  ["source: 'rtsp://h', runOnDemand: x", "'runOnDemand' can be used only when source is 'publisher'"],
];

const OTHER_MISTAKES: readonly (readonly [string, string])[] = [
  [
    "paths: {a b: }",
    "invalid path name 'a b': can contain only alphanumeric characters, underscore, dot, tilde,",
  ],
  ["paths: {/a: }", "invalid path name '/a': can't begin with a slash"],
  [
    "paths: {a: 3}",
    "json: cannot unmarshal number into Go value of type conf.Path (paths.a takes parameters)",
  ],
  ["paths: {1: }", "integer keys are not supported (1)"],
  ["paths: {all: , all_others: }", "all_others and all are aliases"],
  ["paths: {all: {runOnInit: x}}", "a path with a regular expression does not support option 'runOnInit'"],
  [
    "paths: {all: {source: 'rtsp://h'}}",
    "a path with a regular expression (or path 'all') cannot have a RTSP source. use another path (paths.all)",
  ],
  [
    "paths: {'~x': {source: rpiCamera}}",
    "a path with a regular expression (or path 'all') cannot have 'rpiCamera' as source. use another path",
  ],
  [
    "paths: {b: {source: rpiCamera}, a: {source: rpiCamera}}",
    "'rpiCamera' with same camera ID 0 is used as source in two paths, 'a' and 'b'",
  ],
  [
    "authMethods: [digest]\npaths: {a: {readUser: 'sha256:x', readPass: 'sha256:y'}}",
    "hashed credentials can't be used when the digest auth method is available",
  ],
  [
    "externalAuthenticationURL: http://x\npaths: {a: {readIPs: [1.2.3.4]}}",
    "credentials or IPs can't be used together with 'externalAuthenticationURL'",
  ],
];

const ALL = [
  ...GLOBAL_MISTAKES,
  ...PATH_MISTAKES.map(([path, message]) => [`paths: {cam: {${path}}}`, message] as const),
  ...OTHER_MISTAKES,
];

test.each(ALL)("%s", (text, message) => {
  let thrown: unknown;
  try {
    parseConfig(text, SOURCES);
  } catch (error) {
    thrown = error;
  }
  expect(thrown).toBeInstanceOf(ConfigError);
  expect((thrown as Error).message).toStartWith(message);
});

test.each([
  "publishUser: sup€rsecret",
  "publishPass: [supersecret]",
  "source: 'nope://u:supersecret@h'",
  "source: [supersecret]",
  "fallback: 'http://u:supersecret@h'",
  "source: 'rtmp://u:supersecret@'",
])("no error text repeats a secret: %s", (path) => {
  expect(() => parseConfig(`paths: {a: {${path}}}`, SOURCES)).toThrow(/^(?!.*(supersecret|sup€rsecret))/);
});

test.each([
  "source: 'rtsp://u:p@[fe80::1%eth0]:554/x?y=z'",
  "source: 'rtsps://h/x', sourceOnDemand: yes",
  "source: 'rtmps://u:p@h/x'",
  "source: 'http://h/x.m3u8'",
  "source: 'udp://239.0.0.1:1234'",
  "source: 'udp://[ff02::1]:1234'",
  "source: 'srt://h:1?streamid=x'",
  "source: 'whep://h/x'",
  "source: redirect, sourceRedirect: 'rtsp://h/x'",
  "fallback: /other",
  "fallback: 'rtsp://h/x'",
  "publishUser: 'sha256:ä', publishPass: '!$()*+.;<=>[]^_-{}@#&'",
])("right: %s", (path) => {
  expect(parseConfig(`paths: {a: {${path}}}`, SOURCES).paths.size).toBe(1);
});
