"""Writers that keep many writes in flight and remember which were acknowledged."""

import threading

import grpc

from .stubs import cache


class AckWriters:
    """Sets of keys that nobody wrote before, `in_flight` at a time, each with `ack`, from when it is made to `stop`.
    `acknowledged` are the keys whose Set succeeded."""

    def __init__(self, node, prefix, ack, in_flight=64):
        self.acknowledged = []
        self._stub, self._prefix, self._ack = node.stub, prefix, ack
        self._number = 0
        self._lock = threading.Lock()
        self._is_over = False
        self._idle = threading.Semaphore(0)
        self._in_flight = in_flight
        for _ in range(in_flight):
            self._next()

    def _next(self):
        with self._lock:
            key = b"%s%d" % (self._prefix, self._number)
            self._number += 1
        call = self._stub.Set.future(cache.SetRequest(key=key, value=key, ack=self._ack), timeout=10)
        call.add_done_callback(lambda done: self._on_done(key, done))

    def _on_done(self, key, call):
        ok = call.code() == grpc.StatusCode.OK
        with self._lock:
            if ok:
                self.acknowledged.append(key)
            goes_on = ok and not self._is_over
        if goes_on:
            self._next()
        else:
            self._idle.release()

    def stop(self):
        """When no write is in flight any more; a write that fails is not followed by another."""
        with self._lock:
            self._is_over = True
        for _ in range(self._in_flight):
            self._idle.acquire()
        return self.acknowledged
