#include "tests/testing/history/single_checks.h"

#include <algorithm>
#include <tuple>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"

namespace larder::history {
namespace {

bool IsWrite(const Operation& operation) {
  return operation.outcome == Outcome::kOk && operation.done &&
         (operation.kind == OperationKind::kSet || operation.kind == OperationKind::kAppend ||
          operation.kind == OperationKind::kIncrement);
}

bool IsChange(const Operation& operation) {
  return IsWrite(operation) || (operation.outcome == Outcome::kOk && operation.done &&
                                operation.kind == OperationKind::kDelete);
}

// Finds whether anything of a set lies whole between two times.
class ChangesBetween {
 public:
  ChangesBetween(const CheckContext& context, const std::vector<uint32_t>& operations)
      : context_(context) {
    for (const uint32_t number : operations) {
      if (IsChange(context.operation(number))) changes_.push_back(number);
    }
    std::sort(changes_.begin(), changes_.end(), [&context](uint32_t one, uint32_t other) {
      return context.operation(one).begin < context.operation(other).begin;
    });
    first_to_end_ = changes_;
    for (size_t i = changes_.size(); i-- > 1;) {
      if (context.operation(first_to_end_[i]).end < context.operation(first_to_end_[i - 1]).end) {
        first_to_end_[i - 1] = first_to_end_[i];
      }
    }
  }

  // kNoOperation: there is none.
  uint32_t Find(int64_t from, int64_t to) const {
    const auto first = std::partition_point(
        changes_.begin(), changes_.end(),
        [this, from](uint32_t number) { return context_.operation(number).begin <= from; });
    if (first == changes_.end()) return CheckContext::kNoOperation;
    const uint32_t found = first_to_end_[static_cast<size_t>(first - changes_.begin())];
    return context_.operation(found).end < to ? found : CheckContext::kNoOperation;
  }

 private:
  const CheckContext& context_;
  std::vector<uint32_t> changes_;       // by begin
  std::vector<uint32_t> first_to_end_;  // of each and those after it
};

void CheckVersions(CheckContext& context, std::vector<uint32_t>& writes) {
  const auto version_of = [&context](uint32_t number) { return context.operation(number).version; };
  std::sort(writes.begin(), writes.end(), [&version_of](uint32_t one, uint32_t other) {
    return version_of(one) < version_of(other);
  });
  for (size_t i = 1; i < writes.size(); ++i) {
    if (version_of(writes[i]) == 0 || version_of(writes[i]) != version_of(writes[i - 1])) continue;
    context.Add(FindingKind::kDuplicate,
                absl::StrCat("two writes have one version: ", context.Describe(writes[i - 1]),
                             " and ", context.Describe(writes[i])),
                {writes[i - 1], writes[i]});
  }
}

void CheckPositions(CheckContext& context) {
  std::vector<uint32_t> writes;
  const std::vector<Operation>& operations = context.history().operations;
  for (uint32_t i = 0; i < operations.size(); ++i) {
    if (operations[i].position.is_known() && operations[i].outcome == Outcome::kOk) {
      writes.push_back(i);
    }
  }
  std::sort(writes.begin(), writes.end(), [&operations](uint32_t one, uint32_t other) {
    return operations[one].position < operations[other].position;
  });
  uint32_t latest = 0;  // to begin, of those with a lower position
  for (size_t i = 0; i < writes.size(); ++i) {
    const Operation& write = operations[writes[i]];
    const bool is_first = i == 0 ||
                          operations[writes[i - 1]].position.shard != write.position.shard ||
                          operations[writes[i - 1]].position.epoch != write.position.epoch;
    if (is_first) {
      latest = writes[i];
      continue;
    }
    if (operations[writes[i - 1]].position == write.position) {
      context.Add(FindingKind::kDuplicate,
                  absl::StrCat("two writes have one position: ", context.Describe(writes[i - 1]),
                               " and ", context.Describe(writes[i])),
                  {writes[i - 1], writes[i]});
    } else if (write.end < operations[latest].begin) {
      context.Add(
          FindingKind::kPositionOrder,
          absl::StrCat(context.Describe(writes[i]), " has a later position than ",
                       context.Describe(latest), ", but was acknowledged before that began"),
          {writes[i], latest});
    }
    if (write.begin > operations[latest].begin) latest = writes[i];
  }
}

}  // namespace

void CheckLeases(CheckContext& context, const std::vector<uint32_t>& operations) {
  std::vector<uint32_t> uses;
  for (const uint32_t number : operations) {
    const Operation& operation = context.operation(number);
    if (operation.condition == SetCondition::kLease && IsWrite(operation)) uses.push_back(number);
  }
  if (uses.empty()) return;
  const ChangesBetween changes(context, operations);
  absl::flat_hash_map<uint32_t, uint32_t> used;  // by who was granted it
  for (const uint32_t number : uses) {
    const Operation& use = context.operation(number);
    const uint32_t grant = context.Find(use.lease);
    if (grant == CheckContext::kNoOperation) continue;
    const auto [first, is_new] = used.emplace(grant, number);
    if (!is_new) {
      context.Add(FindingKind::kLease,
                  absl::StrCat("one token was good twice: ", context.Describe(first->second),
                               " and ", context.Describe(number)),
                  {first->second, number, grant});
    }
    const uint32_t change = changes.Find(context.operation(grant).end, use.begin);
    if (change == CheckContext::kNoOperation) continue;
    context.Add(
        FindingKind::kLease,
        absl::StrCat(context.Describe(number), " was stored although the key has changed by ",
                     context.Describe(change), " after ", context.Describe(grant)),
        {number, change, grant});
  }
}

void CheckFinalReads(CheckContext& context, const std::vector<uint32_t>& operations) {
  uint32_t first = CheckContext::kNoOperation;
  for (const uint32_t number : operations) {
    const Operation& read = context.operation(number);
    if (!read.is_final || read.outcome != Outcome::kOk) continue;
    if (first == CheckContext::kNoOperation) {
      first = number;
      continue;
    }
    const Operation& other = context.operation(first);
    const auto seen = [](const Operation& of) {
      return std::tie(of.done, of.state, of.version, of.is_stale);
    };
    if (seen(read) == seen(other)) continue;
    context.Add(
        FindingKind::kDiverged,
        absl::StrCat("nodes differ: ", context.Describe(first), " and ", context.Describe(number)),
        {first, number});
  }
}

void CheckVersionsAndPositions(CheckContext& context) {
  std::vector<uint32_t> writes;
  for (uint32_t i = 0; i < context.history().operations.size(); ++i) {
    if (IsWrite(context.operation(i))) writes.push_back(i);
  }
  CheckVersions(context, writes);
  CheckPositions(context);
}

}  // namespace larder::history
