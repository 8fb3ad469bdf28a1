#include "tests/bench/hot_path/instruction_count.h"

#include <cstdio>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "tests/bench/hot_path/running_server.h"
#include "tests/bench/labelled_number.h"
#include "tests/bench/temporary_folder.h"

namespace larder::bench {
namespace {

// Reads callgrind's output: "totals: N".
absl::StatusOr<uint64_t> ReadTotal(const std::string& path) {
  const auto total = ReadLabelledNumber(path, "totals:");
  if (total.has_value()) return *total;
  return absl::InternalError("callgrind has not written how many instructions there were");
}

absl::StatusOr<uint64_t> InstructionsOf(const MeasuredServer& server, const Workload& workload,
                                        const LoadShape& shape, uint64_t operations) {
  const TemporaryFolder folder;
  if (!folder.ok()) return absl::InternalError("cannot make a folder in /tmp");
  const std::string output = folder.path() + "/callgrind";
  const auto running = RunningServer::Start(
      server, workload,
      {"valgrind", "--tool=callgrind", absl::StrCat("--callgrind-out-file=", output), "-q"});
  if (!running.ok()) return running.status();
  absl::Status status = (*running)->Run(shape, operations);
  if (status.ok()) status = (*running)->Stop();
  if (!status.ok()) return status;
  const auto total = ReadTotal(output);
  std::remove(output.c_str());
  return total;
}

}  // namespace

absl::StatusOr<double> CountInstructions(const MeasuredServer& server, const Workload& workload,
                                         const LoadShape& shape, uint64_t operations) {
  const auto few = InstructionsOf(server, workload, shape, operations);
  if (!few.ok()) return few.status();
  const auto many = InstructionsOf(server, workload, shape, 2 * operations);
  if (!many.ok()) return many.status();
  return (static_cast<double>(*many) - static_cast<double>(*few)) / static_cast<double>(operations);
}

}  // namespace larder::bench
