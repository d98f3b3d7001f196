"""An RTSP server of GStreamer that plays files: gst-server.py [options] name=pipeline ...

Options: --address A, --user NAME PASSWORD (Digest; with --basic, Basic), --tls CERT KEY, --multicast GROUP
Prints the port it listens on, then serves until it is killed.
"""

import argparse

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtsp", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import Gio, GLib, Gst, GstRtsp, GstRtspServer  # noqa: E402

parser = argparse.ArgumentParser()
parser.add_argument("--address", default="127.0.0.1")
parser.add_argument("--user", nargs=2)
parser.add_argument("--basic", action="store_true")
parser.add_argument("--tls", nargs=2)
parser.add_argument("--multicast")
parser.add_argument("streams", nargs="+")
args = parser.parse_args()

Gst.init(None)
server = GstRtspServer.RTSPServer.new()
server.set_address(args.address)
server.set_service("0")

viewer = GstRtspServer.RTSPToken()
viewer.set_string("media.factory.role", "viewer")
if args.user or args.tls:
    auth = GstRtspServer.RTSPAuth.new()
    if args.tls:
        auth.set_tls_certificate(Gio.TlsCertificate.new_from_files(*args.tls))
    if not args.user:
        auth.set_default_token(viewer)
    elif args.basic:
        auth.add_basic(GstRtspServer.RTSPAuth.make_basic(*args.user), viewer)
    else:
        auth.set_supported_methods(GstRtsp.RTSPAuthMethod.DIGEST)
        auth.add_digest(*args.user, viewer)
    server.set_auth(auth)

for stream in args.streams:
    name, launch = stream.split("=", 1)
    factory = GstRtspServer.RTSPMediaFactory.new()
    factory.set_launch(launch)
    if args.user or args.tls:
        role = "viewer,media.factory.access=true,media.factory.construct=true"
        factory.add_role_from_structure(Gst.Structure.from_string(role)[0])
    if args.multicast:
        pool = GstRtspServer.RTSPAddressPool.new()
        pool.add_range(args.multicast, args.multicast, 15000, 15009, 1)
        factory.set_address_pool(pool)
        factory.set_shared(True)
        factory.set_protocols(GstRtsp.RTSPLowerTrans.UDP_MCAST)
    server.get_mount_points().add_factory("/" + name, factory)

server.attach(None)
print(server.get_bound_port(), flush=True)
GLib.MainLoop().run()
