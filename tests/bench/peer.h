#ifndef LARDER_TESTS_BENCH_PEER_H_
#define LARDER_TESTS_BENCH_PEER_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "tests/bench/line_connection.h"
#include "tests/bench/memory_fill.h"

namespace larder::bench {

// One kind of server to compare with: how it is started and what is said to it.
class Peer {
 public:
  virtual ~Peer() = default;
  virtual std::string name() const = 0;
  virtual std::vector<std::string> Command(uint16_t port, const std::string& folder,
                                           const MemoryFillOptions& options) const = 0;
  virtual absl::StatusOr<std::string> Version(LineConnection& connection) const = 0;
  virtual void AppendSet(std::string_view key, std::string_view value,
                         const MemoryFillOptions& options, std::string& request) const = 0;
  // Reads what the server says to `sets` of them.
  virtual absl::Status ReadAnswers(LineConnection& connection, uint64_t sets) const = 0;
  virtual absl::StatusOr<uint64_t> CountEntries(LineConnection& connection) const = 0;
};

std::unique_ptr<Peer> MakeRedisPeer();      // RESP2
std::unique_ptr<Peer> MakeMemcachedPeer();  // the text protocol

// Sends a request and reads lines up to one that begins with `wanted`; returns the rest of it, as
// text or as a number. INTERNAL: there is no such line, or no number in it.
absl::StatusOr<std::string> AskFor(LineConnection& connection, std::string_view request,
                                   std::string_view wanted);
absl::StatusOr<uint64_t> AskForNumber(LineConnection& connection, std::string_view request,
                                      std::string_view wanted);
// INTERNAL: the server says what it should not.
absl::Status Unexpected(std::string_view name, std::string_view line);

}  // namespace larder::bench

#endif  // LARDER_TESTS_BENCH_PEER_H_
