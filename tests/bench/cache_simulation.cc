#include "tests/bench/cache_simulation.h"

#include <array>
#include <bit>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "storage/hashed_key.h"

namespace larder::bench {
namespace {

using storage::EntryStore;
using storage::EvictionPolicy;
using storage::Millis;

// The key of an object: its number.
using ObjectKey = std::array<char, sizeof(uint64_t)>;

ObjectKey KeyOf(uint64_t object) { return std::bit_cast<ObjectKey>(object); }

uint64_t ObjectOf(std::string_view key) {
  uint64_t object;
  std::memcpy(&object, key.data(), sizeof(object));
  return object;
}

// Not that of CRC16, which would look for hash tags in numbers.
uint32_t SlotOf(uint64_t object) {
  return static_cast<uint32_t>(storage::Random::Mix(object + 1) % storage::kSlots);
}

absl::Status CheckOptions(const CacheSimulationOptions& options, const AccessTrace& trace) {
  if (options.capacity == 0) return absl::InvalidArgumentError("--capacity: must be at least 1");
  if (!std::has_single_bit(options.stripes) || options.stripes > storage::kSlots) {
    return absl::InvalidArgumentError(absl::StrCat(
        "--stripes=", options.stripes, ": must be a power of two from 1 to ", storage::kSlots));
  }
  if (options.eviction == storage::EvictionKind::kNone) {
    return absl::InvalidArgumentError("--policy=none evicts nothing");
  }
  if (options.counts_bytes && !trace.has_sizes) {
    return absl::InvalidArgumentError("--bytes: there are lines without a size in the trace");
  }
  return absl::OkStatus();
}

}  // namespace

CacheSimulation::CacheSimulation(const CacheSimulationOptions& options, uint32_t objects)
    : options_(options),
      stored_bytes_(objects),
      now_(Millis(1'700'000'000'000)),
      random_(options.seed) {
  for (uint32_t i = 0; i < options.stripes; ++i) {
    storage::EntryStoreOptions store;
    store.stripes = options.stripes;
    store.eviction.kind = options.eviction;
    store.eviction.samples = options.samples;
    store.eviction.seed = storage::Random::Mix(options.seed + i);
    stores_.push_back(std::make_unique<EntryStore>(store, &pools_, &hasher_));
  }
}

absl::StatusOr<uint64_t> CacheSimulation::CountMisses(const CacheSimulationOptions& options,
                                                      const AccessTrace& trace) {
  if (const absl::Status status = CheckOptions(options, trace); !status.ok()) return status;
  CacheSimulation simulation(options, trace.objects);
  uint64_t misses = 0;
  for (const AccessTrace::Access access : trace.accesses) misses += !simulation.Access(access);
  return misses;
}

bool CacheSimulation::Access(AccessTrace::Access access) {
  now_ += Millis(1);
  const ObjectKey bytes_of_key = KeyOf(access.object);
  const storage::HashedKey key(
      {SlotOf(access.object), std::string_view(bytes_of_key.data(), bytes_of_key.size())}, hasher_);
  EntryStore& store = *stores_[key.slot % stores_.size()];
  if (const storage::EntryRef entry = store.Find(key)) {
    store.Accessed(entry, now_);
    return true;
  }
  if (options_.counts_bytes && access.bytes > options_.capacity) return false;
  while (!HasRoomFor(access.bytes)) {
    if (!EvictOne()) return false;
  }
  // A policy may weigh entries by their size.
  store.Create(key, /*value_bytes=*/options_.counts_bytes ? access.bytes : 0, {}, now_);
  store.Tidy();
  stored_bytes_[access.object] = access.bytes;
  ++entries_;
  bytes_ += access.bytes;
  return false;
}

bool CacheSimulation::HasRoomFor(uint32_t bytes) const {
  return options_.counts_bytes ? bytes_ + bytes <= options_.capacity : entries_ < options_.capacity;
}

bool CacheSimulation::EvictOne() {
  EntryStore* const store =
      storage::RanksVictims(options_.eviction) ? ColdestStore() : RandomStore();
  if (store == nullptr) return false;
  const storage::EntryRef victim = store->Victim(now_);
  if (!victim) return false;
  bytes_ -= stored_bytes_[ObjectOf(victim->key())];
  store->Remove(victim);
  --entries_;
  return true;
}

EntryStore* CacheSimulation::ColdestStore() {
  int64_t lowest = EvictionPolicy::kNoVictim;
  EntryStore* coldest = nullptr;
  for (const auto& store : stores_) {
    const int64_t rank = store->VictimRank();
    if (rank >= lowest) continue;
    lowest = rank;
    coldest = store.get();
  }
  return coldest;
}

EntryStore* CacheSimulation::RandomStore() {
  uint64_t evictable = 0;
  for (const auto& store : stores_) evictable += store->evictable_count();
  if (evictable == 0) return nullptr;
  uint64_t place = random_.Below(evictable);
  for (const auto& store : stores_) {
    if (place < store->evictable_count()) return store.get();
    place -= store->evictable_count();
  }
  return nullptr;
}

}  // namespace larder::bench
