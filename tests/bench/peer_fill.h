#ifndef LARDER_TESTS_BENCH_PEER_FILL_H_
#define LARDER_TESTS_BENCH_PEER_FILL_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "tests/bench/memory_fill.h"

namespace larder::bench {

// Another cache with the same keys and values.
struct PeerReport {
  std::string name;
  bool is_installed = false;
  std::string version;
  uint64_t entries = 0;         // at the end
  uint64_t resident_bytes = 0;  // by which its process grew from when it first answered
};

// INVALID_ARGUMENT: the options are nothing that all peers can store.
absl::Status CheckPeerOptions(const MemoryFillOptions& options);

// Starts redis-server and memcached on free ports of 127.0.0.1, one after the other, fills and ends
// them. Those that are not installed are reported so. INTERNAL, UNAVAILABLE: one does not work.
absl::StatusOr<std::vector<PeerReport>> FillPeers(const MemoryFillOptions& options);

}  // namespace larder::bench

#endif  // LARDER_TESTS_BENCH_PEER_FILL_H_
