"""Connections below gRPC: the first frames of HTTP/2 by hand, and ways to be a bad client."""

import socket
import struct

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
FRAME_DATA, FRAME_HEADERS, FRAME_SETTINGS, FRAME_GOAWAY, FRAME_CONTINUATION = 0, 1, 4, 7, 9
ENHANCE_YOUR_CALM = 11


def frame(kind, flags, stream, payload):
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


EMPTY_SETTINGS = frame(FRAME_SETTINGS, 0, 0, b"")


def connect(port, timeout=20):
    return socket.create_connection(("127.0.0.1", port), timeout)


def reset(connection):
    """Closes with RST instead of FIN, as a process that vanished does."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def read_frames(connection):
    """Yields (kind, payload) until the other side closes."""
    data = b""
    while True:
        while len(data) >= 9 and len(data) >= 9 + int.from_bytes(data[:3], "big"):
            length = int.from_bytes(data[:3], "big")
            yield data[3], data[9:9 + length]
            data = data[9 + length:]
        try:
            chunk = connection.recv(65536)
        except ConnectionResetError:
            return
        if not chunk:
            return
        data += chunk


def literal_header(name, value):
    """A header for HPACK, without index or Huffman; both shorter than 127 bytes."""
    return b"\x00" + bytes([len(name)]) + name + bytes([len(value)]) + value


def call_headers(path, stream=1, more=()):
    """The HEADERS frame that begins a gRPC call; `more`: (name, value) of headers to add."""
    headers = [(b":method", b"POST"), (b":scheme", b"http"), (b":path", path),
               (b":authority", b"localhost"), (b"te", b"trailers"),
               (b"content-type", b"application/grpc"), *more]
    block = b"".join(literal_header(name, value) for name, value in headers)
    return frame(FRAME_HEADERS, 0x4, stream, block)


def call_data(message, stream=1, end=True):
    """The DATA frame of a gRPC message; its first bytes say how long the message is."""
    return frame(FRAME_DATA, 1 if end else 0, stream,
                 b"\0" + struct.pack(">I", len(message)) + message)
