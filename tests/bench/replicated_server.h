#ifndef LARDER_TESTS_BENCH_REPLICATED_SERVER_H_
#define LARDER_TESTS_BENCH_REPLICATED_SERVER_H_

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "tests/bench/bench_keys.h"
#include "tests/bench/child_process.h"
#include "tests/bench/hot_path/load_generator.h"
#include "tests/bench/hot_path/measured_server.h"
#include "tests/bench/hot_path/workload.h"
#include "tests/bench/temporary_folder.h"

namespace larder::bench {

// Whom the mutations of a server go to.
enum class Followers {
  kNone,
  kGone,  // one has followed, and has ended: larderd goes on writing its log, for nobody
  kOne,
  kLater,  // StartReplica starts one
};

// larderd or redis-server with its replica, each a process of its own on free ports of 127.0.0.1.
// They end with this object. Not thread-safe; main thread only, as ChildProcess.
class ReplicatedServer {
 public:
  struct Options {
    std::string larderd;  // the program; empty: redis-server
    Followers followers = Followers::kNone;
    Workload workload;
    // Of larderd; absent: what it has by itself.
    std::optional<uint64_t> log_bytes = {};
    std::optional<uint64_t> copy_bytes_per_second = {};
  };

  // Starts them, sets each key once, and waits until the replica follows, so that what is measured
  // afterwards holds no copy. INTERNAL, UNAVAILABLE: one does not start. DEADLINE_EXCEEDED: the
  // replica does not follow within a minute.
  static absl::StatusOr<std::unique_ptr<ReplicatedServer>> Start(const Options& options);
  ~ReplicatedServer();
  ReplicatedServer(const ReplicatedServer&) = delete;
  ReplicatedServer& operator=(const ReplicatedServer&) = delete;

  pid_t primary() const { return primary_.process->pid(); }
  std::optional<pid_t> replica() const {
    if (replica_.process == nullptr) return std::nullopt;
    return replica_.process->pid();
  }

  // REQUIRES: Followers::kLater, and not called before. Starts the replica and waits for nothing
  // but that it listens. INTERNAL, UNAVAILABLE: it does not.
  absl::Status StartReplica();
  // Whether the replica has all and follows. ABORTED: its process has ended. UNAVAILABLE: one does
  // not answer, maybe for now.
  absl::StatusOr<bool> Follows();
  // How many entries the replica has.
  absl::StatusOr<uint64_t> CountReplicaEntries();

  // Connections to the primary for one kind of operation. Must not outlive this.
  absl::StatusOr<std::unique_ptr<LoadGenerator>> Connect(WorkloadOperation operation,
                                                         const LoadShape& shape, uint64_t seed);

  // Waits until the replica has said that it has all that was written. DEADLINE_EXCEEDED: it has
  // not within a minute.
  absl::Status WaitUntilCaughtUp();
  // Whether the primary keeps a log now.
  absl::StatusOr<bool> KeepsLog();

 private:
  struct Node {
    TemporaryFolder folder;
    uint16_t port = 0;
    uint16_t bus_port = 0;      // of larderd
    uint16_t metrics_port = 0;  // of larderd
    std::unique_ptr<ChildProcess> process;
  };

  explicit ReplicatedServer(const Options& options);

  bool is_redis() const { return options_.larderd.empty(); }
  absl::Status StartNode(Node& node, bool is_replica);
  std::vector<std::string> CommandOf(const Node& node, bool is_replica) const;
  // Sets the first so many keys.
  absl::Status Fill(uint64_t keys);
  absl::StatusOr<bool> HasCaughtUp();

  const Options options_;
  const std::unique_ptr<MeasuredServer> server_;
  KeySequence keys_;
  Node primary_;
  Node replica_;
};

}  // namespace larder::bench

#endif  // LARDER_TESTS_BENCH_REPLICATED_SERVER_H_
