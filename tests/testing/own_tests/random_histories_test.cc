#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "tests/testing/history/checker.h"
#include "tests/testing/own_tests/simulated_store.h"

namespace larder::history {
namespace {

using Options = SimulatedStore::Options;

std::vector<Options> Kinds() {
  return {
      {.operations = 300, .keys = 3, .clients = 4, .is_replicated = false, .unknown = 0},
      {.operations = 300, .keys = 3, .clients = 12, .unknown = 0.1},
      {.operations = 400, .keys = 6, .clients = 6, .losses = 1},
      {.operations = 600, .keys = 3, .clients = 8, .losses = 6, .unknown = 0.05},
      {.operations = 400, .keys = 4, .clients = 6, .losses = 2, .evicts = true},
      {.operations = 400, .keys = 9, .clients = 20, .losses = 2, .is_replicated = false},
      {.operations = 20000, .keys = 30, .clients = 10},
      {.operations = 20000, .keys = 60, .clients = 10, .losses = 20},
  };
}

TEST(RandomHistoriesTest, NothingIsFoundInWhatACorrectStoreAnswers) {
  for (const Options& kind : Kinds()) {
    for (uint64_t seed = 1; seed <= (kind.operations < 1000 ? 150u : 4u); ++seed) {
      Options options = kind;
      options.seed = seed;
      const History history = SimulatedStore(options).Run();
      const Report report = Check(history, {.evictions_allowed = options.evicts});
      ASSERT_EQ(report.findings_total, 0u)
          << "seed " << seed << " losses " << options.losses << "\n"
          << report.ToText();
    }
  }
}

}  // namespace
}  // namespace larder::history
