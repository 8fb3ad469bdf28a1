#include "server/handlers/digest_walk.h"

#include "absl/status/status.h"

namespace larder::server {
namespace {

// What one step does at most, about: parts, each of a slot, and entries.
constexpr int kPartsPerStep = 64;
constexpr uint64_t kEntriesPerStep = 4000;
constexpr storage::ExportOptions kPart = {.entries_max = 500, .bytes_max = size_t{64} << 10};

}  // namespace

DigestWalk::DigestWalk(const ServedKeyspace* served, std::optional<uint32_t> slot,
                       std::atomic<bool>* is_busy)
    : served_(served),
      is_busy_(is_busy),
      slots_end_(slot.has_value() ? *slot + 1 : storage::kSlots),
      next_{.slot = slot.value_or(0)} {}

absl::StatusOr<bool> DigestWalk::Step() {
  const storage::Keyspace* const keyspace = served_->get();
  if (keyspace == nullptr) {
    return absl::UnavailableError("this node has no data yet: it takes a copy of another node's");
  }
  if (walked_ != nullptr && keyspace != walked_) {
    return absl::UnavailableError("the data of another node took the place of this one's");
  }
  walked_ = keyspace;
  const uint64_t entries_before = digest_.entries();
  for (int part = 0; part < kPartsPerStep && next_.slot < slots_end_; ++part) {
    if (digest_.entries() - entries_before >= kEntriesPerStep) break;
    next_ = keyspace->DigestSlot(next_, kPart, &digest_).next;
  }
  return next_.slot >= slots_end_;
}

}  // namespace larder::server
