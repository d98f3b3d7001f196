import { type Aliases, aliasesOf, pending, present, type Values } from "./row.ts";
import { bool, choice, credential, duration, float, int, networks, secretText, text } from "./scalars.ts";

const sourceProtocol = choice(["automatic", "udp", "multicast", "tcp"], "invalid protocol", "");
const rtspRangeType = choice(["", "clock", "npt", "smpte"], "invalid rtsp range type:", "");

const SOURCE_ROWS = {
  source: present(secretText, "publisher", "source of the stream: publisher, a URL, redirect, rpiCamera"),
  sourceFingerprint: present(
    text,
    "",
    "SHA-256 of the source's certificate in hex, to accept a self-signed one",
  ),
  sourceOnDemand: present(bool, false, "pull the source only while there are readers"),
  sourceOnDemandStartTimeout: present(
    duration,
    10_000,
    "how long readers wait for the source to become ready",
  ),
  sourceOnDemandCloseAfter: present(duration, 10_000, "how long the source keeps running without readers"),
  maxReaders: present(int, 0, "maximum number of readers; 0 for no limit"),
};

const ACCESS_ROWS = {
  publishUser: present(credential, "", "user name required to publish, plain or hashed"),
  publishPass: present(credential, "", "password required to publish, plain or hashed"),
  publishIPs: present(networks, [], "addresses and ranges allowed to publish; empty for all"),
  readUser: present(credential, "", "user name required to read, plain or hashed"),
  readPass: present(credential, "", "password required to read, plain or hashed"),
  readIPs: present(networks, [], "addresses and ranges allowed to read; empty for all"),
};

const PUBLISHER_ROWS = {
  overridePublisher: present(bool, true, "let a new publisher replace the current one"),
  disablePublisherOverride: present(bool, false, "old form of overridePublisher: no"),
  fallback: present(
    secretText,
    "",
    "path (/name) or RTSP URL that readers are redirected to while nobody is publishing",
  ),
};

const RTSP_SOURCE_ROWS = {
  sourceProtocol: present(
    sourceProtocol,
    "automatic",
    "transport of an RTSP source: automatic, udp, multicast, tcp",
  ),
  sourceAnyPortEnable: present(bool, false, "accept UDP packets of an RTSP source from any of its ports"),
  rtspRangeType: present(
    rtspRangeType,
    "",
    "unit of rtspRangeStart: clock, npt, smpte; empty for the live stream",
  ),
  rtspRangeStart: present(
    text,
    "",
    "start position of an RTSP source: 20230812T120000Z for clock, otherwise a duration",
  ),
  sourceRedirect: present(secretText, "", "RTSP URL that readers are redirected to, for source: redirect"),
};

const CAMERA_ROWS = {
  rpiCameraCamID: pending(int, 0, "ID of the camera"),
  rpiCameraWidth: pending(int, 1920, "width of the picture"),
  rpiCameraHeight: pending(int, 1080, "height of the picture"),
  rpiCameraHFlip: pending(bool, false, "flip horizontally"),
  rpiCameraVFlip: pending(bool, false, "flip vertically"),
  rpiCameraBrightness: pending(float, 0, "brightness, -1 to 1"),
  rpiCameraContrast: pending(float, 1, "contrast, 0 to 16"),
  rpiCameraSaturation: pending(float, 1, "saturation, 0 to 16"),
  rpiCameraSharpness: pending(float, 1, "sharpness, 0 to 16"),
  rpiCameraExposure: pending(text, "", "exposure mode: normal, short, long, custom; empty for normal"),
  rpiCameraAWB: pending(
    text,
    "",
    "white balance: auto, incandescent, tungsten, fluorescent, indoor, daylight, cloudy, custom; empty for auto",
  ),
  rpiCameraDenoise: pending(text, "", "noise reduction: off, cdn_off, cdn_fast, cdn_hq; empty for off"),
  rpiCameraShutter: pending(int, 0, "shutter time in microseconds; 0 for automatic"),
  rpiCameraMetering: pending(text, "", "metering mode: centre, spot, matrix, custom; empty for centre"),
  rpiCameraGain: pending(float, 0, "fixed gain; 0 for automatic"),
  rpiCameraEV: pending(float, 0, "exposure compensation, -10 to 10"),
  rpiCameraROI: pending(
    text,
    "",
    "region of interest as x,y,width,height, each 0 to 1; empty for the whole picture",
  ),
  rpiCameraHDR: pending(bool, false, "enable high dynamic range"),
  rpiCameraTuningFile: pending(text, "", "tuning file"),
  rpiCameraMode: pending(text, "", "sensor mode as width:height:depth:packing; the last two are optional"),
  rpiCameraFPS: pending(float, 30, "frames per second"),
  rpiCameraIDRPeriod: pending(int, 60, "number of frames between key frames"),
  rpiCameraBitrate: pending(int, 1_000_000, "bitrate in bit/s"),
  rpiCameraProfile: pending(text, "main", "H264 profile: baseline, main, high"),
  rpiCameraLevel: pending(text, "4.1", "H264 level: 4.0, 4.1, 4.2"),
  rpiCameraAfMode: pending(text, "", "autofocus mode: auto, manual, continuous; empty for auto"),
  rpiCameraAfRange: pending(text, "", "autofocus range: normal, macro, full; empty for normal"),
  rpiCameraAfSpeed: pending(text, "", "autofocus speed: normal, fast; empty for normal"),
  rpiCameraLensPosition: pending(float, 0, "lens position in dioptres, for manual focus"),
  rpiCameraAfWindow: pending(text, "", "autofocus window as x,y,width,height; empty for the whole picture"),
  rpiCameraTextOverlayEnable: pending(bool, false, "enable the text overlay"),
  rpiCameraTextOverlay: pending(
    text,
    "%Y-%m-%d %H:%M:%S - MediaMTX",
    "text of the overlay, with strftime fields",
  ),
};

const HOOK_ROWS = {
  runOnInit: present(text, "", "command to run while the path exists, from the start of the server"),
  runOnInitRestart: present(bool, false, "restart runOnInit when it exits by itself"),
  runOnDemand: present(text, "", "command that publishes the stream when a reader requests it"),
  runOnDemandRestart: present(bool, false, "restart runOnDemand when it exits by itself"),
  runOnDemandStartTimeout: present(duration, 10_000, "how long readers wait for runOnDemand to publish"),
  runOnDemandCloseAfter: present(duration, 10_000, "how long runOnDemand keeps running without readers"),
  runOnUnDemand: present(text, "", "command to run once when runOnDemand is no longer needed"),
  runOnReady: present(text, "", "command to run while the stream is available"),
  runOnReadyRestart: present(bool, false, "restart runOnReady when it exits by itself"),
  runOnNotReady: present(text, "", "command to run once when the stream has ended"),
  runOnRead: present(text, "", "command to run while a client reads"),
  runOnReadRestart: present(bool, false, "restart runOnRead when it exits by itself"),
  runOnUnread: present(text, "", "command to run once when a client stops reading"),
};

/** Every parameter of a path, in the order the API shows them. */
export const PATH_ROWS = {
  ...SOURCE_ROWS,
  ...ACCESS_ROWS,
  ...PUBLISHER_ROWS,
  ...RTSP_SOURCE_ROWS,
  ...CAMERA_ROWS,
  ...HOOK_ROWS,
};

/** Names of v1.20.1 and the parameters they stand for. */
export const PATH_ALIASES: Aliases = aliasesOf([
  { name: "rtspTransport", key: "sourceProtocol" },
  { name: "rtspAnyPort", key: "sourceAnyPortEnable" },
  { name: "runOnAvailable", key: "runOnReady" },
  { name: "runOnAvailableRestart", key: "runOnReadyRestart" },
  { name: "runOnUnavailable", key: "runOnNotReady" },
  { name: "rpiCameraH264Profile", key: "rpiCameraProfile" },
  { name: "rpiCameraHardwareH264Profile", key: "rpiCameraProfile" },
  { name: "rpiCameraSoftwareH264Profile", key: "rpiCameraProfile" },
  { name: "rpiCameraSoftwareH264Level", key: "rpiCameraLevel" },
  { name: "rpiCameraH264Level", key: "rpiCameraLevel" },
  { name: "rpiCameraHardwareH264Level", key: "rpiCameraLevel" },
]);

/** Value of every parameter of a path. Durations are in ms. */
export type PathValues = Values<typeof PATH_ROWS>;
