#ifndef LARDER_TESTS_TESTING_HISTORY_FINDING_H_
#define LARDER_TESTS_TESTING_HISTORY_FINDING_H_

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace larder::history {

enum class FindingKind : uint8_t {
  kLost,           // an acknowledged write is gone that no promise lets go
  kResurrected,    // a value is back that was overwritten, deleted, expired or lost with its node
  kOutOfOrder,     // reads that go back, or writes that cannot have followed one another
  kPhantom,        // a value that nobody wrote, that was refused, or that was not written yet
  kTorn,           // a damaged value
  kCounter,        // a counter below what was acknowledged, or above what was asked
  kDuplicate,      // two writes with one version or position, two values with one version
  kPositionOrder,  // positions against the order in which writes were acknowledged
  kLease,          // a token was good although the key had changed
  kDiverged,       // nodes that answer differently after quiet
};
std::string_view NameOf(FindingKind kind);

// Something that no correct execution explains. `message` names operations and times.
struct Finding {
  FindingKind kind;
  std::string key;
  std::string message;
  std::vector<uint32_t> operations;  // in History::operations
};

// What the checker says about a history.
struct Report {
  std::vector<Finding> findings;  // at most CheckOptions' maxima
  uint64_t findings_total = 0;
  std::map<FindingKind, uint64_t> findings_by_kind;
  uint64_t operations = 0;
  uint64_t acknowledged = 0;
  uint64_t refused = 0;
  uint64_t unknown = 0;
  uint64_t keys = 0;
  uint64_t windows = 0;  // in which something could be lost

  std::string ToText() const;
};

}  // namespace larder::history

#endif  // LARDER_TESTS_TESTING_HISTORY_FINDING_H_
