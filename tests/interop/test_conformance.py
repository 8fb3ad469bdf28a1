"""h2spec and gRPC's own interoperability client against larderd's transport."""

import re
import unittest

import grpc

from end_to_end.harness.certificates import Authority, read
from end_to_end.harness.node import Node
from interop.interop_service import InteropService
from interop.toolbox import go_tool, need, run


class ConformanceTest(unittest.TestCase):
    def test_h2spec(self):
        need("go")
        with Node() as node:
            self.conform(node)

    def test_h2spec_with_tls(self):
        need("go")
        with Authority() as authority:
            trust = grpc.ssl_channel_credentials(read(authority.ca_file))
            with Node(*authority.issue("node").flags(), credentials=trust) as node:
                self.conform(node, "-t", "-k")

    def conform(self, node, *options):
        report = run([go_tool("h2spec"), "-h", "127.0.0.1", "-p", str(node.port), "--timeout", "5",
                      "-P", "/larder.v1.Cache/Get", *options], timeout=300)
        total, passed = re.search(r"(\d+) tests, (\d+) passed, 0 skipped, 0 failed", report).groups()
        self.assertEqual(total, passed)
        self.assertGreaterEqual(int(total), 145)
        self.assertTrue(node.alive())


class GrpcInteropTest(unittest.TestCase):
    """gRPC's own interoperability client against its TestService on larderd's transport."""

    CASES = (
        "empty_unary", "large_unary", "client_streaming", "server_streaming", "ping_pong", "empty_stream",
        "cancel_after_begin", "cancel_after_first_response", "timeout_on_sleeping_server",
        "status_code_and_message", "special_status_message", "custom_metadata", "unimplemented_method",
        "unimplemented_service", "pick_first_unary")

    def test_cases(self):
        need("go")
        client = go_tool("client")
        with InteropService() as service:
            for case in self.CASES:
                with self.subTest(case=case):
                    run([client, "--server_host=127.0.0.1", f"--server_port={service.port}",
                         f"--test_case={case}"], timeout=60)
            self.assertTrue(service.alive())

    def test_half_duplex_which_no_case_calls(self):
        request = b"\x12\x02\x08\x03"  # response_parameters { size: 3 }
        answer = b"\x0a\x05\x12\x03\0\0\0"  # payload { body: 3 bytes }
        with InteropService() as service, grpc.insecure_channel(f"127.0.0.1:{service.port}") as channel:
            call = channel.stream_stream("/grpc.testing.TestService/HalfDuplexCall")
            self.assertEqual(list(call(iter([request] * 5), timeout=20)), [answer] * 5)

    def test_a_case_can_fail(self):
        need("go")
        with Node() as node, self.assertRaises(AssertionError) as raised:
            run([go_tool("client"), "--server_host=127.0.0.1", f"--server_port={node.port}",
                 "--test_case=empty_unary"], timeout=60)
        self.assertIn("Unimplemented", str(raised.exception))


if __name__ == "__main__":
    unittest.main()
