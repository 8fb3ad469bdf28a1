#ifndef LARDER_TESTS_TESTING_OWN_TESTS_SIMULATED_STORE_H_
#define LARDER_TESTS_TESTING_OWN_TESTS_SIMULATED_STORE_H_

#include <cstdint>
#include <map>
#include <optional>
#include <queue>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "tests/testing/history/history.h"

namespace larder::history {

// A correct store with clients, in simulated time: each operation has its effect at one moment
// between its begin and its end; some are refused, some end unknown and have their effect late or
// never; replicas answer with what was there a while ago; losses take the end of the log or all.
// Keys are by their number modulo 3 registers, values that are appended to, and counters.
class SimulatedStore {
 public:
  struct Options {
    uint64_t seed = 1;
    int operations = 1000;
    int keys = 6;
    int clients = 8;
    int losses = 0;
    bool evicts = false;
    bool is_replicated = true;  // has replica reads and positions
    double unknown = 0.02;      // of the operations
  };

  explicit SimulatedStore(const Options& options);
  History Run();
  // The writes whose effect a loss took, by their place in the history; after Run.
  const std::vector<uint32_t>& lost() const { return lost_; }

 private:
  struct Entry {
    std::string state;  // empty: missing
    uint64_t version = 0;
    int64_t expires_at = kNever;
  };
  struct Mutation {
    uint32_t key;
    Entry before;
    uint64_t epoch;
    uint32_t operation;
  };
  struct Step {
    int64_t time;
    uint32_t operation;
    bool is_effect;  // else its end
    bool operator>(const Step& other) const { return time > other.time; }
  };

  int64_t Below(int64_t bound) { return static_cast<int64_t>(random_() % bound); }
  bool Chance(double share) { return static_cast<double>(random_() % 1000000) < share * 1e6; }
  void Begin(uint32_t client);
  void Choose(Operation& operation);
  void ChooseForRegister(Operation& operation, int64_t dice);
  void Effect(Operation& operation);
  void Read(Operation& operation);
  void Write(Operation& operation, std::string state);
  void SetEffect(Operation& operation);
  void IncrementEffect(Operation& operation);
  void Put(uint32_t key, Entry entry);
  Entry Live(uint32_t key) const;
  Entry At(uint32_t key, int64_t time) const;
  void Lose();
  void FinalReads();

  const Options options_;
  std::mt19937_64 random_;
  History history_;
  int64_t now_ = 0;
  uint64_t version_ = 0;
  uint64_t epoch_ = 1;
  std::priority_queue<Step, std::vector<Step>, std::greater<>> steps_;
  std::vector<uint32_t> numbers_;  // of each client's operations
  std::vector<std::optional<std::pair<LogPosition, uint32_t>>> written_;  // by each client last
  std::vector<Entry> entries_;
  std::vector<std::vector<std::pair<int64_t, Entry>>> past_;  // of each key, since when
  std::vector<Mutation> log_;
  size_t kept_ = 0;  // of the log, what no loss may take
  std::map<uint32_t, OperationId> leases_;
  uint32_t current_ = 0;  // the operation that has its effect now
  std::vector<uint32_t> lost_;
  std::vector<uint64_t> seen_versions_;
  std::map<std::pair<uint64_t, uint64_t>, int64_t> position_times_;
};

}  // namespace larder::history

#endif  // LARDER_TESTS_TESTING_OWN_TESTS_SIMULATED_STORE_H_
