#ifndef LARDER_TESTS_TESTING_HISTORY_LOAD_LOAD_OPTIONS_H_
#define LARDER_TESTS_TESTING_HISTORY_LOAD_LOAD_OPTIONS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/time/time.h"

namespace larder::history {

// What `larder_history run` does. Keys are by their number modulo 3 registers (set, delete, touch,
// lease, conditions, ttls), values that are appended to, and counters.
struct LoadOptions {
  std::vector<std::string> addresses;  // each operation goes to any of them
  std::string file;
  uint64_t seed = 1;
  uint32_t clients = 16;      // threads, each with one operation at a time
  uint32_t first_client = 0;  // their numbers; no two recorders of a history may share any
  uint32_t connections = 4;   // to each address, shared by the clients
  uint64_t keys = 300;
  std::string key_prefix = "history:";
  uint64_t value_bytes = 100;  // of a set, about
  double rate = 0;             // operations a second of all clients; 0: as many as they can
  absl::Duration duration = absl::Seconds(10);
  absl::Duration deadline = absl::Seconds(1);  // of a call; calls are not tried again
  // Of the sets. 0 replicas: none ask for any.
  uint32_t replicas = 0;
  double replicas_share = 0.5;
  // Of the reads, which replicas may then answer. Below 0: none.
  absl::Duration max_staleness = -absl::Seconds(1);
  double stale_share = 0.5;
};

}  // namespace larder::history

#endif  // LARDER_TESTS_TESTING_HISTORY_LOAD_LOAD_OPTIONS_H_
