"""Joins two hosts, network namespaces, by a cable on which some datagrams are overtaken by those behind them.

usage: reordering-link.py NAMESPACE NAMESPACE PERCENT

It is a pair of TUN devices `r` with the addresses 10.98.0.1 and .2. That part of the UDP packets stays under way for
30 ms, everything else arrives at once, and nothing is lost. Prints `up` once it works, and goes on until it is killed.
"""
import fcntl
import os
import random
import select
import struct
import subprocess
import sys
import time

DELAY = 0.03
IFF_TUN, IFF_NO_PI, TUNSETIFF = 0x0001, 0x1000, 0x400454CA
UDP = 17


def device(index, namespace):
    end = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    name = f"r{os.getpid()}{index}"
    fcntl.ioctl(end, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TUN | IFF_NO_PI))
    for command in (
        ["ip", "link", "set", name, "netns", namespace, "name", "r"],
        ["ip", "-n", namespace, "addr", "add", f"10.98.0.{index}/24", "dev", "r"],
        ["ip", "-n", namespace, "link", "set", "r", "up"],
    ):
        subprocess.run(command, check=True)
    return end


def forward(end, packet):
    try:
        os.write(end, packet)
    except OSError:
        pass  # the host is gone


def main(first, second, percent):
    ends = [device(1, first), device(2, second)]
    other = dict(zip(ends, reversed(ends)))
    late = []
    print("up", flush=True)
    while True:
        wait = max(0, late[0][0] - time.monotonic()) if late else None
        for end in select.select(ends, [], [], wait)[0]:
            packet = os.read(end, 65536)
            is_udp = packet[0] >> 4 == 4 and packet[9] == UDP
            if is_udp and random.random() * 100 < float(percent):
                late.append((time.monotonic() + DELAY, other[end], packet))
            else:
                forward(other[end], packet)
        while late and late[0][0] <= time.monotonic():
            _, end, packet = late.pop(0)
            forward(end, packet)


main(*sys.argv[1:])
