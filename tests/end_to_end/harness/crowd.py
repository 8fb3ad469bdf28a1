"""A crowd of hostile connections to both ports of a node, from a process of its own.

As a program: `python3 -m end_to_end.harness.crowd PORT METRICS_PORT CONNECTIONS` keeps so many open, half of them to
each port, until its stdin ends, and prints how often each kind has connected.
"""

import asyncio
import contextlib
import json
import os
import random
import socket
import struct
import subprocess
import sys

from . import raw

BIG_KEY = b"big"
HELLO = raw.PREFACE + raw.EMPTY_SETTINGS
GET = b"/larder.v1.Cache/Get"
SET = b"/larder.v1.Cache/Set"
# By hand, so that this process needs no protobuf: field 1 of a GetRequest.
GET_BIG = b"\x0a" + bytes([len(BIG_KEY)]) + BIG_KEY
METRICS = b"GET /metrics HTTP/1.1\r\nHost: node\r\n\r\n"
FRAME_CONTINUATION = 9


class Link:
    """A connection that is not to last long."""

    def __init__(self, connection, seconds):
        self._loop = asyncio.get_running_loop()
        self.connection = connection
        self.seconds = seconds

    async def send(self, data):
        await self._loop.sock_sendall(self.connection, data)

    async def receive(self, size=65536):
        data = await self._loop.sock_recv(self.connection, size)
        if not data:
            raise ConnectionResetError
        return data

    async def wait(self):
        """Until the time is over or the node has closed."""
        while True:
            await self.receive()

    async def drip(self, data, size, pause):
        for at in range(0, len(data), size):
            await self.send(data[at:at + size])
            await asyncio.sleep(pause)


async def idle(link):
    await link.wait()


async def half_a_preface(link):
    await link.send(raw.PREFACE[:12])
    await link.wait()


async def half_a_header_block(link):
    await link.send(HELLO + raw.frame(raw.FRAME_HEADERS, 0, 1, raw.literal_header(b"a", b"b") * 1000))
    await link.wait()


async def too_much_metadata(link):
    block = b"".join(raw.literal_header(b"x-%d" % n, b"y" * 120) for n in range(700))
    frames = raw.frame(raw.FRAME_HEADERS, 1, 1, block[:16384])
    for at in range(16384, len(block), 16384):
        end = 4 if at + 16384 >= len(block) else 0
        frames += raw.frame(FRAME_CONTINUATION, end, 1, block[at:at + 16384])
    await link.send(HELLO + frames)
    await link.wait()


async def drip_a_call(link):
    await link.drip(HELLO + raw.call_headers(GET) + raw.call_data(GET_BIG), 3, 0.2)
    await link.wait()


async def claim_more_than_comes(link):
    message = b"\0" + struct.pack(">I", 16_000_000) + bytes(8000)
    await link.send(HELLO)
    for stream in range(1, 40, 2):
        await link.send(raw.call_headers(SET, stream) + raw.frame(raw.FRAME_DATA, 0, stream, message))
        await asyncio.sleep(0.2)
    await link.wait()


async def claim_too_much(link):
    message = b"\0" + struct.pack(">I", 1 << 30)
    await link.send(HELLO + raw.call_headers(SET) + raw.frame(raw.FRAME_DATA, 0, 1, message))
    await link.wait()


async def read_slowly(link):
    calls = b"".join(raw.call_headers(GET, stream) + raw.call_data(GET_BIG, stream) for stream in range(1, 20, 2))
    await link.send(HELLO + calls)
    while True:
        await link.receive(4096)
        await asyncio.sleep(0.2)


async def read_nothing(link):
    calls = b"".join(raw.call_headers(GET, stream) + raw.call_data(GET_BIG, stream) for stream in range(1, 20, 2))
    await link.send(HELLO + calls)
    await asyncio.sleep(link.seconds)


async def half_close(link):
    await link.send(HELLO + raw.call_headers(GET) + raw.call_data(GET_BIG))
    link.connection.shutdown(socket.SHUT_WR)
    await link.wait()


async def vanish(link):
    await link.send(HELLO + raw.call_headers(GET) + raw.call_data(GET_BIG))
    link.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


async def babble(link):
    await link.send(os.urandom(3000))
    await link.wait()


async def ping_on_and_on(link):
    await link.send(HELLO)
    while True:
        await link.send(raw.frame(6, 0, 0, bytes(8)) * 500)
        await asyncio.sleep(0.01)


async def half_a_request(link):
    await link.send(METRICS[:-2])
    await link.wait()


async def drip_a_request(link):
    await link.drip(METRICS, 1, 0.3)
    await link.wait()


async def ask_and_read_nothing(link):
    await link.send(METRICS * 50)
    await asyncio.sleep(link.seconds)


async def ask_and_half_close(link):
    await link.send(METRICS)
    link.connection.shutdown(socket.SHUT_WR)
    await link.wait()


async def ask_too_long(link):
    await link.send(b"GET /metrics HTTP/1.1\r\nX: " + b"x" * 100_000)
    await link.wait()


async def ask_and_vanish(link):
    await link.send(METRICS)
    link.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


CLIENT_KINDS = [idle, half_a_preface, half_a_header_block, too_much_metadata, drip_a_call, claim_more_than_comes,
                claim_too_much, read_slowly, read_nothing, half_close, vanish, babble, ping_on_and_on]
METRICS_KINDS = [idle, half_a_request, drip_a_request, ask_and_read_nothing, ask_and_half_close, ask_too_long,
                 ask_and_vanish, babble]


async def hold_one(number, port, kinds, counts, over):
    """One place of the crowd: connects, misbehaves for some seconds, and connects again."""
    choice = random.Random(number)
    loop = asyncio.get_running_loop()
    # Not only until it is cancelled: wait_for forgets that when its time is over at that moment.
    while not over.is_set():
        kind = choice.choice(kinds)
        with socket.socket() as connection:
            connection.setblocking(False)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16384)
            link = Link(connection, choice.uniform(1, 10))
            with contextlib.suppress(OSError, asyncio.TimeoutError):
                await loop.sock_connect(connection, ("127.0.0.1", port))
                counts[kind.__name__] = counts.get(kind.__name__, 0) + 1
                await asyncio.wait_for(kind(link), link.seconds)
        await asyncio.sleep(choice.uniform(0.1, 1))


async def hold(port, metrics_port, connections):
    # Clients elsewhere do not take the processors that the node and good clients need.
    os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    counts = {}
    over = asyncio.Event()
    crowd = [asyncio.ensure_future(hold_one(n, (port, metrics_port)[n % 2], (CLIENT_KINDS, METRICS_KINDS)[n % 2],
                                            counts, over)) for n in range(connections)]
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    over.set()
    for one in crowd:
        one.cancel()
    await asyncio.gather(*crowd, return_exceptions=True)
    return counts


class Crowd:
    """Holds a crowd before a node for the time of a `with`; `counts` is what came of it, by kind."""

    def __init__(self, node, connections):
        folder = os.path.join(os.path.dirname(__file__), "..", "..")
        self.counts = {}
        self._process = subprocess.Popen(
            [sys.executable, "-B", "-m", "end_to_end.harness.crowd", str(node.port), str(node.metrics_port),
             str(connections)],
            cwd=folder, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        # It may end before those it made way for.
        with contextlib.suppress(PermissionError):
            os.sched_setscheduler(self._process.pid, os.SCHED_OTHER, os.sched_param(0))
        try:
            output, _ = self._process.communicate(timeout=60)
        finally:
            self._process.kill()
        self.counts = json.loads(output)


if __name__ == "__main__":
    print(json.dumps(asyncio.run(hold(*map(int, sys.argv[1:])))))
