"""Which folder may include what, and what else the leaves must not do. One entry per folder; the
longest matching folder counts. A path outside the repository is matched by its beginning."""

from typing import NamedTuple


class Folder(NamedTuple):
    own: tuple  # folders of this repository that it may include; "proto" is generated code
    libraries: tuple  # beginnings of library headers
    leaf: bool  # no clock, thread, socket, disk, log, randomness: those are arguments


FOLDERS = {
    "storage": Folder(
        ("storage",), ("absl/", "rocksdb/", "xxhash.h", "malloc.h", "sanitizer/asan_interface.h"),
        leaf=True),
    "cluster": Folder(("cluster",), ("absl/",), leaf=True),
    "cluster/replication": Folder(("cluster/replication",), ("absl/",), leaf=True),
    "cluster/registers": Folder(
        ("cluster/registers", "cluster/replication"), ("absl/",), leaf=True),
    "cluster/members": Folder(
        ("cluster/members", "cluster/registers", "cluster/replication"), ("absl/",), leaf=True),
    "cluster/node": Folder(
        ("cluster/node", "cluster/members", "cluster/registers", "cluster/replication"),
        ("absl/",), leaf=True),
    "cluster/wire": Folder(
        ("cluster", "proto"), ("absl/", "google/protobuf/", "zstd.h"), leaf=True),
    "proto/wire": Folder(("proto/wire",), ("absl/",), leaf=True),
    "proto/http2": Folder(("proto/http2", "proto/wire"), ("absl/", "nghttp2/"), leaf=True),
    "proto/tls": Folder(("proto/tls", "proto/http2"), ("absl/", "openssl/"), leaf=True),
    "client": Folder(
        ("client", "cluster", "proto"),
        ("absl/", "grpc/", "grpcpp/", "google/protobuf/", "CLI/", "nlohmann/", "lzma.h"),
        leaf=False),
    "client/channel": Folder(
        ("client/channel", "proto/http2", "proto/tls", "proto/wire"), ("absl/", "openssl/"),
        leaf=False),
    "server": Folder(
        ("server", "storage", "cluster", "client/channel", "proto"),
        ("absl/", "grpc/", "grpcpp/", "google/protobuf/", "glog/", "prometheus/", "CLI/"),
        leaf=False),
    "server/bus": Folder(
        ("server/bus", "server/connections", "server/grpc_credentials", "server/tls", "storage",
         "cluster", "client/channel", "proto"),
        ("absl/", "grpc/", "grpcpp/", "openssl/"), leaf=False),
    "server/grpc_credentials": Folder(
        ("server/grpc_credentials", "server/tls"), ("absl/", "grpcpp/"), leaf=False),
    "server/handlers": Folder(
        ("server/handlers", "storage", "cluster", "proto/wire"), ("absl/",), leaf=False),
    "server/replication": Folder(
        ("server/replication", "server/bus", "server/handlers", "storage", "cluster", "proto/wire"),
        ("absl/",), leaf=False),
    "server/http": Folder(
        ("server/http", "server/connections", "client/channel"), ("absl/", "zlib.h"), leaf=False),
    "server/log": Folder(("server/log", "client/channel"), ("absl/",), leaf=False),
    "server/state_file": Folder(
        ("server/state_file", "client/channel", "proto/wire"), ("absl/", "xxhash.h"), leaf=False),
    "server/tls": Folder(
        ("server/tls", "storage", "client/channel", "proto/tls"), ("absl/", "openssl/"),
        leaf=False),
    "server/rpc": Folder(
        ("server/rpc", "server/transport", "server/metrics", "server/handlers", "server/tls",
         "server/connections", "storage", "client/channel", "proto/http2", "proto/tls",
         "proto/wire"),
        ("absl/", "openssl/", "zlib.h"), leaf=False),
    "server/forwarding": Folder(
        ("server/forwarding", "server/rpc", "server/messages", "server/handlers",
         "server/transport", "server/metrics", "server/tls", "storage", "cluster",
         "client/channel"),
        ("absl/", "openssl/"), leaf=False),
    "server/rpc/services": Folder(
        ("server", "storage", "cluster", "client/channel", "proto"),
        ("absl/", "google/protobuf/"), leaf=False),
}

# Headers that others include must not bring generated code or gRPC along, not even by way of another
# header: a file that includes grpcpp costs seconds to compile. By the beginnings of their paths.
HEAVY = ("grpc/", "grpcpp/", "google/protobuf/")
LIGHT_HEADERS = ("storage/", "cluster/", "server/handlers/", "server/config/", "server/metrics/",
                 "server/transport/", "server/forwarding/", "server/bus/", "server/grpc_credentials/",
                 "client/channel/",
                 "proto/http2/", "proto/tls/",
                
                 "client/client.h")

# Generated headers by the beginning of their path.
GENERATED = ("larder/", "grpc/health/", "grpc/reflection/")

# Headers of the operating system that need no entry above.
SYSTEM = ("sys/", "netinet/", "arpa/", "net/", "linux/")

# Standard headers that a leaf must not include: what they give is an argument there.
LEAF_BANNED_HEADERS = {
    "iostream", "fstream", "sstream", "iomanip", "cstdio", "filesystem", "thread", "future",
    "mutex", "shared_mutex", "condition_variable", "random", "ctime",
}

# Words that a leaf must not use, with what to do instead.
LEAF_BANNED_CODE = {
    r"\b(?:system|steady|high_resolution|utc|file)_clock\b": "time is an argument",
    r"\babsl::(?:Now|GetCurrentTimeNanos|SleepFor)\b": "time is an argument",
    r"\bclock_gettime\b|\bgettimeofday\b|(?<![\w.>:])time\s*\(": "time is an argument",
    r"\bstd::(?:recursive_|shared_|timed_)*mutex\b": "use storage/mutex.h",
    r"\babsl::Mutex\b": "use storage/mutex.h",
    r"\bstd::(?:random_device|mt19937\w*|default_random_engine)\b": "randomness is a seed",
    r"\babsl::(?:BitGen|InsecureBitGen)\b|(?<![\w.>:])s?rand\s*\(": "randomness is a seed",
    r"\bstd::(?:thread|jthread|async)\b": "a leaf starts no thread",
}

# The places that wrap what the others may not use.
LEAF_EXCEPTIONS = {"storage/mutex.h": {"mutex", "shared_mutex"},
                   "storage/unit_pool.cc": {"sys/mman.h"}}

LINES_MAX = 500
