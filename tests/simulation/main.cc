// larder_simulate: runs of replication, decided by their seeds.
//   larder_simulate --seeds=1..5000
//   larder_simulate --seed=17 --trace
//   larder_simulate --seeds=1..500 --fault=ack_before_apply
// Exit codes: 0 nothing was violated, 1 something was, 2 wrong usage.

#include <cstdint>
#include <cstdio>
#include <optional>
#include <string>
#include <string_view>

#include "absl/strings/numbers.h"
#include "absl/strings/strip.h"
#include "tests/simulation/simulation.h"

namespace {

using larder::simulation::PlantedFault;
using larder::simulation::Simulation;
using larder::simulation::SimulationCounts;
using larder::simulation::SimulationOptions;

struct Invocation {
  uint64_t first = 1;
  uint64_t last = 100;
  bool trace = false;
  PlantedFault fault = PlantedFault::kNone;
};

bool ReadSeeds(absl::string_view text, Invocation* invocation) {
  const size_t dots = text.find("..");
  if (dots == absl::string_view::npos) {
    if (!absl::SimpleAtoi(text, &invocation->first)) return false;
    invocation->last = invocation->first;
    return true;
  }
  return absl::SimpleAtoi(text.substr(0, dots), &invocation->first) &&
         absl::SimpleAtoi(text.substr(dots + 2), &invocation->last) &&
         invocation->first <= invocation->last;
}

std::optional<Invocation> ReadArguments(int count, char** arguments) {
  Invocation invocation;
  for (int i = 1; i < count; ++i) {
    absl::string_view argument = arguments[i];
    if (argument == "--trace") {
      invocation.trace = true;
    } else if (absl::ConsumePrefix(&argument, "--seeds=") ||
               absl::ConsumePrefix(&argument, "--seed=")) {
      if (!ReadSeeds(argument, &invocation)) return std::nullopt;
    } else if (absl::ConsumePrefix(&argument, "--fault=")) {
      const auto fault = larder::simulation::PlantedFaultByName({argument.data(), argument.size()});
      if (!fault.has_value()) return std::nullopt;
      invocation.fault = *fault;
    } else {
      return std::nullopt;
    }
  }
  return invocation;
}

void Add(const SimulationCounts& more, SimulationCounts* all) {
  all->writes += more.writes;
  all->held += more.held;
  all->acknowledged += more.acknowledged;
  all->crashes += more.crashes;
  all->promotions += more.promotions;
  all->continued += more.continued;
  all->copies += more.copies;
  all->copies_resumed += more.copies_resumed;
  all->copies_installed += more.copies_installed;
  all->messages += more.messages;
}

}  // namespace

int main(int argc, char** argv) {
  const std::optional<Invocation> invocation = ReadArguments(argc, argv);
  if (!invocation.has_value()) {
    std::fputs(
        "usage: larder_simulate [--seeds=FIRST..LAST] [--seed=N] [--trace] [--fault=NAME]\n"
        "faults:",
        stderr);
    for (const auto& named : larder::simulation::kPlantedFaults) {
      std::fprintf(stderr, " %s", std::string(named.name).c_str());
    }
    std::fputs("\n", stderr);
    return 2;
  }
  SimulationCounts all;
  uint64_t violations = 0;
  for (uint64_t seed = invocation->first; seed <= invocation->last; ++seed) {
    SimulationOptions options;
    options.seed = seed;
    options.fault = invocation->fault;
    if (invocation->trace) {
      options.trace = [](const std::string& line) { std::printf("%s\n", line.c_str()); };
    }
    Simulation simulation(options);
    const std::optional<std::string> violation = simulation.Run();
    Add(simulation.Counts(), &all);
    if (!violation.has_value()) continue;
    ++violations;
    std::printf("seed %llu: %s\n", static_cast<unsigned long long>(seed), violation->c_str());
    std::fflush(stdout);
  }
  std::printf(
      "%llu seeds, %llu with a violation; %llu writes, %llu held, %llu acknowledged by replicas, "
      "%llu crashes, %llu promotions, %llu continued, %llu copies begun, %llu gone on with, %llu "
      "installed, %llu messages\n",
      static_cast<unsigned long long>(invocation->last - invocation->first + 1),
      static_cast<unsigned long long>(violations), static_cast<unsigned long long>(all.writes),
      static_cast<unsigned long long>(all.held), static_cast<unsigned long long>(all.acknowledged),
      static_cast<unsigned long long>(all.crashes), static_cast<unsigned long long>(all.promotions),
      static_cast<unsigned long long>(all.continued), static_cast<unsigned long long>(all.copies),
      static_cast<unsigned long long>(all.copies_resumed),
      static_cast<unsigned long long>(all.copies_installed),
      static_cast<unsigned long long>(all.messages));
  return violations == 0 ? 0 : 1;
}
