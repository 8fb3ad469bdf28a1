#ifndef LARDER_TESTS_SERVER_REPLICATION_REPLICA_PAIR_H_
#define LARDER_TESTS_SERVER_REPLICATION_REPLICA_PAIR_H_

#include <gtest/gtest.h>

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cluster/replication/replication_sink.h"
#include "cluster/replication/replication_source.h"
#include "server/replication/keyspace_feed.h"
#include "server/replication/keyspace_log.h"
#include "server/replication/replica_data.h"

namespace larder::server {

inline constexpr uint64_t kMi = uint64_t{1} << 20;

// What a keyspace has, without what depends on its secret.
using Content = std::map<std::string, std::string>;

inline Content ContentOf(const storage::Keyspace& keyspace) {
  class Sink final : public storage::ExportSink {
   public:
    void Add(const storage::Mutation& entry) override {
      std::string value(entry.value.size(), '\0');
      entry.value.CopyTo(value.data());
      content[std::string(entry.key)] =
          std::to_string(entry.version) + "/" +
          std::to_string(entry.expires_at.time_since_epoch().count()) + "/" +
          std::to_string(entry.flags) + (entry.stale ? "/stale/" : "/") + value;
    }
    Content content;
  };
  Sink sink;
  for (storage::ScanPosition at; !at.at_end();) at = keyspace.ExportSlot(at, {}, sink).next;
  return sink.content;
}

class SwitchedAuthority final : public storage::WriteAuthority {
 public:
  bool Holds() const override { return holds.load(std::memory_order_acquire); }
  std::atomic<bool> holds = true;
};

// A node, without threads or sockets: its data, and the machines that replicate it.
class ReplicaNode {
 public:
  ReplicaNode(uint32_t number, uint64_t memory_bytes, uint64_t log_bytes,
              const cluster::SourceOptions& source_options = {})
      : options{.memory_bytes = memory_bytes,
                .stripes = 4,
                .hash_secret = {{number, 2, 3, 4}},
                .authority = &authority},
        versions(number),
        served(storage::Keyspace::Create(options, &versions).value()),
        log({.bytes = log_bytes, .stripes = 4, .wake = {}, .room = {}}),
        state(cluster::NodeId{0, number}, {}, std::nullopt),
        source(source_options.FittedTo(log_bytes), &state),
        sink({}, &state, number),
        data({.served = &served,
              .keyspace = options,
              .versions = &versions,
              .log = &log,
              .on_log_closes =
                  [this] {
                    CutLinks();
                    state.Forget();
                  },
              .retire = [](std::unique_ptr<storage::Keyspace>) {}}) {}

  storage::Keyspace& keyspace() { return *served.get(); }
  bool leads() const { return state.leads(); }

  // Opens a log, as a node does when the first replica asks.
  void Lead() {
    const uint64_t from = log.Open(&keyspace(), 1).value();
    source.OpenAnew(state.fence().NextTerm(state.node()), from);
  }
  void Follow(cluster::BootTime now) {
    authority.holds = false;
    sink.Follow(/*commanded=*/true, now);
  }
  void Promote() {
    sink.Stop();
    sink.TakeEffects();
    source.Open(state.fence().NextTerm(state.node()), log.get()->position());
    authority.holds = true;
  }
  // Streams of those that follow this node end.
  void CutLinks() {
    for (auto& [link, feed] : feeds) source.Disconnect(link, feed.get());
    feeds.clear();
  }

  SwitchedAuthority authority;
  storage::KeyspaceOptions options;
  storage::HybridClock versions;
  ServedKeyspace served;
  KeyspaceLog log;
  cluster::ReplicationState state;
  cluster::ReplicationSource source;
  cluster::ReplicationSink sink;
  std::map<cluster::LinkId, std::unique_ptr<KeyspaceFeed>> feeds;
  ReplicaData data;
};

// The stream by which one node follows another, with what is on its way.
class FollowedStream {
 public:
  FollowedStream(ReplicaNode* source, ReplicaNode* replica)
      : source_(*source), replica_(*replica) {}

  void Cut(cluster::BootTime now) {
    if (!link_.has_value()) return;
    if (const auto feed = source_.feeds.find(*link_); feed != source_.feeds.end()) {
      source_.source.Disconnect(*link_, feed->second.get());
      source_.feeds.erase(feed);
    }
    link_.reset();
    up_.clear();
    down_.clear();
    replica_.sink.OnDisconnected(absl::OkStatus(), now);
  }

  // Lets each side say what it has to say, some messages, and do what it is told.
  void Step(cluster::BootTime now, storage::TimePoint shard_now, int messages_max) {
    if (link_.has_value() && !source_.feeds.contains(*link_)) Cut(now);
    replica_.sink.Tick(now);
    CarryOut(now, shard_now);
    for (; !up_.empty(); up_.pop_front()) {
      if (!source_.source.Receive(*link_, up_.front(), now).ok()) return Cut(now);
    }
    for (int i = 0; i < messages_max && link_.has_value(); ++i) {
      const cluster::SourceCondition condition{
          .now = now,
          .shard_time = cluster::ShardTime(shard_now.time_since_epoch()),
          .age = cluster::Millis(0)};
      cluster::Outgoing next =
          source_.source.Next(*link_, source_.feeds.at(*link_).get(), 4096, condition);
      if (next.message.has_value()) down_.push_back(*std::move(next.message));
      if (next.close.has_value()) is_closing_ = true;
      if (!next.message.has_value()) break;
    }
    for (; !down_.empty() && link_.has_value() && work_.empty();) {
      cluster::SourceMessage message = std::move(down_.front());
      down_.pop_front();
      bytes_ += Bytes(message);
      if (const auto* chunk = std::get_if<cluster::CopyChunk>(&message)) copied_to_ = chunk->end;
      replica_.sink.Receive(std::move(message), now);
      CarryOut(now, shard_now);
    }
    if (std::exchange(is_closing_, false)) Cut(now);
  }
  uint64_t bytes() const { return bytes_; }
  // The cursor where the last chunk ended.
  const std::string& copied_to() const { return copied_to_; }

 private:
  static uint64_t Bytes(const cluster::SourceMessage& message) {
    if (const auto* batch = std::get_if<cluster::LogBatch>(&message)) return batch->payload.size();
    if (const auto* chunk = std::get_if<cluster::CopyChunk>(&message)) return chunk->payload.size();
    return 0;
  }

  void CarryOut(cluster::BootTime now, storage::TimePoint shard_now) {
    for (bool goes_on = true; goes_on;) {
      goes_on = false;
      cluster::SinkEffects effects = replica_.sink.TakeEffects();
      if (effects.disconnect) Cut(now);
      if (effects.connect) {
        link_ = cluster::LinkId{++links_};
        source_.source.Connect(*link_, now);
        source_.feeds[*link_] =
            std::make_unique<KeyspaceFeed>(&source_.keyspace(), source_.log.get());
        replica_.sink.OnConnected(now);
        goes_on = true;
      }
      for (cluster::ReplicaMessage& message : effects.sends) {
        if (link_.has_value()) up_.push_back(std::move(message));
      }
      for (cluster::SinkWork& work : effects.work) work_.push_back(std::move(work));
      goes_on |= Work(now, shard_now);
    }
  }

  bool Work(cluster::BootTime now, storage::TimePoint shard_now) {
    bool has_done = false;
    for (; !work_.empty(); work_.pop_front()) {
      uint64_t applied_to = 0;
      const absl::Status status = replica_.data.Do(work_.front(), shard_now, &applied_to);
      if (status.ok()) {
        replica_.sink.OnDone(now);
        has_done = true;
        continue;
      }
      last_failure_ = status;
      if (work_.front().kind == cluster::SinkWork::Kind::kApply) {
        replica_.sink.OnPartDone(applied_to);
      }
      if (absl::IsUnavailable(status)) return has_done;
      work_.clear();
      replica_.sink.OnFailed(status, now);
      return true;
    }
    return has_done;
  }

 public:
  absl::Status last_failure_;

 private:
  ReplicaNode& source_;
  ReplicaNode& replica_;
  std::optional<cluster::LinkId> link_;
  uint64_t links_ = 0;
  uint64_t bytes_ = 0;
  std::string copied_to_;
  bool is_closing_ = false;
  std::deque<cluster::ReplicaMessage> up_;
  std::deque<cluster::SourceMessage> down_;
  std::deque<cluster::SinkWork> work_;
};

}  // namespace larder::server

#endif  // LARDER_TESTS_SERVER_REPLICATION_REPLICA_PAIR_H_
