#include "tests/testing/history_load/final_reads.h"

#include <ctime>
#include <utility>

#include "client/client.h"
#include "tests/testing/history/written_value.h"

namespace larder::history {
namespace {

// Above all clients that write.
constexpr uint32_t kFirstFinalClient = 1u << 30;

int64_t Now() {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

}  // namespace

absl::Status AddFinalReads(const FinalReadOptions& options, const std::vector<std::string>& keys,
                           HistoryReader& reader) {
  for (size_t i = 0; i < options.addresses.size(); ++i) {
    ClientOptions client;
    client.address = options.addresses[i];
    client.deadline = options.deadline;
    const absl::StatusOr<std::unique_ptr<Client>> node = Client::Create(std::move(client));
    if (!node.ok()) return node.status();
    OperationId id{kFirstFinalClient + static_cast<uint32_t>(i), 0};
    for (const std::string& key : keys) {
      OperationRecord record;
      record.key = key;
      record.node = (*node)->address();
      Operation& read = record.operation;
      ++id.number;
      read.id = id;
      read.is_final = true;
      read.begin = Now();
      const absl::StatusOr<GetResult> result =
          (*node)->Get(key, {.max_staleness = options.max_staleness});
      if (!result.ok()) return result.status();
      read.end = Now();
      read.outcome = Outcome::kOk;
      read.done = result->found;
      read.is_stale = result->stale;
      read.version = result->version;
      if (result->found) read.state = DescribeValue(result->value);
      const absl::Status status = reader.Add(std::move(record));
      if (!status.ok()) return status;
    }
  }
  return absl::OkStatus();
}

}  // namespace larder::history
