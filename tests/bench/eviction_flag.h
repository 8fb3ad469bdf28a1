#ifndef LARDER_TESTS_BENCH_EVICTION_FLAG_H_
#define LARDER_TESTS_BENCH_EVICTION_FLAG_H_

#include <CLI/App.hpp>

#include "client/flags/arguments.h"
#include "storage/eviction_kind.h"

namespace larder::bench {

// --eviction=POLICY.
inline void AddEviction(CLI::App& command, storage::EvictionKind& target) {
  cli::AddParsed<storage::EvictionKind>(
      command, "--eviction", "POLICY", &storage::ParseEvictionKind,
      [&target](storage::EvictionKind kind) { target = kind; }, "Eviction policy; else s3fifo");
}

}  // namespace larder::bench

#endif  // LARDER_TESTS_BENCH_EVICTION_FLAG_H_
