#include <gtest/gtest.h>

#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "tests/testing/history/checker.h"
#include "tests/testing/history/written_value.h"

namespace larder::history {
namespace {

// Decides by trying all orders whether operations on one key can have happened: the question that
// the checker answers by other means. For few operations.
class Exhaustive {
 public:
  explicit Exhaustive(const std::vector<Operation>& operations) : operations_(operations) {}

  bool IsPossible() { return Continue(0, ""); }

 private:
  bool Continue(uint32_t done, const std::string& state) {
    bool is_complete = true;
    int64_t first_end = kNever;
    for (size_t i = 0; i < operations_.size(); ++i) {
      if ((done >> i & 1) != 0) continue;
      if (operations_[i].outcome == Outcome::kOk) is_complete = false;
      first_end = std::min(first_end, operations_[i].end);
    }
    if (is_complete) return true;
    if (!tried_.emplace(done, state).second) return false;
    for (size_t i = 0; i < operations_.size(); ++i) {
      // What ended before this one began comes first.
      if ((done >> i & 1) != 0 || operations_[i].begin > first_end) continue;
      std::string after = state;
      if (Apply(operations_[i], after) && Continue(done | 1u << i, after)) return true;
    }
    return false;
  }

  // False: the operation cannot have answered so in this state.
  static bool Apply(const Operation& operation, std::string& state) {
    const bool is_known = operation.outcome == Outcome::kOk;
    const std::string id = ToText(operation.id);
    switch (operation.kind) {
      case OperationKind::kGet:
        return operation.state == state;
      case OperationKind::kSet:
        if (operation.condition == SetCondition::kIfAbsent && !state.empty()) {
          return !is_known;
        }
        state = id;
        return true;
      case OperationKind::kAppend:
        state += state.empty() ? id : "," + id;
        return true;
      case OperationKind::kDelete:
        if (is_known && operation.done == state.empty()) return false;
        state.clear();
        return true;
      default:
        return false;
    }
  }

  const std::vector<Operation>& operations_;
  std::set<std::pair<uint32_t, std::string>> tried_;
};

// A few operations at random times, most of whose answers are those of some order, and some others.
std::vector<Operation> SomeOperations(std::mt19937_64& random) {
  std::vector<Operation> operations;
  std::vector<std::string> states = {""};
  const size_t count = 4 + random() % 5;
  const int64_t spread = 10 + static_cast<int64_t>(random() % 40);
  int64_t time = 0;
  for (uint32_t i = 1; i <= count; ++i) {
    Operation operation;
    operation.id = {1, i};
    time += static_cast<int64_t>(random() % 20);
    operation.begin = time;
    operation.end = time + 1 + static_cast<int64_t>(random() % spread);
    operation.outcome = Outcome::kOk;
    operation.done = true;
    const uint64_t dice = random() % 100;
    if (dice < 45) {
      operation.kind = OperationKind::kGet;
      // One of the last states, or of any.
      const size_t back = random() % 4 == 0 ? states.size() : std::min<size_t>(states.size(), 2);
      operation.state = states[states.size() - 1 - random() % back];
      operation.done = !operation.state.empty();
    } else if (dice < 60) {
      operation.kind = OperationKind::kDelete;
      operation.done = random() % 3 != 0;
      states.push_back("");
    } else if (dice < 85) {
      operation.kind = OperationKind::kSet;
      if (random() % 6 == 0) operation.condition = SetCondition::kIfAbsent;
      states.push_back(ToText(operation.id));
    } else {
      operation.kind = OperationKind::kAppend;
      const std::string& before =
          states[states.size() - 1 - random() % std::min<size_t>(states.size(), 2)];
      states.push_back(before.empty() ? ToText(operation.id) : before + "," + ToText(operation.id));
    }
    if (operation.is_mutation() && random() % 8 == 0) {
      operation.outcome = Outcome::kUnknown;
      operation.end = kNever;
      operation.done = false;
    }
    operations.push_back(operation);
  }
  return operations;
}

TEST(ExhaustiveTest, TheCheckerObjectsToNothingPossibleAndMissesLittleOfTheRest) {
  std::mt19937_64 random(11);
  int possible = 0;
  int impossible = 0;
  int missed = 0;
  for (int round = 0; round < 20000; ++round) {
    History history;
    history.keys = {"key"};
    history.nodes = {"node"};
    history.operations = SomeOperations(random);
    const bool is_possible = Exhaustive(history.operations).IsPossible();
    const Report report = Check(history, {});
    if (is_possible) {
      ++possible;
      ASSERT_EQ(report.findings_total, 0u) << "round " << round << "\n" << report.ToText();
    } else {
      ++impossible;
      missed += report.findings_total == 0 ? 1 : 0;
    }
  }
  EXPECT_GT(possible, 5000);
  EXPECT_GT(impossible, 5000);
  EXPECT_LT(missed, impossible / 10) << missed << " of " << impossible;
}

}  // namespace
}  // namespace larder::history
