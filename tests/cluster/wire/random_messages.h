#ifndef LARDER_TESTS_CLUSTER_WIRE_RANDOM_MESSAGES_H_
#define LARDER_TESTS_CLUSTER_WIRE_RANDOM_MESSAGES_H_

#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "cluster/replication/messages.h"

namespace larder::cluster {

// ---- What is in a message, for comparison; a field that is left out here would not be compared.

inline auto PartsOf(const std::optional<CopyProgress>& copy) {
  const CopyProgress none;
  const CopyProgress& it = copy.has_value() ? *copy : none;
  return std::make_tuple(copy.has_value(), it.copy_id, it.position, it.cursor, it.older_position,
                         it.older_cursor, it.exact_from);
}
inline auto PartsOf(const History& history) {
  return std::make_tuple(history.beginnings(), history.parts().forgot, history.parts().began_empty);
}
inline auto PartsOf(const Hello& it) {
  return std::make_tuple(it.version, it.node, it.endpoint, it.bus_endpoint, it.fence, it.commanded,
                         it.wants_copy, it.position, PartsOf(it.history), PartsOf(it.copy));
}
inline auto PartsOf(const Ack& it) {
  return std::make_tuple(it.applied, it.heartbeat_asked, it.copied_position, it.copied_bytes,
                         it.exceed);
}
inline auto PartsOf(const Welcome& it) {
  return std::make_tuple(it.kind, it.node, it.endpoint, it.epoch, PartsOf(it.history), it.from,
                         it.copy_id, it.cursor, it.data_bytes, it.chain, it.detail);
}
inline auto PartsOf(const Refuse& it) { return std::make_tuple(it.reason, it.detail, it.epoch); }
inline auto PartsOf(const EpochBegins& it) { return std::make_tuple(it.epoch, it.first); }
inline auto PartsOf(const LogBatch& it) { return std::make_tuple(it.from, it.to, it.payload); }
inline auto PartsOf(const CopyChunk& it) {
  return std::make_tuple(it.begin, it.end, it.position, it.keep, it.payload, it.exact_from);
}
inline auto PartsOf(const CopyEnd& it) { return std::make_tuple(it.position); }
inline auto PartsOf(const Heartbeat& it) {
  return std::make_tuple(it.number, it.shard_time, it.log_end, it.age, it.chain);
}

template <typename... Kinds>
bool AreEqual(const std::variant<Kinds...>& a, const std::variant<Kinds...>& b) {
  if (a.index() != b.index()) return false;
  return std::visit(
      [&b](const auto& one) {
        return PartsOf(one) == PartsOf(std::get<std::decay_t<decltype(one)>>(b));
      },
      a);
}

// Messages of all kinds with all that may be in them.
class RandomMessages {
 public:
  explicit RandomMessages(uint64_t seed) : random_(seed) {}

  ReplicaMessage OfReplica() {
    if (Chance(2)) return MakeHello();
    Ack ack;
    if (Chance(2)) ack.applied = MakePosition();
    ack.heartbeat_asked = Number();
    if (Chance(2)) ack.copied_position = Number();
    ack.copied_bytes = Number();
    if (Chance(2)) ack.exceed = MakeEpoch();
    return ack;
  }

  SourceMessage OfSource() {
    switch (Below(7)) {
      case 0:
        return MakeWelcome();
      case 1:
        return Refuse{static_cast<Refuse::Reason>(Below(9)), Text(50), MakeEpochIf()};
      case 2:
        return EpochBegins{MakeEpoch(), Number()};
      case 3: {
        const uint64_t from = Number() / 2;
        return LogBatch{from, from + Below(1000), MakePayload()};
      }
      case 4: {
        const bool keep = Chance(3);
        return CopyChunk{Bytes(40), Bytes(40), Number(), keep, keep ? "" : MakePayload(), Number()};
      }
      case 5:
        return CopyEnd{Number()};
      default:
        return MakeHeartbeat();
    }
  }

  History MakeHistory() {
    History::Parts parts;
    parts.forgot = Chance(2);
    parts.began_empty = Chance(2);
    Epoch epoch = MakeEpoch();
    epoch.term = 1 + Below(100);
    uint64_t first = Below(5);
    for (uint64_t left = Below(History::kEpochsMax + 1); left > 0; --left) {
      parts.beginnings.push_back({epoch, first});
      epoch = Chance(2) ? epoch.NextTerm(MakeNode()) : epoch.NextIncarnation(MakeNode());
      first += Below(3) * Below(1000);
    }
    return *History::Create(std::move(parts));
  }
  NodeId MakeNode() { return {random_(), random_() | 1}; }
  Epoch MakeEpoch() { return {Number() >> 2 | 1, Number() >> 2, MakeNode()}; }
  Epoch MakeEpochIf() { return Chance(2) ? MakeEpoch() : Epoch{}; }
  std::string Bytes(uint64_t bytes_max) {
    std::string bytes(Below(bytes_max + 1), '\0');
    for (char& byte : bytes) byte = static_cast<char>(random_());
    return bytes;
  }
  uint64_t Below(uint64_t limit) { return random_() % limit; }
  bool Chance(uint64_t of) { return Below(of) == 0; }

  std::string Text(uint64_t bytes_max) {
    std::string text(Below(bytes_max + 1), ' ');
    for (char& letter : text) letter = static_cast<char>('!' + Below(90));
    return text;
  }

 private:
  // Of all magnitudes.
  uint64_t Number() { return random_() >> Below(64); }
  Position MakePosition() { return {MakeEpoch(), Number()}; }
  // None, some that can be compressed, some that can not.
  std::string MakePayload() {
    if (Chance(4)) return "";
    if (Chance(2)) return Bytes(3000);
    std::string payload;
    for (uint64_t left = Below(300); left > 0; --left) payload += "key" + std::to_string(Below(9));
    return payload;
  }
  std::vector<NodeId> MakeChain() {
    std::vector<NodeId> chain(Below(kChainMax + 1));
    for (NodeId& node : chain) node = MakeNode();
    return chain;
  }
  Hello MakeHello() {
    Hello hello;
    hello.node = MakeNode();
    hello.endpoint = Text(40);
    hello.bus_endpoint = Text(40);
    hello.fence = MakeEpochIf();
    hello.commanded = Chance(2);
    hello.wants_copy = Chance(2);
    if (Chance(2)) hello.position = MakePosition();
    hello.history = MakeHistory();
    if (Chance(2)) {
      hello.copy = CopyProgress{Number(),     MakePosition(), Bytes(40),
                                std::nullopt, Bytes(40),      MakePosition()};
      if (Chance(2)) hello.copy->older_position = MakePosition();
    }
    return hello;
  }
  Welcome MakeWelcome() {
    Welcome welcome;
    welcome.kind = static_cast<Welcome::Kind>(Below(4));
    welcome.node = MakeNode();
    welcome.endpoint = Text(40);
    welcome.epoch = MakeEpochIf();
    welcome.history = MakeHistory();
    welcome.from = Number();
    welcome.copy_id = Number();
    welcome.cursor = Bytes(40);
    welcome.data_bytes = Number();
    welcome.chain = MakeChain();
    welcome.detail = Text(60);
    return welcome;
  }
  Heartbeat MakeHeartbeat() {
    Heartbeat heartbeat;
    heartbeat.number = Number();
    heartbeat.shard_time = ShardTime(Millis(Below(uint64_t{1} << 47)));
    heartbeat.log_end = Number();
    if (Chance(2)) heartbeat.age = Millis(Below(uint64_t{1} << 41));
    heartbeat.chain = MakeChain();
    return heartbeat;
  }

  std::mt19937_64 random_;
};

}  // namespace larder::cluster

#endif  // LARDER_TESTS_CLUSTER_WIRE_RANDOM_MESSAGES_H_
