#include "tests/simulation/model_keyspace.h"

#include <algorithm>
#include <functional>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "storage/random.h"

namespace larder::simulation {
namespace {

using cluster::ReplicationFeed;

constexpr char kEndOfAll[] = "99";
constexpr uint32_t kSlotsOfChunk = 3;
// Values from here on count as large ones.
constexpr size_t kLargeValue = 12;

std::string PlaceOf(uint32_t slot, const std::string& key) {
  return absl::StrFormat("%02d/%s", slot, key);
}

uint64_t HashOf(const std::string& key, const ModelKeyspace::Entry& entry) {
  uint64_t hash = std::hash<std::string>()(key);
  hash = storage::Random::Mix(hash ^ std::hash<std::string>()(entry.value));
  hash = storage::Random::Mix(hash + entry.version);
  return storage::Random::Mix(hash + static_cast<uint64_t>(entry.expires_at));
}

std::string TextOf(const ModelRecord& record) {
  return absl::StrCat(static_cast<int>(record.kind), " ", record.sequence, " ", record.next, " ",
                      record.slot, " ", record.key, " ", record.version, " ", record.expires_at,
                      " ", record.value, "\n");
}

template <typename Number>
Number NumberOf(absl::string_view text) {
  Number number = 0;
  if (!absl::SimpleAtoi(text, &number)) return 0;
  return number;
}

std::vector<ModelRecord> RecordsOf(std::string_view payload) {
  std::vector<ModelRecord> records;
  for (absl::string_view line :
       absl::StrSplit(absl::string_view(payload.data(), payload.size()), '\n', absl::SkipEmpty())) {
    const std::vector<absl::string_view> parts = absl::StrSplit(line, ' ');
    ModelRecord record;
    record.kind = static_cast<ModelRecord::Kind>(NumberOf<int>(parts[0]));
    record.sequence = NumberOf<uint64_t>(parts[1]);
    record.next = NumberOf<uint64_t>(parts[2]);
    record.slot = NumberOf<uint32_t>(parts[3]);
    record.key = std::string(parts[4]);
    record.version = NumberOf<uint64_t>(parts[5]);
    record.expires_at = NumberOf<int64_t>(parts[6]);
    record.value = std::string(parts[7]);
    records.push_back(std::move(record));
  }
  return records;
}

}  // namespace

uint32_t ModelKeyspace::SlotOf(const std::string& key) {
  return static_cast<uint32_t>(std::hash<std::string>()(key) % kSlots);
}

const ModelKeyspace::Entry* ModelKeyspace::Find(const std::string& key) const {
  const Slot& slot = slots_[SlotOf(key)];
  const auto found = slot.find(key);
  return found == slot.end() ? nullptr : &found->second;
}

size_t ModelKeyspace::size() const {
  size_t entries = 0;
  for (const Slot& slot : slots_) entries += slot.size();
  return entries;
}

void ModelKeyspace::BeginLog(uint64_t first) {
  log_.clear();
  end_ = first;
  changed_.fill(first);
}

void ModelKeyspace::Put(uint32_t slot, const std::string& key, const Entry& entry) {
  Erase(slot, key);
  digest_ ^= HashOf(key, entry);
  slots_[slot][key] = entry;
}

void ModelKeyspace::Erase(uint32_t slot, const std::string& key) {
  const auto found = slots_[slot].find(key);
  if (found == slots_[slot].end()) return;
  digest_ ^= HashOf(key, found->second);
  slots_[slot].erase(found);
}

void ModelKeyspace::Apply(const ModelRecord& record) {
  switch (record.kind) {
    case ModelRecord::Kind::kSet:
      Put(record.slot, record.key, {record.value, record.version, record.expires_at});
      return;
    case ModelRecord::Kind::kDelete:
    case ModelRecord::Kind::kExpire:
    case ModelRecord::Kind::kEvict:
      Erase(record.slot, record.key);
      return;
    case ModelRecord::Kind::kFlushSlot:
      while (!slots_[record.slot].empty()) {
        Erase(record.slot, std::string(slots_[record.slot].begin()->first));
      }
      return;
  }
}

void ModelKeyspace::Append(const ModelRecord& record) {
  log_.push_back(record);
  end_ = record.next;
  changed_[record.slot] = record.next;
  while (log_.size() > 1 && end_ - log_.front().sequence > ring_) log_.pop_front();
}

void ModelKeyspace::Commit(ModelRecord record, bool is_logged) {
  Apply(record);
  if (!is_logged) return;
  record.sequence = end_;
  record.next = end_ + 1 + record.value.size() / 8;
  Append(record);
}

bool ModelKeyspace::ApplyLogged(std::string_view payload, uint64_t from, uint64_t to,
                                size_t records_max) {
  if (from > end_) return false;
  for (const ModelRecord& record : RecordsOf(payload)) {
    if (record.next <= end_) continue;
    if (record.sequence != end_ || records_max-- == 0) return false;
    const Entry* const old = Find(record.key);
    const bool is_passed_over = faults_.apply_by_version && record.key != "-" && old != nullptr &&
                                old->version > record.version;
    if (!is_passed_over) Apply(record);
    Append(record);
  }
  return end_ == to;
}

ReplicationFeed::LogRead ModelKeyspace::Read(const ReplicationFeed::LogRequest& request) const {
  ReplicationFeed::LogRead read;
  if (request.from < oldest()) {
    read.result = ReplicationFeed::LogResult::kFellBehind;
    return read;
  }
  read.next = request.from;
  const auto first = std::lower_bound(
      log_.begin(), log_.end(), request.from,
      [](const ModelRecord& record, uint64_t wanted) { return record.sequence < wanted; });
  for (auto at = first; at != log_.end() && at->sequence < request.until; ++at) {
    if (read.payload.size() >= request.bytes_max) break;
    read.result = ReplicationFeed::LogResult::kRead;
    read.next = at->next;
    const std::string place =
        PlaceOf(at->slot, at->kind == ModelRecord::Kind::kFlushSlot ? "" : at->key);
    if (request.copied_to.has_value() && place >= *request.copied_to) continue;
    ModelRecord record = *at;
    if (faults_.read_late && record.kind == ModelRecord::Kind::kSet &&
        record.value.size() >= kLargeValue && Find(record.key) != nullptr) {
      const Entry& entry = *Find(record.key);
      record.value = entry.value;
      record.version = entry.version;
      record.expires_at = entry.expires_at;
    }
    read.payload += TextOf(record);
  }
  read.log_bytes = read.next - request.from;
  return read;
}

ReplicationFeed::Chunk ModelKeyspace::ReadChunk(
    const std::string& cursor, uint64_t bytes_max,
    const std::optional<ReplicationFeed::Copied>& copied, const Snapshot& earlier) const {
  ReplicationFeed::Chunk chunk;
  chunk.position = end_;
  uint32_t slot = cursor.empty() ? 0 : NumberOf<uint32_t>(cursor.substr(0, 2));
  if (slot >= kSlots) {
    chunk.end = kEndOfAll;
    chunk.is_last = true;
    return chunk;
  }
  chunk.end = slot + 1 < kSlots ? PlaceOf(slot + 1, "") : kEndOfAll;
  chunk.is_last = slot + 1 == kSlots;
  if (copied.has_value() && cursor < copied->cursor && changed_[slot] <= copied->sequence) {
    chunk.keep = true;
    if (copied->cursor < chunk.end) {
      chunk.end = copied->cursor;
      chunk.is_last = false;
    }
    return chunk;
  }
  // What lies before `copied` may be kept as long as slots come one by one.
  const uint32_t slots_end = copied.has_value() ? slot + 1 : std::min(slot + kSlotsOfChunk, kSlots);
  chunk.position = earlier.end;
  if (slot + 1 < slots_end && !faults_.reads_ahead_unsaid) chunk.exact_from = end_;
  for (const Slot* content = &earlier.slots[slot]; slot < slots_end; content = &slots_[++slot]) {
    for (const auto& [key, entry] : *content) {
      const std::string place = PlaceOf(slot, key);
      if (place < cursor) continue;
      if (chunk.payload.size() >= bytes_max) {
        chunk.end = place;
        chunk.is_last = false;
        return chunk;
      }
      absl::StrAppend(&chunk.payload, TextOf({ModelRecord::Kind::kSet, 0, 0, slot, key, entry.value,
                                              entry.version, entry.expires_at}));
    }
    chunk.end = slot + 1 < kSlots ? PlaceOf(slot + 1, "") : kEndOfAll;
    chunk.is_last = slot + 1 == kSlots;
    if (slot + 1 == kSlots) break;
  }
  return chunk;
}

void ModelKeyspace::ApplyToCopy(std::string_view payload) {
  for (const ModelRecord& record : RecordsOf(payload)) Apply(record);
}

void ModelKeyspace::PutChunk(const std::string& begin, const std::string& end,
                             std::string_view payload) {
  for (uint32_t slot = 0; slot < kSlots; ++slot) {
    std::vector<std::string> gone;
    for (const auto& [key, entry] : slots_[slot]) {
      const std::string place = PlaceOf(slot, key);
      if (place >= begin && place < end) gone.push_back(key);
    }
    for (const std::string& key : gone) Erase(slot, key);
  }
  ApplyToCopy(payload);
}

}  // namespace larder::simulation
