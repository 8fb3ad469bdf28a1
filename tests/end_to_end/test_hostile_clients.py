"""Clients that speak nonsense, vanish, or come in thousands: the node serves the others on."""

import contextlib
import random
import re
import resource
import socket
import struct
import unittest

import grpc
from google.protobuf import duration_pb2

from end_to_end.harness import raw
from end_to_end.harness.node import TRANSPORT, Node
from end_to_end.harness.stubs import cache
from end_to_end.harness.waiting import wait_until

IDLE_CONNECTIONS = 10_000
# 16 KiB of gzip, 16 MiB of fields: as many items as fit, or as many fields that nobody knows.
MESSAGE_BYTES = 16 << 20
MANY_FIELDS = {"items": b"\x0a\0" * (MESSAGE_BYTES // 2), "unknown": b"\xfa\x01\0" * (MESSAGE_BYTES // 3)}
# The message itself while it is read, and something besides.
PEAK_BYTES_MAX = MESSAGE_BYTES + (12 << 20)
UNARY_METHODS = [f"larder.v1.Cache/{name}" for name in (
    "Get", "Set", "Delete", "Lease", "Touch", "Increment", "Append", "Scan",
    "MultiGet", "MultiSet", "MultiDelete")] + [f"larder.v1.Maintenance/{name}" for name in (
        "Stats", "MemoryStats", "SlotStats", "Flush", "Digest", "GetConfig", "SetConfig")] + [
            "larder.v1.Cluster/ReplicaOf", "larder.v1.Cluster/Replication",
            "grpc.health.v1.Health/Check"]
STREAMING_METHODS = ["grpc.health.v1.Health/Watch",
                     "grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
                     "grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"]
CLIENT_HELLO = bytes.fromhex("16030100400100003c0303") + bytes(32) + bytes.fromhex("00000213010100000a")


def garbage():
    """What arrives on a port by mistake or on purpose."""
    random_bytes = random.Random(7)
    oversized_frame = raw.frame(raw.FRAME_DATA, 0, 1, b"")[3:]
    return {
        "random bytes": random_bytes.randbytes(5000),
        "zeros": bytes(5000),
        "half a preface": raw.PREFACE[:12],
        "a preface alone": raw.PREFACE,
        "TLS": CLIENT_HELLO,
        "HTTP/1.1": b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "Redis": b"*1\r\n$4\r\nPING\r\n",
        "memcached": b"get key\r\n",
        "random frames": raw.PREFACE + raw.EMPTY_SETTINGS + random_bytes.randbytes(5000),
        "a frame of 16 MiB": raw.PREFACE + raw.EMPTY_SETTINGS + b"\xff\xff\xff" + oversized_frame,
        "data on a stream that is not open": raw.PREFACE + raw.EMPTY_SETTINGS + raw.call_data(b"x", 5),
        "broken header block": raw.PREFACE + raw.EMPTY_SETTINGS
                               + raw.frame(raw.FRAME_HEADERS, 5, 1, b"\xff" * 100),
    }


class HostileClientsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.node = cls.enterClassContext(Node())

    def begin_call(self, message, declared=None):
        """Sends a Get as far as `message` goes; `declared` is the length that its prefix claims."""
        connection = raw.connect(self.node.port)
        prefix = b"\0" + struct.pack(">I", len(message) if declared is None else declared)
        connection.sendall(raw.PREFACE + raw.EMPTY_SETTINGS + raw.call_headers(b"/larder.v1.Cache/Get")
                           + raw.frame(raw.FRAME_DATA, 0, 1, prefix + message))
        return connection

    def test_garbage(self):
        for name, data in garbage().items():
            for end in (socket.socket.close, raw.reset):
                with self.subTest(data=name, end=end.__name__):
                    connection = raw.connect(self.node.port)
                    connection.sendall(data)
                    end(connection)
                    self.assertTrue(self.node.alive())

    def test_garbage_is_answered_or_the_connection_ends(self):
        for name in ("random bytes", "HTTP/1.1", "TLS", "Redis"):
            with self.subTest(data=name), raw.connect(self.node.port) as connection:
                connection.sendall(garbage()[name])
                frames = list(raw.read_frames(connection))  # ends when the node closes
                self.assertFalse([kind for kind, _ in frames if kind == raw.FRAME_HEADERS])

    def test_clients_that_vanish_in_the_middle_of_a_request(self):
        request = cache.SetRequest(key=b"vanished", value=b"v" * 3000).SerializeToString()
        for sent in (0, 1, len(request) // 2, len(request)):
            for end in (raw.reset, socket.socket.close):
                with self.subTest(sent=sent, end=end.__name__):
                    end(self.begin_call(request[:sent], declared=len(request)))
        self.assertTrue(self.node.alive())

    def test_compressed_requests_cannot_grow_beyond_the_limit(self):
        bomb = cache.SetRequest(key=b"bomb", value=bytes(24 << 20))
        with self.assertRaises(grpc.RpcError) as refused:
            self.node.stub.Set(bomb, compression=grpc.Compression.Gzip, timeout=20)
        if TRANSPORT == "grpcpp":
            # It would inflate them whole before it looks at their size.
            self.assertEqual(refused.exception.code(), grpc.StatusCode.UNIMPLEMENTED)
        else:
            self.assertEqual(refused.exception.code(), grpc.StatusCode.RESOURCE_EXHAUSTED)
            self.assertIn("--max_request_bytes", refused.exception.details())
        self.assertFalse(self.node.stub.Get(cache.GetRequest(key=b"bomb"), timeout=20).found)

    def peak_bytes(self):
        """The most memory that the node has had since the last reset_peak()."""
        with open(f"/proc/{self.node.process.pid}/status", encoding="ascii") as status:
            return int(re.search(r"VmHWM:\s+(\d+) kB", status.read())[1]) << 10

    def reset_peak(self):
        with open(f"/proc/{self.node.process.pid}/clear_refs", "w", encoding="ascii") as file:
            file.write("5")
        return self.peak_bytes()

    def send_many_fields(self, method, message):
        """The answers to one message of a method, which are bytes."""
        with self.node.open_channel() as channel:  # one connection for all would be a flood
            call = channel.stream_stream(f"/{method}")
            return list(call(iter([message]), compression=grpc.Compression.Gzip, timeout=60))

    @unittest.skipIf(TRANSPORT == "grpcpp", "which takes no compressed requests")
    def test_messages_of_millions_of_fields_are_refused_before_they_are_built(self):
        for method in UNARY_METHODS + STREAMING_METHODS:
            for kind, message in MANY_FIELDS.items():
                with self.subTest(method=method, fields=kind):
                    before = self.reset_peak()
                    with self.assertRaises(grpc.RpcError) as refused:
                        self.send_many_fields(method, message)
                    self.assertEqual(refused.exception.code(), grpc.StatusCode.INVALID_ARGUMENT)
                    self.assertRegex(refused.exception.details(),
                                     f"^{method.split('/')[1]}: .* more (items|fields) than the limit")
                    self.assertLess(self.peak_bytes() - before, PEAK_BYTES_MAX)
        self.assertTrue(self.node.alive())

    @unittest.skipIf(TRANSPORT == "grpcpp", "which takes no compressed requests")
    def test_operations_of_millions_of_fields_are_refused_before_they_are_built(self):
        operations = {field.name: field.number for field in cache.PipelineRequest.DESCRIPTOR.fields
                      if field.containing_oneof is not None}
        self.assertGreaterEqual(len(operations), 10)
        for name, number in operations.items():
            for kind, message in MANY_FIELDS.items():
                with self.subTest(operation=name, fields=kind):
                    message = message[:MESSAGE_BYTES - 200]
                    if kind == "unknown":
                        message = message[:len(message) // 3 * 3]
                    length = b""
                    for shift in range(0, 28, 7):
                        length += bytes([len(message) >> shift & 0x7f | (0x80 if shift < 21 else 0)])
                    request = (cache.PipelineRequest(id=7).SerializeToString()
                               + bytes([number << 3 | 2]) + length + message)
                    before = self.reset_peak()
                    answer, = self.send_many_fields("larder.v1.Cache/Pipeline", request)
                    answer = cache.PipelineResponse.FromString(answer)
                    self.assertEqual((answer.id, answer.error.code), (7, 3), answer.error.message)
                    self.assertRegex(answer.error.message, "more (items|fields) than the limit")
                    self.assertLess(self.peak_bytes() - before, PEAK_BYTES_MAX)
        self.assertTrue(self.node.alive())

    def test_requests_with_all_items_that_they_may_have(self):
        keys = [b"many-%d" % n for n in range(10_000)]
        ttl = duration_pb2.Duration(seconds=600, nanos=1)
        sets = cache.MultiSetRequest(items=[
            cache.SetRequest(key=key, value=b"v" * 200, ttl=ttl, flags=7, if_absent=True,
                             ack=cache.Ack(level=cache.ACK_LEVEL_MEMORY), return_previous=with_previous)
            for key, with_previous in zip(keys, [False] * 9_999 + [True])])
        with_previous = cache.MultiSetRequest(items=sets.items[-1:])
        del sets.items[-1]
        for request in (sets, with_previous):
            results = self.node.stub.MultiSet(request, timeout=60).results
            self.assertEqual(len(results), len(request.items))
            self.assertTrue(all(result.response.stored.version for result in results))
        again = self.node.stub.MultiSet(cache.MultiSetRequest(items=[
            *sets.items[:2], cache.SetRequest(key=b""), *with_previous.items]), timeout=60).results
        exists = cache.NOT_STORED_REASON_EXISTS
        self.assertEqual([again[n].response.not_stored.reason for n in (0, 1, 3)], [exists] * 3)
        self.assertEqual(again[2].error.code, 3)
        self.assertEqual(again[3].response.previous.value, b"v" * 200)
        deletes = cache.MultiDeleteRequest(items=[
            cache.DeleteRequest(key=key, serve_stale_for=ttl) for key in keys])
        results = self.node.stub.MultiDelete(deletes, timeout=60).results
        self.assertEqual([result.response.deleted for result in results], [True] * len(keys))

    def test_gzip_is_the_one_compression(self):
        request = cache.SetRequest(key=b"zipped", value=bytes(100000))
        if TRANSPORT != "grpcpp":
            self.node.stub.Set(request, compression=grpc.Compression.Gzip, timeout=20)
            answer = self.node.stub.Get(cache.GetRequest(key=b"zipped"), timeout=20)
            self.assertEqual(answer.value, request.value)
        with self.assertRaises(grpc.RpcError) as refused:
            self.node.stub.Set(request, compression=grpc.Compression.Deflate, timeout=20)
        self.assertEqual(refused.exception.code(), grpc.StatusCode.UNIMPLEMENTED)

    def test_a_thousand_clients_that_vanish_before_their_answer(self):
        request = cache.GetRequest(key=b"k").SerializeToString()
        for _ in range(1000):
            raw.reset(self.begin_call(request))
        self.assertTrue(self.node.alive())
        wait_until(lambda: self.node.stats().connections <= 10, "the connections are let go")

    def test_a_stream_that_vanishes_with_operations_in_flight(self):
        for _ in range(20):
            with self.node.open_channel() as channel:
                call = channel.stream_stream("/larder.v1.Cache/Pipeline",
                                             cache.PipelineRequest.SerializeToString,
                                             cache.PipelineResponse.FromString)
                answers = call(iter([cache.PipelineRequest(id=n, get=cache.GetRequest(key=b"k"))
                                     for n in range(500)]), timeout=20)
                next(answers)
                answers.cancel()
        self.assertTrue(self.node.alive())
        wait_until(lambda: self.node.metrics().get("larder_requests_in_flight", 0) == 0,
                   "no request is left in flight")


class ConnectionLimitsTest(unittest.TestCase):
    def test_a_connection_over_the_limit_is_told_to_go_away(self):
        with Node("--max_connections=3") as node, contextlib.ExitStack() as stack:
            self.assertTrue(node.alive())
            wait_until(lambda: node.metrics()["larder_connections"] == 0, "the first one is let go")
            for _ in range(3):
                stack.enter_context(raw.connect(node.port)).sendall(raw.PREFACE + raw.EMPTY_SETTINGS)
            wait_until(lambda: node.metrics()["larder_connections"] == 3, "three are counted")
            with raw.connect(node.port) as refused:
                frames = dict(raw.read_frames(refused))
                code = struct.unpack(">I", frames[raw.FRAME_GOAWAY][4:8])[0]
                self.assertEqual(code, raw.ENHANCE_YOUR_CALM)
                self.assertIn(b"max_connections", frames[raw.FRAME_GOAWAY][8:])
            stack.close()
            wait_until(lambda: node.metrics()["larder_connections"] == 0, "their places are free")
            self.assertTrue(node.alive())

    @unittest.skipIf(TRANSPORT == "grpcpp", "which has memory of its own")
    def test_what_clients_that_are_gone_had_left_unread_is_given_back(self):
        with Node("--memory=64MiB") as node:
            node.stub.Set(cache.SetRequest(key=b"big", value=bytes(3_000_000)))
            request = cache.GetRequest(key=b"big").SerializeToString()
            calls = b"".join(raw.call_headers(b"/larder.v1.Cache/Get", stream) + raw.call_data(request, stream)
                             for stream in range(1, 80, 2))
            before = node.resident_bytes()
            with contextlib.ExitStack() as readers:
                for _ in range(8):
                    reader = readers.enter_context(raw.connect(node.port))
                    reader.sendall(raw.PREFACE + raw.EMPTY_SETTINGS + calls)
                wait_until(lambda: node.resident_bytes() > before + (150 << 20), "answers wait for their readers")
            wait_until(lambda: node.resident_bytes() < before + (30 << 20), "their memory is given back")

    @unittest.skipIf(TRANSPORT == "grpcpp", "which has limits of its own")
    def test_headers_that_were_refused_are_not_kept(self):
        begin = raw.call_headers(b"/larder.v1.Cache/Get")[9:]
        block = begin + 900 * raw.literal_header(b"x", b"v" * 120)
        pieces = [block[at:at + 16384] for at in range(0, len(block), 16384)]
        request = raw.frame(raw.FRAME_HEADERS, 0, 1, pieces[0])
        request += b"".join(raw.frame(raw.FRAME_CONTINUATION, 0, 1, piece) for piece in pieces[1:-1])
        request += raw.frame(raw.FRAME_CONTINUATION, 0x4, 1, pieces[-1])
        with Node() as node, contextlib.ExitStack() as clients:
            resident = lambda: node.metrics()["process_resident_memory_bytes"]
            refused = lambda: node.metrics()['larder_calls_refused_total{code="RESOURCE_EXHAUSTED"}']
            before = resident()
            for _ in range(500):
                client = clients.enter_context(raw.connect(node.port))
                client.sendall(raw.PREFACE + raw.EMPTY_SETTINGS + request)
            wait_until(lambda: refused() == 500, "all were refused")
            wait_until(lambda: resident() < before + (25 << 20), "an idle client costs little, whatever it sent")

    def test_ten_thousand_idle_connections(self):
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        self.assertGreater(hard, IDLE_CONNECTIONS + 200, "the open files allowed here do not suffice")
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        with Node(f"--max_connections={IDLE_CONNECTIONS + 50}") as node, contextlib.ExitStack() as stack:
            for _ in range(IDLE_CONNECTIONS):
                connection = stack.enter_context(raw.connect(node.port))
                connection.sendall(raw.PREFACE + raw.EMPTY_SETTINGS)
            wait_until(lambda: node.metrics()["larder_connections"] >= IDLE_CONNECTIONS,
                       "all are accepted", seconds=120)
            node.stub.Set(cache.SetRequest(key=b"k", value=b"among many"), timeout=60)
            self.assertEqual(node.stub.Get(cache.GetRequest(key=b"k"), timeout=60).value, b"among many")
            stack.close()
            wait_until(lambda: node.metrics()["larder_connections"] <= 2, "all are let go", seconds=120)
            self.assertTrue(node.alive())

    test_ten_thousand_idle_connections.slow = True


if __name__ == "__main__":
    unittest.main()
