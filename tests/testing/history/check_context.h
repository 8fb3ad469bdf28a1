#ifndef LARDER_TESTS_TESTING_HISTORY_CHECK_CONTEXT_H_
#define LARDER_TESTS_TESTING_HISTORY_CHECK_CONTEXT_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "tests/testing/history/finding.h"
#include "tests/testing/history/history.h"
#include "tests/testing/history/loss_windows.h"

namespace larder::history {

struct CheckOptions {
  // A key may be missing at any time; what is older than it must not be seen all the same.
  bool evictions_allowed = false;
  // How much sooner or later than asked an entry may expire, and how much staler a stale read may
  // be than asked.
  int64_t clock_margin_ns = 100'000'000;
  // An operation whose outcome is unknown takes effect at most so long after its begin. kNever: at
  // any time; then one unknown delete explains every later miss of its key.
  int64_t unknown_lasts_ns = kNever;
  // How many are told of one kind, in all and of one key. All are counted but what is beyond the
  // latter, which tends to be one mishap many times.
  size_t findings_per_kind_max = 20;
  size_t findings_per_key_max = 3;
};

// What all parts of a check share: the history, who wrote what, and the findings so far.
// Not thread-safe.
class CheckContext {
 public:
  static constexpr uint32_t kNoOperation = UINT32_MAX;

  // `history` must outlive it.
  CheckContext(const History& history, const CheckOptions& options);

  const History& history() const { return history_; }
  const CheckOptions& options() const { return options_; }
  const LossWindows& windows() const { return windows_; }
  const Operation& operation(uint32_t number) const { return history_.operations[number]; }

  // kNoOperation: there is none of that name, or no acknowledged write at that position.
  uint32_t Find(OperationId id) const;
  uint32_t FindWrite(const LogPosition& position) const;

  // From when an operation may have had its effect, or what it saw been there; a stale read has
  // seen what was there before it began.
  int64_t EffectiveBegin(const Operation& operation) const;
  // Until when.
  int64_t EffectiveEnd(const Operation& operation) const;

  // For a message: what was done, when, by whom, and what came of it.
  std::string Describe(uint32_t operation) const;
  void Add(FindingKind kind, std::string message, std::vector<uint32_t> operations);
  Report& report() { return report_; }

 private:
  std::string At(int64_t time) const;

  const History& history_;
  const CheckOptions options_;
  const LossWindows windows_;
  int64_t origin_ = 0;  // the first begin
  absl::flat_hash_map<uint64_t, uint32_t> operations_;
  absl::flat_hash_map<std::pair<uint32_t, std::pair<uint64_t, uint64_t>>, uint32_t> positions_;
  std::map<std::pair<uint32_t, FindingKind>, size_t> findings_of_key_;
  Report report_;
};

}  // namespace larder::history

#endif  // LARDER_TESTS_TESTING_HISTORY_CHECK_CONTEXT_H_
