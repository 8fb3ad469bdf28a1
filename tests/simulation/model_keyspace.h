#ifndef LARDER_TESTS_SIMULATION_MODEL_KEYSPACE_H_
#define LARDER_TESTS_SIMULATION_MODEL_KEYSPACE_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cluster/replication/replication_feed.h"

namespace larder::simulation {

// One change, as it lies in the log and travels.
struct ModelRecord {
  enum class Kind : uint8_t { kSet, kDelete, kExpire, kEvict, kFlushSlot };
  Kind kind = Kind::kSet;
  uint64_t sequence = 0;
  uint64_t next = 0;
  uint32_t slot = 0;
  std::string key;
  std::string value;
  uint64_t version = 0;
  int64_t expires_at = 0;  // shard time; 0: never
};

// A keyspace as plain maps, with a real log: bounded, read from any place that it still has, in
// sequences that jump by what a record takes. Copied in the order of places, "slot/key".
class ModelKeyspace {
 public:
  static constexpr uint32_t kSlots = 8;
  struct Entry {
    std::string value;
    uint64_t version = 0;
    int64_t expires_at = 0;
  };
  struct Faults {
    bool apply_by_version = false;
    bool read_late = false;
    bool reads_ahead_unsaid = false;
  };
  // The content as it was when the log ended there.
  struct Snapshot {
    std::array<std::map<std::string, Entry>, kSlots> slots;
    uint64_t end = 0;
  };

  ModelKeyspace(uint64_t ring, Faults faults) : ring_(ring), faults_(faults) {}

  static uint32_t SlotOf(const std::string& key);
  const std::map<std::string, Entry>& entries(uint32_t slot) const { return slots_[slot]; }
  const Entry* Find(const std::string& key) const;
  size_t size() const;
  // Of the content; independent of how it came about.
  uint64_t digest() const { return digest_; }

  // ---- The log.
  uint64_t end() const { return end_; }
  uint64_t oldest() const { return log_.empty() ? end_ : log_.front().sequence; }
  // A log without records begins here; what is older cannot be followed.
  void BeginLog(uint64_t first);
  // A change by whom this keyspace belongs to. It gets a number if `is_logged`.
  void Commit(ModelRecord record, bool is_logged);
  // Records that have numbers already, at most so many of those that are not there yet. False: they
  // do not go on where the log ends, or that was not all.
  bool ApplyLogged(std::string_view payload, uint64_t from, uint64_t to,
                   size_t records_max = SIZE_MAX);
  cluster::ReplicationFeed::LogRead Read(const cluster::ReplicationFeed::LogRequest& request) const;

  // ---- Copies.
  Snapshot TakeSnapshot() const { return {slots_, end_}; }
  // A chunk of several slots: the first is read as it was then, the others as they are now.
  cluster::ReplicationFeed::Chunk ReadChunk(
      const std::string& cursor, uint64_t bytes_max,
      const std::optional<cluster::ReplicationFeed::Copied>& copied, const Snapshot& earlier) const;
  // Records for a copy, which has no log of its own.
  void ApplyToCopy(std::string_view payload);
  void PutChunk(const std::string& begin, const std::string& end, std::string_view payload);

 private:
  using Slot = std::map<std::string, Entry>;

  void Put(uint32_t slot, const std::string& key, const Entry& entry);
  void Erase(uint32_t slot, const std::string& key);
  void Apply(const ModelRecord& record);
  void Append(const ModelRecord& record);

  uint64_t ring_;
  Faults faults_;
  std::array<Slot, kSlots> slots_;
  std::array<uint64_t, kSlots> changed_{};  // behind the last record of a slot
  uint64_t digest_ = 0;
  std::deque<ModelRecord> log_;
  uint64_t end_ = 1;
};

}  // namespace larder::simulation

#endif  // LARDER_TESTS_SIMULATION_MODEL_KEYSPACE_H_
