"""What is skipped, what must not be, and that the relay counts."""

import os
import socket
import unittest
from unittest import mock

from end_to_end.harness.relay import Relay
from interop.toolbox import need

ABSENT = "no-such-program"


class NeedTest(unittest.TestCase):
    def need(self, *programs, ci):
        with mock.patch.dict(os.environ, {"CI": ci}):
            need(*programs)

    def test_what_is_there_is_not_skipped(self):
        self.need("sh", "env", ci="true")

    def test_what_is_not_there_is_skipped_by_name(self):
        for ci in ("true", ""):
            with self.assertRaisesRegex(unittest.SkipTest, f"no {ABSENT} here"):
                self.need(ABSENT, ci=ci)

    def test_what_is_there_in_part_is_a_failure_of_ci(self):
        with self.assertRaisesRegex(AssertionError, f"no {ABSENT} here, but sh"):
            self.need("sh", ABSENT, ci="true")
        with self.assertRaisesRegex(unittest.SkipTest, ABSENT):
            self.need("sh", ABSENT, ci="")


class RelayTest(unittest.TestCase):
    def test_counts_what_clients_send_and_not_what_they_get(self):
        with socket.create_server(("127.0.0.1", 0)) as server:
            with Relay(server.getsockname()[1]) as relay:
                host, port = relay.address.split(":")
                with socket.create_connection((host, int(port)), 20) as client:
                    client.sendall(b"question")
                    client.shutdown(socket.SHUT_WR)
                    with server.accept()[0] as served:
                        self.assertEqual(self.read_all(served), b"question")
                        served.sendall(b"the answer")
                    self.assertEqual(self.read_all(client), b"the answer")
                self.assertEqual(relay.bytes_sent, len(b"question"))

    @staticmethod
    def read_all(connection):
        data = b""
        while chunk := connection.recv(4096):
            data += chunk
        return data


if __name__ == "__main__":
    unittest.main()
