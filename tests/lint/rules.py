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
    "cluster/wire": Folder(("cluster", "proto"), ("absl/", "google/protobuf/"), leaf=True),
    "server": Folder(
        ("server", "storage", "cluster", "proto"),
        ("absl/", "grpc/", "grpcpp/", "google/protobuf/", "glog/", "prometheus/", "httplib.h",
         "CLI/", "nghttp2/", "openssl/", "zlib.h"),
        leaf=False),
    "server/handlers": Folder(("server/handlers", "storage", "cluster"), ("absl/",), leaf=False),
    "server/rpc/channel": Folder(
        ("server/rpc", "server/connections", "server/handlers", "server/tls", "storage"),
        ("absl/", "openssl/"), leaf=False),
    "client": Folder(
        ("client", "cluster", "proto", "server/rpc/channel", "server/rpc/wire"),
        ("absl/", "grpc/", "grpcpp/", "google/protobuf/", "CLI/", "nlohmann/", "lzma.h"),
        leaf=False),
}

# Headers that others include must not bring generated code or gRPC along, not even by way of another
# header: a file that includes grpcpp costs seconds to compile. By the beginnings of their paths.
HEAVY = ("grpc/", "grpcpp/", "google/protobuf/")
LIGHT_HEADERS = ("storage/", "cluster/", "server/handlers/", "server/config/", "server/metrics/",
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
LEAF_EXCEPTIONS = {"storage/mutex.h": {"mutex"}, "storage/unit_pool.cc": {"sys/mman.h"}}

LINES_MAX = 500
