/** Parameters of v1.20.1 that this server does not have, in lower case: their error message is more than "unknown". */
const NEWER =
  /^(dumppackets|(rtsp|mpegts|rtp)?udpreadbuffersize|auth(internalusers|http|jwt)\w*|(api|metrics|pprof|playback)(encryption|serverkey|servercert|alloworigins?|trustedproxies)|playback\w*|srtc?paddress|multicastsrtc?pport|rt[sm]ptrustedproxies|hlsmuxercloseafter|hlscdnsecret|webrtc(ipsfrominterfaces\w*|\w*timeout)|moq\w*|record\w*|srt(read|publish)passphrase|useabsolutetimestamp|alwaysavailable\w*|forward|rtsp(demuxmpegts|scale|udpsourceportrange)|rtpsdp|whep\w+|rpicamera(secondary|awbgains|flickerperiod|codec|m?jpegquality)|runon((on|off)line(restart)?|recordsegment(create|complete)))$/;

/** A hint about a parameter that only newer releases of MediaMTX have; undefined for others. */
export function newerHint(name: string): string | undefined {
  const lower = name.toLowerCase();
  if (lower === "authinternalusers") {
    return "newer releases of MediaMTX have it; here, publishUser, publishPass, publishIPs, readUser, readPass and readIPs of a path say who may come in";
  }
  return NEWER.test(lower)
    ? "a parameter of newer MediaMTX releases that this server does not have"
    : undefined;
}
