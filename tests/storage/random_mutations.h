#ifndef LARDER_TESTS_STORAGE_RANDOM_MUTATIONS_H_
#define LARDER_TESTS_STORAGE_RANDOM_MUTATIONS_H_

#include <string>

#include "gtest/gtest.h"
#include "storage/keyspace.h"
#include "storage/random.h"
#include "tests/storage/keyspace_fixture.h"

namespace larder::storage {

struct MutationMix {
  uint64_t keys = 12000;
  uint64_t value_bytes_max = 1500;
  // Every second key is in one of so few slots; the others are in `slots` many.
  uint32_t large_slots = 2;
  uint32_t slots = kSlots;
};

inline KeyRef MixedRef(const MutationMix& mix, std::string_view key) {
  const uint32_t slot = Ref(key).slot;
  return {slot % 2 == 0 ? slot % mix.large_slots : slot % mix.slots, key};
}

// Carries out one mutation of any kind. Whether it was refused for want of room in the log.
inline bool MutateOnce(Keyspace& keyspace, const MutationMix& mix, Random& random, TimePoint now) {
  const std::string key = "k" + std::to_string(random.Below(mix.keys));
  const KeyRef ref = MixedRef(mix, key);
  const TimePoint soon = now + Millis(1 + static_cast<int64_t>(random.Below(200)));
  absl::Status status;
  switch (random.Below(12)) {
    case 0:
      status = keyspace.Delete(ref, {}, now).status();
      break;
    case 1:
      status = keyspace.Delete(ref, {.stale_until = soon}, now).status();
      break;
    case 2:
      status = keyspace.Touch(ref, soon, now).status();
      break;
    case 3:
      status = keyspace.Append(ref, "more", {}, now).status();
      break;
    case 4: {
      const std::string number = "n" + key;
      status = keyspace.Increment(MixedRef(mix, number), {.delta = 1, .initial = 1}, now).status();
      break;
    }
    case 5:
      if (random.Below(100) == 0) status = keyspace.FlushSlot(ref.slot, now).status();
      break;
    case 6:
      keyspace.Expire(now, 20);
      break;
    default: {
      const std::string value(random.Below(mix.value_bytes_max),
                              static_cast<char>('a' + random.Below(26)));
      SetOptions options{.flags = static_cast<uint32_t>(random.Below(3))};
      if (random.Below(3) == 0) options.expires_at = soon;
      status = keyspace.Set(ref, value, options, now).status();
    }
  }
  EXPECT_TRUE(status.ok() || absl::IsUnavailable(status)) << status;
  return !status.ok();
}

}  // namespace larder::storage

#endif  // LARDER_TESTS_STORAGE_RANDOM_MUTATIONS_H_
