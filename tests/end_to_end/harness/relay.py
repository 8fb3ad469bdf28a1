"""A relay between clients and nodes that counts what the clients send."""

import contextlib
import itertools
import socket
import threading


class Relay:
    """Listens on a port of its own when made, ends with the `with`. Connections go to one of the ports
    after the other, as if these were one node. `bytes_sent` are those of all clients so far."""

    def __init__(self, *ports):
        self._ports = itertools.cycle(ports)
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._lock = threading.Lock()
        self._sockets = [self._listening]
        self._threads = []
        self.bytes_sent = 0
        self.port = self._listening.getsockname()[1]
        self.address = f"127.0.0.1:{self.port}"

    def __enter__(self):
        self._start(self._accept)
        return self

    def __exit__(self, *_):
        with self._lock:
            sockets, self._sockets = self._sockets, None
        for end in sockets:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        for end in sockets:
            end.close()

    def _start(self, function, *arguments):
        self._threads.append(threading.Thread(target=function, args=arguments))
        self._threads[-1].start()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                client = self._listening.accept()[0]
                node = socket.create_connection(("127.0.0.1", next(self._ports)))
                with self._lock:
                    if self._sockets is None:
                        client.close()
                        node.close()
                        return
                    self._sockets += [client, node]
                    self._start(self._forward, client, node, True)
                    self._start(self._forward, node, client, False)

    def _forward(self, source, target, counts):
        with contextlib.suppress(OSError):
            while chunk := source.recv(65536):
                if counts:
                    with self._lock:
                        self.bytes_sent += len(chunk)
                target.sendall(chunk)
            target.shutdown(socket.SHUT_WR)
