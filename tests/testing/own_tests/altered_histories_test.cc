#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "tests/testing/history/checker.h"
#include "tests/testing/history/written_value.h"
#include "tests/testing/own_tests/simulated_store.h"

namespace larder::history {
namespace {

// Makes a valid history impossible by one change. False: this one offers no place for it.
using Alteration = std::function<bool(History&, std::mt19937_64&)>;

bool IsKnown(const Operation& operation) { return operation.outcome == Outcome::kOk; }
bool IsStored(const Operation& operation) {
  return IsKnown(operation) && operation.done && operation.is_mutation() &&
         operation.kind != OperationKind::kDelete && operation.kind != OperationKind::kTouch;
}
bool IsPlainRead(const Operation& operation) {
  return IsKnown(operation) && operation.kind == OperationKind::kGet && operation.done &&
         operation.max_staleness_ms < 0 && !operation.is_final;
}

// One of the operations for which `is_wanted` holds; nullptr: there is none.
Operation* Pick(History& history, std::mt19937_64& random,
                const std::function<bool(const Operation&)>& is_wanted) {
  std::vector<Operation*> wanted;
  for (Operation& operation : history.operations) {
    if (is_wanted(operation)) wanted.push_back(&operation);
  }
  return wanted.empty() ? nullptr : wanted[random() % wanted.size()];
}

bool IsSeen(const History& history, const Operation& write) {
  return std::any_of(
      history.operations.begin(), history.operations.end(), [&write](const Operation& read) {
        return IsKnown(read) && read.kind == OperationKind::kGet && read.state == ToText(write.id);
      });
}

bool ForgetASeenWrite(History& history, std::mt19937_64& random) {
  Operation* const write = Pick(history, random, [&history](const Operation& operation) {
    return operation.kind == OperationKind::kSet && IsStored(operation) &&
           IsSeen(history, operation);
  });
  if (write == nullptr) return false;
  history.operations.erase(history.operations.begin() + (write - history.operations.data()));
  return true;
}

bool RefuseASeenWrite(History& history, std::mt19937_64& random) {
  Operation* const write = Pick(history, random, [&history](const Operation& operation) {
    return operation.kind == OperationKind::kSet && IsStored(operation) &&
           IsSeen(history, operation);
  });
  if (write == nullptr) return false;
  write->outcome = Outcome::kNotApplied;
  return true;
}

// A read finds what an acknowledged write or delete had replaced before.
bool ReadWhatWasReplaced(History& history, std::mt19937_64& random) {
  Operation* const read = Pick(history, random, [](const Operation& operation) {
    return IsPlainRead(operation) && operation.key % 3 == 0;
  });
  if (read == nullptr) return false;
  const Operation* const replacing = Pick(history, random, [read](const Operation& operation) {
    return operation.key == read->key && operation.end < read->begin &&
           operation.kind == OperationKind::kSet && IsStored(operation);
  });
  if (replacing == nullptr) return false;
  const Operation* const replaced = Pick(history, random, [&](const Operation& operation) {
    return operation.key == read->key && operation.end < replacing->begin &&
           operation.kind == OperationKind::kSet && IsStored(operation);
  });
  if (replaced == nullptr) return false;
  read->state = ToText(replaced->id);
  read->version = replaced->version;
  return true;
}

// A read finds nothing of a value that nobody deleted. Lists and counters have no ttl.
bool MissWhatIsThere(History& history, std::mt19937_64& random) {
  Operation* const read = Pick(history, random, [&history](const Operation& operation) {
    if (!IsPlainRead(operation) || operation.key % 3 == 0) return false;
    const OperationId id = ParseState(operation.state)->writers.front();
    const auto creator = std::find_if(history.operations.begin(), history.operations.end(),
                                      [id](const Operation& other) { return other.id == id; });
    if (!IsKnown(*creator) || creator->end > operation.begin) return false;
    return std::none_of(
        history.operations.begin(), history.operations.end(), [&](const Operation& other) {
          return other.key == operation.key && other.kind == OperationKind::kDelete &&
                 other.outcome != Outcome::kNotApplied && (!IsKnown(other) || other.done) &&
                 other.begin < operation.end && other.end > creator->begin;
        });
  });
  if (read == nullptr) return false;
  read->done = false;
  read->state.clear();
  read->version = 0;
  return true;
}

bool ChangeACounter(History& history, std::mt19937_64& random, int64_t by) {
  Operation* const read = Pick(history, random, [by](const Operation& operation) {
    return IsPlainRead(operation) && operation.state.front() == '#' &&
           (by > 0 || !operation.state.ends_with("+0"));
  });
  if (read == nullptr) return false;
  const ValueState state = *ParseState(read->state);
  read->state =
      "#" + ToText(state.writers.front()) + "+" + std::to_string(by > 0 ? state.sum + by : 0);
  read->version = 0;
  // Below is impossible only if an increment had ended before.
  return by > 0 || std::any_of(history.operations.begin(), history.operations.end(),
                               [&](const Operation& other) {
                                 return other.kind == OperationKind::kIncrement &&
                                        IsStored(other) && other.end < read->begin &&
                                        !other.is_created &&
                                        ParseState(other.state)->writers == state.writers;
                               });
}

bool LoseAnIncrement(History& history, std::mt19937_64& random) {
  Operation* const one = Pick(history, random, [](const Operation& operation) {
    return operation.kind == OperationKind::kIncrement && IsStored(operation) &&
           !operation.is_created;
  });
  if (one == nullptr) return false;
  const auto writers = ParseState(one->state)->writers;
  const Operation* const other = Pick(history, random, [&](const Operation& operation) {
    return operation.kind == OperationKind::kIncrement && IsStored(operation) &&
           !operation.is_created && operation.id != one->id &&
           ParseState(operation.state)->writers == writers;
  });
  if (other == nullptr) return false;
  one->state = other->state;
  return true;
}

bool RepeatAVersion(History& history, std::mt19937_64& random) {
  Operation* const one = Pick(history, random, IsStored);
  const Operation* const other = Pick(history, random, IsStored);
  if (one == nullptr || one == other) return false;
  one->version = other->version;
  return true;
}

bool SwapPositions(History& history, std::mt19937_64& random) {
  const auto has_position = [](const Operation& operation) {
    return operation.position.is_known();
  };
  Operation* const one = Pick(history, random, has_position);
  if (one == nullptr) return false;
  Operation* const other = Pick(history, random, [&](const Operation& operation) {
    return has_position(operation) && operation.begin > one->end;
  });
  if (other == nullptr) return false;
  std::swap(one->position, other->position);
  return true;
}

bool SwapPieces(History& history, std::mt19937_64& random) {
  // Of a list that others have seen, too.
  Operation* const read = Pick(history, random, [&history](const Operation& operation) {
    return IsPlainRead(operation) && operation.state.find(',') != std::string::npos &&
           std::count_if(history.operations.begin(), history.operations.end(),
                         [&operation](const Operation& other) {
                           return other.key == operation.key &&
                                  other.state.starts_with(operation.state);
                         }) > 1;
  });
  if (read == nullptr) return false;
  const size_t comma = read->state.rfind(',');
  const size_t before = read->state.rfind(',', comma - 1);
  if (before == std::string::npos) return false;
  read->state = read->state.substr(0, before) + read->state.substr(comma) +
                read->state.substr(before, comma - before);
  return true;
}

bool DeleteTwice(History& history, std::mt19937_64& random) {
  Operation* const removal = Pick(history, random, [&history](const Operation& operation) {
    return operation.kind == OperationKind::kDelete && IsKnown(operation) && !operation.done &&
           std::none_of(history.operations.begin(), history.operations.end(),
                        [&operation](const Operation& other) {
                          return other.key == operation.key && other.begin < operation.end &&
                                 other.is_mutation() && other.outcome != Outcome::kNotApplied &&
                                 other.kind != OperationKind::kDelete;
                        });
  });
  if (removal == nullptr) return false;
  removal->done = true;
  return true;
}

bool FinalReadsDiffer(History& history, std::mt19937_64& random) {
  Operation* const read = Pick(history, random, [](const Operation& operation) {
    return operation.is_final && operation.done;
  });
  if (read == nullptr) return false;
  read->done = false;
  read->state.clear();
  read->version = 0;
  return true;
}

struct Kind {
  const char* name;
  Alteration alteration;
};

class AlteredHistories : public ::testing::TestWithParam<Kind> {};

TEST_P(AlteredHistories, AreObjectedTo) {
  int altered = 0;
  for (uint64_t seed = 1; seed <= 150; ++seed) {
    SimulatedStore::Options options{.seed = seed, .operations = 300, .keys = 6, .clients = 5};
    options.unknown = seed % 2 == 0 ? 0.0 : 0.01;
    History history = SimulatedStore(options).Run();
    ASSERT_EQ(Check(history, {}).findings_total, 0u) << "seed " << seed;
    std::mt19937_64 random(seed);
    if (!GetParam().alteration(history, random)) continue;
    ++altered;
    EXPECT_GT(Check(history, {}).findings_total, 0u) << "seed " << seed;
  }
  EXPECT_GT(altered, 15);
}

INSTANTIATE_TEST_SUITE_P(
    , AlteredHistories,
    ::testing::Values(
        Kind{"ForgetASeenWrite", ForgetASeenWrite}, Kind{"RefuseASeenWrite", RefuseASeenWrite},
        Kind{"ReadWhatWasReplaced", ReadWhatWasReplaced}, Kind{"MissWhatIsThere", MissWhatIsThere},
        Kind{"CounterBelow",
             [](History& history, std::mt19937_64& random) {
               return ChangeACounter(history, random, -1);
             }},
        Kind{"CounterAbove",
             [](History& history, std::mt19937_64& random) {
               return ChangeACounter(history, random, 1000);
             }},
        Kind{"LoseAnIncrement", LoseAnIncrement}, Kind{"RepeatAVersion", RepeatAVersion},
        Kind{"SwapPositions", SwapPositions}, Kind{"SwapPieces", SwapPieces},
        Kind{"DeleteTwice", DeleteTwice}, Kind{"FinalReadsDiffer", FinalReadsDiffer}),
    [](const ::testing::TestParamInfo<Kind>& kind) { return std::string(kind.param.name); });

// What a loss took was acknowledged by memory alone. Had it been held by replicas, that would have
// been a breach; which shows unless all that came after on its key hides it.
TEST(AlteredLosses, AWriteThatIsGoneAlthoughReplicasHeldItIsFound) {
  int altered = 0;
  int found = 0;
  for (uint64_t seed = 1; seed <= 100; ++seed) {
    SimulatedStore store({.seed = seed, .operations = 400, .keys = 6, .clients = 5, .losses = 2});
    History history = store.Run();
    for (const uint32_t lost : store.lost()) {
      Operation& write = history.operations[lost];
      if (!IsKnown(write) || write.kind != OperationKind::kSet) continue;
      const AckLevel ack = std::exchange(write.ack, AckLevel::kReplicas);
      const uint32_t replicas = std::exchange(write.replicas, 2);
      const bool may_be_lost = std::any_of(
          history.events.begin(), history.events.end(), [&write](const LossEvent& event) {
            return event.loses == LossEvent::Loses::kEverything && event.end >= write.begin;
          });
      const uint64_t findings = Check(history, {}).findings_total;
      if (may_be_lost) {
        EXPECT_EQ(findings, 0u) << "seed " << seed;
      } else {
        ++altered;
        found += findings > 0 ? 1 : 0;
      }
      write.ack = ack;
      write.replicas = replicas;
    }
  }
  EXPECT_GT(altered, 40);
  EXPECT_GT(found, altered / 4) << found << " of " << altered;
}

}  // namespace
}  // namespace larder::history
