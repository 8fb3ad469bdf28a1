"""Python messages and stubs, generated from proto/ into build/tools when it has changed."""

import glob
import hashlib
import importlib
import os
import shutil
import subprocess
import sys
import tempfile

import grpc

from .paths import PROTO, TOOLS


def _sources():
    return sorted(glob.glob(os.path.join(PROTO, "**", "*.proto"), recursive=True))


def _generate(folder):
    """Several test processes may come here at once: each generates apart, the first to end wins."""
    os.makedirs(os.path.dirname(folder), exist_ok=True)
    scratch = tempfile.mkdtemp(dir=os.path.dirname(folder))
    subprocess.run(
        ["protoc", f"-I{PROTO}", f"--python_out={scratch}", f"--grpc_out={scratch}",
         f"--plugin=protoc-gen-grpc={shutil.which('grpc_python_plugin')}", *_sources()], check=True)
    try:
        os.rename(scratch, folder)
    except OSError:
        shutil.rmtree(scratch)


def _load():
    digest = hashlib.sha256()
    for path in _sources():
        with open(path, "rb") as file:
            digest.update(path.encode() + b"\0" + file.read())
    folder = os.path.join(TOOLS, "python_stubs", digest.hexdigest()[:16])
    if not os.path.isdir(folder):
        _generate(folder)
    sys.path.insert(0, folder)
    # grpcio's own package is named as that of the health service: it is to find both.
    grpc.__path__.append(os.path.join(folder, "grpc"))
    return [importlib.import_module(name) for name in (
        "larder.v1.cache_pb2", "larder.v1.cache_pb2_grpc", "larder.v1.admin_pb2",
        "larder.v1.admin_pb2_grpc", "larder.v1.error_pb2", "larder.v1.replication_pb2", "grpc.health.v1.health_pb2",
        "grpc.health.v1.health_pb2_grpc")]


cache, cache_grpc, admin, admin_grpc, error, replication, health, health_grpc = _load()
