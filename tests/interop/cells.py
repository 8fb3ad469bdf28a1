"""What every client is to show, and the nodes that it shows it on."""

import grpc

from end_to_end.harness.certificates import Authority, read
from end_to_end.harness.node import Node
from end_to_end.harness.waiting import wait_until

# The tests of each client, by the names that those of other languages print.
CELLS = ("unary", "compare and set", "lease", "streaming", "deadline", "cancellation",
         "large message", "gzip", "error details")
# Small and without eviction, so that a client can fill it and see the error's details.
NODE_FLAGS = ("--memory=16MiB", "--eviction=none")
# A stream that its client has ended and the node has not would keep the next one out.
ONE_STREAM = "--max_streams=1"
LARGE_BYTES = 4032 << 10


class TlsTestCase:
    """For a unittest.TestCase: an authority, a client's certificate, nodes with certificates."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.authority = cls.enterClassContext(Authority())
        cls.stranger = cls.enterClassContext(Authority("stranger"))
        cls.client = cls.authority.issue("client")

    @classmethod
    def tls_node(cls, *flags):
        """A node with a certificate. The Python channel has one, too, for nodes that ask."""
        own = read(cls.client.key_file), read(cls.client.cert_file)
        return Node(*NODE_FLAGS, *cls.authority.issue("node").flags(), *flags,
                    credentials=grpc.ssl_channel_credentials(read(cls.authority.ca_file), *own))

    @classmethod
    def mutual_tls_node(cls, *flags):
        """One that lets in only clients with a certificate of the authority."""
        return cls.tls_node(f"--tls_client_ca_file={cls.authority.ca_file}", *flags)

    def assert_handshake_fails(self, node, *reasons):
        """One of the failures that the node can have seen is counted."""
        def failures():
            metrics = node.metrics()
            return sum(metrics[f'larder_tls_handshake_failures_total{{reason="{reason}"}}']
                       for reason in reasons)
        wait_until(failures, f"a handshake fails: {' or '.join(reasons)}")
        self.assertTrue(node.alive())


def streams_refused(node):
    """How many were more than --max_streams."""
    return node.metrics()['larder_streams_reset_total{reason="max_streams"}']
