#ifndef LARDER_TESTS_TESTING_HISTORY_LOAD_HISTORY_CLIENT_H_
#define LARDER_TESTS_TESTING_HISTORY_LOAD_HISTORY_CLIENT_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "client/client.h"
#include "client/load/random.h"
#include "tests/testing/history/history_writer.h"
#include "tests/testing/history_load/load_options.h"

namespace larder::history {

// Does one operation after the other, by chance, and records each. Of one thread.
class HistoryClient {
 public:
  // `nodes`: a client for each address, that never tries again. All must outlive it.
  HistoryClient(const LoadOptions& options, uint32_t number,
                const std::vector<std::unique_ptr<Client>>& nodes, HistoryWriter& writer);

  // False: it failed.
  bool DoOne();

  uint64_t done() const { return done_; }
  uint64_t failed() const { return failed_; }
  const absl::Status& last_failure() const { return last_failure_; }

 private:
  // A token that it was granted and has not used.
  struct Grant {
    OperationId operation;
    std::string token;
  };

  bool Chance(double share) { return random_.Fraction() < share; }
  Operation Begin(OperationKind kind);
  bool End(Operation& operation, const absl::Status& status);

  bool DoRegister();
  bool Get();
  bool Lease();
  bool Set();
  bool SetRegister();
  bool Send(Operation& operation, SetOptions options);
  bool Delete();
  bool Touch();
  bool Append();
  bool Increment();

  const LoadOptions& options_;
  const std::vector<std::unique_ptr<Client>>& nodes_;
  HistoryWriter& writer_;
  load::Random random_;
  OperationId id_;
  uint64_t key_number_ = 0;
  std::string key_;
  Client* node_ = nullptr;
  std::map<uint64_t, uint64_t> versions_;  // last seen, of each key
  std::map<uint64_t, Grant> grants_;       // of each key
  std::optional<Position> written_;        // last
  uint64_t done_ = 0;
  uint64_t failed_ = 0;
  absl::Status last_failure_;
};

}  // namespace larder::history

#endif  // LARDER_TESTS_TESTING_HISTORY_LOAD_HISTORY_CLIENT_H_
