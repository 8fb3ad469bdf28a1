#ifndef LARDER_TESTS_STORAGE_VECTOR_LOG_H_
#define LARDER_TESTS_STORAGE_VECTOR_LOG_H_

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "storage/keyspace.h"

namespace larder::storage {

// A mutation that owns its bytes.
struct LoggedMutation {
  explicit LoggedMutation(const Mutation& from)
      : mutation(from), key(from.key), value(from.value.size(), '\0') {
    from.value.CopyTo(value.data());
  }

  Mutation View() const {
    Mutation view = mutation;
    view.key = key;
    view.value = ValueView(value);
    return view;
  }
  bool operator==(const LoggedMutation& other) const {
    const Mutation& a = mutation;
    const Mutation& b = other.mutation;
    return a.kind == b.kind && a.slot == b.slot && key == other.key && a.version == b.version &&
           a.expires_at == b.expires_at && a.flags == b.flags && a.recompute_ms == b.recompute_ms &&
           a.stale == b.stale && value == other.value;
  }
  friend std::ostream& operator<<(std::ostream& out, const LoggedMutation& logged) {
    const Mutation& m = logged.mutation;
    return out << "{kind " << static_cast<int>(m.kind) << " slot " << m.slot << " key "
               << logged.key << " version " << m.version << " expires "
               << m.expires_at.time_since_epoch().count() << " flags " << m.flags << " recompute "
               << m.recompute_ms << " stale " << m.stale << " value of " << logged.value.size()
               << "}";
  }

  Mutation mutation;  // its views are not valid any more
  std::string key;
  std::string value;
};

// What a copy of the keyspace holds, as kSets by key.
using Contents = std::map<std::string, LoggedMutation>;

inline void ReplayInto(Contents& contents, const LoggedMutation& logged) {
  switch (logged.mutation.kind) {
    case MutationKind::kSet:
      contents.erase(logged.key);
      contents.emplace(logged.key, logged);
      break;
    case MutationKind::kSetFields: {
      const auto it = contents.find(logged.key);
      ASSERT_NE(it, contents.end()) << logged;
      LoggedMutation changed = logged;
      changed.mutation.kind = MutationKind::kSet;
      changed.value = it->second.value;
      contents.erase(it);
      contents.emplace(logged.key, changed);
      break;
    }
    case MutationKind::kDelete:
    case MutationKind::kEvict:
    case MutationKind::kExpire: {
      const auto it = contents.find(logged.key);
      ASSERT_NE(it, contents.end()) << "removes what is not there: " << logged;
      if (logged.mutation.kind != MutationKind::kDelete) {
        ASSERT_EQ(it->second.mutation.version, logged.mutation.version) << logged;
      }
      contents.erase(it);
      break;
    }
    case MutationKind::kFlushSlot:
      std::erase_if(contents, [&](const auto& item) {
        return item.second.mutation.slot == logged.mutation.slot;
      });
      break;
  }
}

// A log that keeps everything, and refuses room when it is told to. Thread-safe.
class VectorLog final : public MutationSink {
 public:
  ~VectorLog() { EXPECT_EQ(reserved_, 0u) << "room that was not given back"; }

  uint64_t RoomFor(size_t key_bytes, size_t value_bytes) const override {
    return (48 + key_bytes + value_bytes + 63) / 64 * 64;
  }
  uint64_t RoomMax() const override {
    const std::lock_guard lock(mutex_);
    return room_max_;
  }
  bool TryReserve(uint64_t bytes) override {
    const std::lock_guard lock(mutex_);
    if (bytes > room_ - std::min(room_, reserved_)) return false;
    reserved_ += bytes;
    return true;
  }
  void Release(uint64_t bytes) override {
    const std::lock_guard lock(mutex_);
    EXPECT_LE(bytes, reserved_);
    reserved_ -= bytes;
  }
  uint64_t Append(const Mutation& mutation) override {
    const std::lock_guard lock(mutex_);
    const uint64_t bytes = RoomFor(mutation.key.size(), mutation.value.size());
    EXPECT_LE(bytes, reserved_) << "a record without room";
    reserved_ -= bytes;
    records_.emplace_back(mutation);
    return records_.size();
  }
  uint64_t position() const override {
    const std::lock_guard lock(mutex_);
    return records_.size();
  }

  // How much may be reserved at a time, from now on.
  void SetRoom(uint64_t bytes) {
    const std::lock_guard lock(mutex_);
    room_ = bytes;
  }
  // How much may be reserved at a time at most.
  void SetRoomMax(uint64_t bytes) {
    const std::lock_guard lock(mutex_);
    room_max_ = bytes;
  }
  // REQUIRES: nobody appends.
  const std::vector<LoggedMutation>& records() const { return records_; }

 private:
  mutable std::mutex mutex_;
  uint64_t room_ = uint64_t{1} << 40;
  uint64_t room_max_ = uint64_t{1} << 40;
  uint64_t reserved_ = 0;
  std::vector<LoggedMutation> records_;
};

// Keeps what is exported.
class ExportCollector final : public ExportSink {
 public:
  void Add(const Mutation& entry) override { entries.emplace_back(entry); }
  std::vector<LoggedMutation> entries;
};

inline Contents ExportAll(const Keyspace& keyspace) {
  Contents contents;
  for (uint32_t slot = 0; slot < kSlots; ++slot) {
    for (ScanPosition at{slot, 0}; at.slot == slot;) {
      ExportCollector collector;
      at = keyspace.ExportSlot(at, {.entries_max = 50}, collector).next;
      for (const LoggedMutation& entry : collector.entries) {
        EXPECT_EQ(entry.mutation.slot, slot);
        EXPECT_TRUE(contents.emplace(entry.key, entry).second) << entry;
      }
    }
  }
  return contents;
}

inline void ExpectSame(const Contents& a, const Contents& b) {
  EXPECT_EQ(a.size(), b.size());
  for (const auto& [key, entry] : a) {
    const auto it = b.find(key);
    ASSERT_NE(it, b.end()) << entry;
    ASSERT_EQ(entry, it->second);
  }
}

// What a log says, replayed into a map and applied to another keyspace.
class LogReplay {
 public:
  explicit LogReplay(const VectorLog* log)
      : log_(*log),
        copy_(Keyspace::Create({.memory_bytes = 512 << 20, .eviction = EvictionKind::kNone},
                               &copy_clock_)
                  .value()) {}

  // REQUIRES: nobody appends.
  void ExpectSameAs(const Keyspace& keyspace, TimePoint now) {
    for (; replayed_ < log_.records().size(); ++replayed_) {
      const LoggedMutation& record = log_.records()[replayed_];
      ASSERT_NO_FATAL_FAILURE(ReplayInto(contents_, record));
      const auto applied = copy_->Apply(record.View(), now);
      ASSERT_TRUE(applied.ok()) << applied.status();
      ASSERT_TRUE(*applied) << record;
    }
    const Contents contents = ExportAll(keyspace);
    ExpectSame(contents, contents_);
    ExpectSame(contents, ExportAll(*copy_));
  }

 private:
  const VectorLog& log_;
  size_t replayed_ = 0;
  Contents contents_;
  HybridClock copy_clock_{7};
  std::unique_ptr<Keyspace> copy_;
};

}  // namespace larder::storage

#endif  // LARDER_TESTS_STORAGE_VECTOR_LOG_H_
