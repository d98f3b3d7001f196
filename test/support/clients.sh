#!/bin/sh
# Installs the clients the tests use from Debian's or Ubuntu's packages; elsewhere names what is missing.
packages="ffmpeg gstreamer1.0-tools gstreamer1.0-rtsp gstreamer1.0-plugins-base gstreamer1.0-plugins-good
gstreamer1.0-plugins-bad gstreamer1.0-plugins-ugly gstreamer1.0-libav gir1.2-gst-rtsp-server-1.0 python3-gi openssl
iproute2 nftables chromium mpv vlc-bin vlc-plugin-base nginx-light curl tstools"
missing=""
PATH="$PATH:/usr/sbin"
for tool in ffmpeg ffprobe gst-launch-1.0 openssl ip nft chromium mpv cvlc nginx curl tsreport; do
  command -v "$tool" >/dev/null 2>&1 || missing="$missing $tool"
done
/usr/bin/python3 -c 'import gi; gi.require_version("GstRtspServer", "1.0")' 2>/dev/null ||
  missing="$missing gst-rtsp-server"
bin="$(cd "$(dirname "$0")/../.." && pwd)/node_modules/.bin"
for tool in prometheus promtool; do
  command -v "$tool" >/dev/null 2>&1 || [ -x "$bin/$tool" ] || missing="$missing $tool"
done
[ -z "$missing" ] && exit 0

# Unpacks Prometheus beside the tools of npm: its package, installed, would start a service.
unpack_prometheus() {
  [ -x "$bin/promtool" ] && return 0
  command -v promtool >/dev/null 2>&1 && return 0
  [ -d "$bin" ] || return 0
  folder="$(mktemp -d)"
  (cd "$folder" && apt-get download -qq prometheus && dpkg-deb -x prometheus_*.deb . &&
    cp usr/bin/prometheus usr/bin/promtool "$bin/") || echo "prometheus is missing, its tests are skipped"
  rm -rf "$folder"
}

sudo=""
if [ "$(id -u)" != 0 ]; then sudo="sudo -n"; fi
if command -v apt-get >/dev/null 2>&1 && $sudo true 2>/dev/null; then
  echo "installing the clients of the tests:$missing"
  export DEBIAN_FRONTEND=noninteractive
  # shellcheck disable=SC2086
  $sudo apt-get update -qq && $sudo apt-get install -y -qq --no-install-recommends $packages >/dev/null && unpack_prometheus && exit 0
fi
echo "missing, and their tests are skipped:$missing"
exit 0
