import { type Aliases, aliasesOf, pending, present, type Values } from "./row.ts";
import { bool, choice, credential, duration, float, int, networks, secretText, text } from "./scalars.ts";

const sourceProtocol = choice(["automatic", "udp", "multicast", "tcp"], "invalid protocol", "");
const rtspRangeType = choice(["", "clock", "npt", "smpte"], "invalid rtsp range type:", "");

/** Sources that exist, by what they begin with. */
const SOURCES = new Set(["publisher", "redirect", "rtsp", "rtsps", "http", "https", "udp"]);

/** Names the kind of a source that does not exist yet, without what could be secret in its URL. */
function missingSource(source: string): readonly string[] {
  const kind = /^[a-z]+/i.exec(source)?.[0] ?? "unknown";
  return SOURCES.has(kind.toLowerCase()) ? [] : [kind];
}

const SOURCE_ROWS = {
  source: present(
    secretText,
    "publisher",
    "who brings the stream: publisher, a URL, redirect, rpiCamera",
    missingSource,
  ),
  sourceFingerprint: present(
    text,
    "",
    "SHA-256 of the source's certificate, in hex, to accept a self-signed one",
  ),
  sourceOnDemand: present(bool, false, "fetch the source only while somebody reads"),
  sourceOnDemandStartTimeout: present(duration, 10_000, "how long readers wait for the source to be ready"),
  sourceOnDemandCloseAfter: present(duration, 10_000, "how long the source stays after its last reader"),
  maxReaders: present(int, 0, "most readers at a time; 0 for any number"),
};

const ACCESS_ROWS = {
  publishUser: present(credential, "", "user name publishers need, plain or hashed"),
  publishPass: present(credential, "", "password publishers need, plain or hashed"),
  publishIPs: present(networks, [], "addresses and ranges that may publish; all when empty"),
  readUser: present(credential, "", "user name readers need, plain or hashed"),
  readPass: present(credential, "", "password readers need, plain or hashed"),
  readIPs: present(networks, [], "addresses and ranges that may read; all when empty"),
};

const PUBLISHER_ROWS = {
  overridePublisher: present(bool, true, "a new publisher takes the place of the one there is"),
  disablePublisherOverride: present(bool, false, "old form of overridePublisher: no"),
  fallback: present(
    secretText,
    "",
    "path (/name) or RTSP URL that readers are sent to when nobody publishes",
  ),
};

const RTSP_SOURCE_ROWS = {
  sourceProtocol: present(
    sourceProtocol,
    "automatic",
    "transport of a RTSP source: automatic, udp, multicast, tcp",
  ),
  sourceAnyPortEnable: present(bool, false, "take UDP packets from other ports of a RTSP source than agreed"),
  rtspRangeType: present(
    rtspRangeType,
    "",
    "unit of rtspRangeStart: clock, npt, smpte; empty for the live stream",
  ),
  rtspRangeStart: present(
    text,
    "",
    "where a RTSP source starts: 20230812T120000Z for clock, else a duration",
  ),
  sourceRedirect: present(secretText, "", "RTSP URL that readers are sent to, with source redirect"),
};

const CAMERA_ROWS = {
  rpiCameraCamID: pending(int, 0, "number of the camera"),
  rpiCameraWidth: pending(int, 1920, "width of the picture"),
  rpiCameraHeight: pending(int, 1080, "height of the picture"),
  rpiCameraHFlip: pending(bool, false, "mirror left and right"),
  rpiCameraVFlip: pending(bool, false, "mirror top and bottom"),
  rpiCameraBrightness: pending(float, 0, "brightness, -1 to 1"),
  rpiCameraContrast: pending(float, 1, "contrast, 0 to 16"),
  rpiCameraSaturation: pending(float, 1, "saturation, 0 to 16"),
  rpiCameraSharpness: pending(float, 1, "sharpness, 0 to 16"),
  rpiCameraExposure: pending(text, "", "exposure: normal, short, long, custom; empty for normal"),
  rpiCameraAWB: pending(
    text,
    "",
    "white balance: auto, incandescent, tungsten, fluorescent, indoor, daylight, cloudy, custom; empty for auto",
  ),
  rpiCameraDenoise: pending(text, "", "noise reduction: off, cdn_off, cdn_fast, cdn_hq; empty for off"),
  rpiCameraShutter: pending(int, 0, "shutter time in microseconds; 0 for automatic"),
  rpiCameraMetering: pending(text, "", "metering: centre, spot, matrix, custom; empty for centre"),
  rpiCameraGain: pending(float, 0, "fixed gain; 0 for automatic"),
  rpiCameraEV: pending(float, 0, "exposure compensation, -10 to 10"),
  rpiCameraROI: pending(
    text,
    "",
    "part of the picture as x,y,width,height, each 0 to 1; empty for all of it",
  ),
  rpiCameraHDR: pending(bool, false, "high dynamic range"),
  rpiCameraTuningFile: pending(text, "", "tuning file of the camera"),
  rpiCameraMode: pending(text, "", "sensor mode as width:height:depth:packing, the last two may be left out"),
  rpiCameraFPS: pending(float, 30, "frames per second"),
  rpiCameraIDRPeriod: pending(int, 60, "frames from one key frame to the next"),
  rpiCameraBitrate: pending(int, 1_000_000, "bits per second"),
  rpiCameraProfile: pending(text, "main", "H264 profile: baseline, main, high"),
  rpiCameraLevel: pending(text, "4.1", "H264 level: 4.0, 4.1, 4.2"),
  rpiCameraAfMode: pending(text, "", "focus: auto, manual, continuous; empty for auto"),
  rpiCameraAfRange: pending(text, "", "range of the focus: normal, macro, full; empty for normal"),
  rpiCameraAfSpeed: pending(text, "", "speed of the focus: normal, fast; empty for normal"),
  rpiCameraLensPosition: pending(float, 0, "position of the lens in dioptres, for manual focus"),
  rpiCameraAfWindow: pending(
    text,
    "",
    "part of the picture to focus on as x,y,width,height; empty for all of it",
  ),
  rpiCameraTextOverlayEnable: pending(bool, false, "write text over the picture"),
  rpiCameraTextOverlay: pending(
    text,
    "%Y-%m-%d %H:%M:%S - MediaMTX",
    "the text, with the fields of strftime",
  ),
};

const HOOK_ROWS = {
  runOnInit: present(text, "", "command to run from the start of the server"),
  runOnInitRestart: present(bool, false, "start runOnInit again when it ends by itself"),
  runOnDemand: present(text, "", "command that publishes the stream when a reader asks for it"),
  runOnDemandRestart: present(bool, false, "start runOnDemand again when it ends by itself"),
  runOnDemandStartTimeout: present(duration, 10_000, "how long readers wait for runOnDemand to publish"),
  runOnDemandCloseAfter: present(duration, 10_000, "how long runOnDemand goes on after the last reader"),
  runOnUnDemand: present(text, "", "command to run once when nobody needs runOnDemand any more"),
  runOnReady: present(text, "", "command to run while the stream is there to be read"),
  runOnReadyRestart: present(bool, false, "start runOnReady again when it ends by itself"),
  runOnNotReady: present(text, "", "command to run once when the stream has ended"),
  runOnRead: present(text, "", "command to run while a client reads"),
  runOnReadRestart: present(bool, false, "start runOnRead again when it ends by itself"),
  runOnUnread: present(text, "", "command to run once when such a client reads no more"),
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
