#ifndef LARDER_TESTS_SIMULATION_CLUSTER_DATAGRAMS_H_
#define LARDER_TESTS_SIMULATION_CLUSTER_DATAGRAMS_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "cluster/node/peer_messages.h"
#include "storage/random.h"
#include "tests/simulation/event_queue.h"

namespace larder::simulation {

// Messages of the bus between the nodes of a simulation: each may be lost, doubled and late, and
// overtake another.
class Datagrams {
 public:
  struct Options {
    Millis delay_min{1};
    Millis delay_max{5};
    uint32_t lost_permille = 0;
    uint32_t doubled_permille = 0;
  };
  using Deliver = std::function<void(size_t to, const cluster::Envelope& envelope)>;

  Datagrams(EventQueue* events, Options options, uint64_t seed, Deliver deliver)
      : events_(events), options_(options), random_(seed), deliver_(std::move(deliver)) {}

  void Send(size_t from, size_t to, const cluster::Envelope& envelope);
  void set_options(Options options) { options_ = options; }
  // Told of each message that is sent, lost or not.
  void set_on_sent(
      std::function<void(size_t from, size_t to, const cluster::Envelope& envelope)> on_sent) {
    on_sent_ = std::move(on_sent);
  }
  // From one to the other nothing arrives; what is on its way neither.
  void Block(size_t from, size_t to) { blocked_.insert({from, to}); }
  // From one to the other a message takes so much longer; until all is healed.
  void Slow(size_t from, size_t to, Millis delay) { slow_[{from, to}] = delay; }
  void Unblock(size_t from, size_t to) { blocked_.erase({from, to}); }
  // How much later than others this message comes. Absent: never.
  using Fate = std::function<std::optional<Millis>(size_t from, size_t to,
                                                   const cluster::PeerMessage& message)>;
  // For each message that is not blocked; null: none is late. Healing does not change it.
  void set_fate(Fate fate) { fate_ = std::move(fate); }
  void Heal() { blocked_.clear(), slow_.clear(); }
  bool IsBlocked(size_t from, size_t to) const { return blocked_.count({from, to}) != 0; }

  struct Count {
    uint64_t messages = 0;
    uint64_t bytes = 0;
    uint64_t largest = 0;
  };
  // What was sent, by the name of the message.
  const std::map<std::string, Count>& counts() const { return counts_; }
  Count Sum() const;
  const std::vector<uint64_t>& bytes_by_sender() const { return bytes_by_sender_; }
  void ClearCounts() { counts_.clear(), bytes_by_sender_.clear(); }
  void set_counts_bytes(bool counts) { counts_bytes_ = counts; }

 private:
  void Deliver1(size_t from, size_t to, const cluster::Envelope& envelope);

  EventQueue* const events_;
  Options options_;
  storage::Random random_;
  const Deliver deliver_;
  std::function<void(size_t from, size_t to, const cluster::Envelope& envelope)> on_sent_;
  std::set<std::pair<size_t, size_t>> blocked_;
  std::map<std::pair<size_t, size_t>, Millis> slow_;
  Fate fate_;
  std::map<std::string, Count> counts_;
  std::vector<uint64_t> bytes_by_sender_;
  bool counts_bytes_ = false;
};

}  // namespace larder::simulation

#endif  // LARDER_TESTS_SIMULATION_CLUSTER_DATAGRAMS_H_
