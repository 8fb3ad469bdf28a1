// Random operations under a controlled clock: Keyspace against a plain map, and against what its
// log says, replayed into a map and into another Keyspace. LARDER_SEED=N replays a run,
// LARDER_OPERATIONS=N makes it longer.

#include "tests/storage/keyspace_model.h"

#include <cstdlib>
#include <iostream>
#include <map>
#include <random>
#include <set>

#include "storage/random.h"
#include "tests/storage/keyspace_fixture.h"
#include "tests/storage/vector_log.h"

namespace larder::storage {
namespace {

uint64_t FromEnvironment(const char* name, uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text != nullptr ? std::strtoull(text, nullptr, 10) : otherwise;
}

class KeyspaceModelTest : public KeyspaceTest {
 protected:
  void Run(const KeyspaceOptions& options, uint64_t operations, size_t value_bytes_max) {
    RunWith(FromEnvironment("LARDER_SEED", std::random_device()()), options,
            FromEnvironment("LARDER_OPERATIONS", operations), value_bytes_max);
  }

  void RunWith(uint64_t seed, const KeyspaceOptions& options, uint64_t operations,
               size_t value_bytes_max) {
    std::cout << "LARDER_SEED=" << seed << " operations=" << operations
              << " eviction=" << EvictionKindName(options.eviction) << std::endl;
    SCOPED_TRACE("LARDER_SEED=" + std::to_string(seed));
    random_ = Random(seed);
    evicts_ = options.eviction != EvictionKind::kNone;
    value_bytes_max_ = value_bytes_max;
    keyspace_.reset();
    log_ = std::make_unique<VectorLog>();
    replay_ = std::make_unique<LogReplay>(log_.get());
    model_ = std::make_unique<KeyspaceModel>(log_.get());
    stripes_ = StripesFor(options);
    last_versions_.clear();
    refusals_ = 0;
    Make(options);
    keyspace_->AttachLog(log_.get());
    for (uint64_t i = 0; i < operations && !HasFailure(); ++i) {
      Step();
      if (i % 1024 == 0) {
        ASSERT_LE(keyspace_->Memory().total(), options.memory_bytes) << "operation " << i;
      }
      if (i % (operations / 20 + 1) == 0) CompareWhole();
    }
    CompareWhole();
    if (evicts_) {
      EXPECT_GT(keyspace_->Stats().evictions, 0u) << "the budget was never reached";
    }
    EXPECT_GT(refusals_, 0u);
  }

  // The log may outlive no keyspace that writes to it.
  void TearDown() override { keyspace_.reset(); }

  std::unique_ptr<KeyspaceModel> model_;
  uint64_t keys_ = 500;

 private:
  std::string Key() { return "key" + std::to_string(random_.Below(keys_)); }
  std::string Value() {
    std::string value(random_.Below(value_bytes_max_), static_cast<char>(random_.Next()));
    return random_.Below(4) == 0 ? std::to_string(static_cast<int64_t>(random_.Next())) : value;
  }
  TimePoint Expiry() {
    return random_.Below(2) == 0 ? kNever
                                 : now_ + Millis(1 + static_cast<int64_t>(random_.Below(500)));
  }

  ModelEntry* Visible(const std::string& key) { return model_->Visible(key, now_); }
  ModelEntry* Live(const std::string& key) { return model_->Live(key, now_); }
  ModelLease* ValidLease(const std::string& key) { return model_->ValidLease(key, now_); }
  void FollowOwnEviction(const std::string& key, bool was_there = false) {
    model_->FollowOwnEviction(key, now_, was_there);
  }

  // Keeps the budget full with keys that the model does not know; not each time, so that commands
  // have to make room for themselves.
  void FillUp() {
    if (evicts_ && random_.Below(2) == 0)
      Put(kBallast + std::to_string(ballast_++ % 1000), std::string(10'000, 'b'));
  }

  void ExpectShown(const std::string& key, const ModelEntry& expected, const StringSink& sink) {
    ASSERT_TRUE(sink.value.has_value()) << key;
    ASSERT_EQ(*sink.value, expected.value) << key;
    ASSERT_EQ(sink.info.version, expected.version) << key;
    ASSERT_EQ(sink.info.expires_at, expected.expires_at) << key;
    ASSERT_EQ(sink.info.flags, expected.flags) << key;
    ASSERT_EQ(sink.info.stale, expected.stale) << key;
  }

  // Versions rise within a stripe.
  void CheckNewVersion(const std::string& key, uint64_t version) {
    uint64_t& last = last_versions_[Ref(key).slot % stripes_];
    ASSERT_GT(version, last) << key;
    last = version;
  }

  // The log had no room, so nothing has changed.
  bool Refused(const absl::Status& status) {
    if (!absl::IsUnavailable(status)) return false;
    EXPECT_TRUE(is_refusing_) << status;
    ++refusals_;
    return true;
  }
  void SetRefusing(bool refusing) {
    is_refusing_ = refusing;
    log_->SetRoom(refusing ? random_.Below(100) : uint64_t{1} << 40);
  }

  void Step() {
    if (random_.Below(8) == 0) Advance(static_cast<int64_t>(random_.Below(20)));
    const std::string key = Key();
    FillUp();
    model_->FollowEvictions();
    SetRefusing(random_.Below(16) == 0);
    StepWith(key);
    SetRefusing(false);
  }

  void StepWith(const std::string& key) {
    switch (random_.Below(16)) {
      case 0:
      case 1:
      case 2:
      case 3:
        return StepGet(key);
      case 4:
      case 5:
      case 6:
      case 7:
        return StepSet(key);
      case 8:
      case 9:
        return StepLease(key);
      case 10:
      case 11:
        return StepDelete(key);
      case 12:
        return StepTouch(key);
      case 13:
        return StepIncrement(key);
      case 14:
        return StepAppend(key);
      default:
        return StepMaintain();
    }
  }

  void StepGet(const std::string& key) {
    StringSink sink;
    const GetOutcome outcome = keyspace_->Get(Ref(key), now_, sink);
    const ModelEntry* expected = Visible(key);
    ASSERT_EQ(outcome == GetOutcome::kHit, expected != nullptr) << key;
    if (expected != nullptr) ExpectShown(key, *expected, sink);
  }

  Condition RandomCondition(const std::string& key) {
    Condition condition;
    condition.kind = static_cast<Condition::Kind>(random_.Below(5));
    const ModelEntry* live = Live(key);
    const bool right = random_.Below(2) == 0;
    condition.version = live != nullptr && right ? live->version : 1 + random_.Below(1000);
    const ModelLease* lease = ValidLease(key);
    const auto any = model_->leases.find(key);  // also one whose deadline has passed
    condition.token = lease != nullptr && right              ? lease->token
                      : any != model_->leases.end() && right ? any->second.token
                                                             : LeaseToken{1};
    return condition;
  }

  SetResult::Outcome Expected(const std::string& key, const Condition& condition) {
    using Outcome = SetResult::Outcome;
    const ModelEntry* live = Live(key);
    const ModelLease* lease = ValidLease(key);
    switch (condition.kind) {
      case Condition::Kind::kNone:
        break;
      case Condition::Kind::kIfAbsent:
        return live == nullptr ? Outcome::kStored : Outcome::kExists;
      case Condition::Kind::kIfPresent:
        return live != nullptr ? Outcome::kStored : Outcome::kNotFound;
      case Condition::Kind::kIfVersion:
        if (live == nullptr) return Outcome::kNotFound;
        return live->version == condition.version ? Outcome::kStored : Outcome::kVersionMismatch;
      case Condition::Kind::kLeaseToken:
        return lease != nullptr && lease->token == condition.token ? Outcome::kStored
                                                                   : Outcome::kLeaseLost;
    }
    return Outcome::kStored;
  }

  void StepSet(const std::string& key) {
    SetOptions options;
    options.condition = RandomCondition(key);
    options.expires_at = Expiry();
    options.keep_expiry = random_.Below(4) == 0;
    options.flags = static_cast<uint32_t>(random_.Next());
    StringSink previous;
    if (random_.Below(2) == 0) options.previous = &previous;
    const std::string value = Value();
    const auto result = Set(key, value, options);
    if (Refused(result.status())) return;
    ASSERT_TRUE(result.ok()) << result.status();
    const bool is_stored = result->outcome == SetResult::Outcome::kStored;
    FollowOwnEviction(key, /*was_there=*/!is_stored && result->version != 0);
    const ModelEntry* live = Live(key);
    const auto outcome = Expected(key, options.condition);
    ASSERT_EQ(result->outcome, outcome) << key;
    if (options.previous != nullptr) {
      ASSERT_EQ(previous.calls, live != nullptr ? 1 : 0) << key;
      if (live != nullptr) ExpectShown(key, *live, previous);
    }
    if (outcome != SetResult::Outcome::kStored) {
      ASSERT_EQ(result->version, live != nullptr ? live->version : 0) << key;
      return;
    }
    CheckNewVersion(key, result->version);
    const TimePoint expires_at =
        options.keep_expiry && live != nullptr ? live->expires_at : options.expires_at;
    model_->leases.erase(key);
    model_->entries[key] = {value, result->version, expires_at, options.flags, false};
  }

  void StepLease(const std::string& key) {
    StringSink sink;
    const auto result = keyspace_->Lease(
        Ref(key), {Millis(1 + static_cast<int64_t>(random_.Below(300))), 0}, now_, sink);
    if (Refused(result.status())) return;
    ASSERT_TRUE(result.ok()) << result.status();
    FollowOwnEviction(key, /*was_there=*/result->has_value);
    const ModelEntry* visible = Visible(key);
    ASSERT_EQ(result->has_value, visible != nullptr) << key;
    if (visible != nullptr) ExpectShown(key, *visible, sink);
    const ModelLease* lease = ValidLease(key);
    if (Live(key) != nullptr) {
      ASSERT_EQ(result->kind, LeaseResult::Kind::kHit) << key;
    } else if (lease != nullptr) {
      ASSERT_EQ(result->kind, LeaseResult::Kind::kHeld) << key;
      ASSERT_EQ(result->deadline, lease->deadline) << key;
    } else {
      ASSERT_EQ(result->kind, LeaseResult::Kind::kGranted) << key;
      CheckNewVersion(key, result->token.number);
      model_->leases[key] = {result->token, result->deadline};
    }
  }

  void StepDelete(const std::string& key) {
    DeleteOptions options;
    const ModelEntry* live = Live(key);
    if (random_.Below(3) == 0) {
      options.if_version = live != nullptr && random_.Below(2) == 0 ? live->version : 5;
    }
    if (random_.Below(2) == 0) {
      options.stale_until = now_ + Millis(1 + static_cast<int64_t>(random_.Below(300)));
    }
    const auto answer = keyspace_->Delete(Ref(key), options, now_);
    if (Refused(answer.status())) return;
    const DeleteResult result = answer.value();
    if (options.if_version.has_value() &&
        (live == nullptr || live->version != *options.if_version)) {
      ASSERT_FALSE(result.deleted) << key;
      ASSERT_EQ(result.current_version, live != nullptr ? live->version : 0) << key;
      return;
    }
    ASSERT_EQ(result.deleted, live != nullptr) << key;
    model_->leases.erase(key);
    if (!options.stale_until.has_value() || Visible(key) == nullptr) {
      model_->entries.erase(key);
    } else if (live != nullptr) {
      model_->entries[key].stale = true;
      model_->entries[key].expires_at = *options.stale_until;
    }
  }

  void StepTouch(const std::string& key) {
    const TimePoint expires_at = Expiry();
    const auto result = keyspace_->Touch(Ref(key), expires_at, now_);
    if (Refused(result.status())) return;
    ASSERT_TRUE(result.ok()) << result.status();
    FollowOwnEviction(key);
    ModelEntry* live = Live(key);
    ASSERT_EQ(result->found, live != nullptr) << key;
    if (live == nullptr) return;
    ASSERT_EQ(result->version, live->version) << key;
    live->expires_at = expires_at;
    model_->leases.erase(key);
  }

  static std::optional<int64_t> Integer(const std::string& text) {
    if (text.empty() || text.find_first_not_of("-0123456789") != std::string::npos) return {};
    errno = 0;
    char* end = nullptr;
    const int64_t number = std::strtoll(text.c_str(), &end, 10);
    if (errno != 0 || *end != '\0' || std::to_string(number) != text) return {};
    return number;
  }

  void StepIncrement(const std::string& key) {
    IncrementOptions options;
    options.delta = static_cast<int64_t>(random_.Next()) >> random_.Below(64);
    if (random_.Below(2) == 0) options.initial = static_cast<int64_t>(random_.Next());
    if (random_.Below(2) == 0) options.expires_at = Expiry();
    options.created_expires_at = Expiry();
    const auto result = keyspace_->Increment(Ref(key), options, now_);
    if (Refused(result.status())) return;
    FollowOwnEviction(key, /*was_there=*/!result.ok());
    ModelEntry* live = Live(key);
    if (live == nullptr) {
      ASSERT_TRUE(result.ok()) << result.status();
      ASSERT_EQ(result->found, options.initial.has_value()) << key;
      if (!result->found) return;
      ASSERT_TRUE(result->created);
      CheckNewVersion(key, result->version);
      model_->entries[key] = {std::to_string(*options.initial), result->version,
                              options.created_expires_at, 0, false};
      model_->leases.erase(key);
      return;
    }
    const std::optional<int64_t> before = Integer(live->value);
    int64_t sum = 0;
    if (!before.has_value() || __builtin_add_overflow(*before, options.delta, &sum)) {
      ASSERT_EQ(result.status().code(), absl::StatusCode::kFailedPrecondition) << live->value;
      return;
    }
    ASSERT_TRUE(result.ok()) << result.status();
    ASSERT_EQ(result->value, sum);
    CheckNewVersion(key, result->version);
    live->value = std::to_string(sum);
    live->version = result->version;
    live->expires_at = options.expires_at.value_or(live->expires_at);
    model_->leases.erase(key);
  }

  void StepAppend(const std::string& key) {
    AppendOptions options;
    options.if_present = random_.Below(2) == 0;
    options.created_expires_at = Expiry();
    options.value_bytes_max = value_bytes_max_ + random_.Below(value_bytes_max_);
    const std::string more = Value();
    const auto result = keyspace_->Append(Ref(key), more, options, now_);
    if (Refused(result.status())) return;
    FollowOwnEviction(key, /*was_there=*/!result.ok());
    ModelEntry* live = Live(key);
    const size_t bytes = (live != nullptr ? live->value.size() : 0) + more.size();
    if (live == nullptr && options.if_present) {
      ASSERT_TRUE(result.ok()) << result.status();
      ASSERT_FALSE(result->stored);
      return;
    }
    if (bytes > options.value_bytes_max) {
      ASSERT_EQ(result.status().code(), absl::StatusCode::kInvalidArgument);
      return;
    }
    ASSERT_TRUE(result.ok()) << result.status();
    ASSERT_EQ(result->value_bytes, bytes);
    CheckNewVersion(key, result->version);
    if (live == nullptr) {
      model_->entries[key] = {more, result->version, options.created_expires_at, 0, false};
    } else {
      live->value += more;
      live->version = result->version;
    }
    model_->leases.erase(key);
  }

  void StepMaintain() {
    const uint64_t choice = random_.Below(200);
    if (choice == 0 && (!evicts_ || random_.Below(20) == 0)) {
      SetRefusing(false);  // or some slots would be empty and others not
      ASSERT_TRUE(keyspace_->Flush(now_).ok());
      model_->entries.clear();
      model_->leases.clear();
    } else if (choice < 5) {
      const uint32_t slot = Ref(Key()).slot;
      const auto flushed = keyspace_->FlushSlot(slot, now_);
      if (Refused(flushed.status())) return;
      ASSERT_TRUE(flushed.ok()) << flushed.status();
      std::erase_if(model_->entries,
                    [&](const auto& item) { return Ref(item.first).slot == slot; });
      std::erase_if(model_->leases, [&](const auto& item) { return Ref(item.first).slot == slot; });
    } else if (choice < 20) {
      keyspace_->Expire(now_, 1 + random_.Below(100));
    }
  }

  // A whole Scan shows exactly the live entries of the model.
  void CompareWhole() {
    replay_->ExpectSameAs(*keyspace_, now_);
    if (HasFatalFailure()) return;
    model_->FollowEvictions();
    ScanPosition position;
    std::set<std::string> seen;
    while (!position.at_end()) {
      ScanCollector collector;
      position = keyspace_->Scan(position, {.limit = 64}, now_, collector);
      for (size_t i = 0; i < collector.keys.size(); ++i) {
        if (collector.keys[i].starts_with(kBallast)) continue;
        const ModelEntry* live = Live(collector.keys[i]);
        ASSERT_NE(live, nullptr) << collector.keys[i];
        ASSERT_EQ(collector.values[i], live->value) << collector.keys[i];
        ASSERT_TRUE(seen.insert(collector.keys[i]).second) << collector.keys[i];
      }
    }
    size_t live = 0;
    for (const auto& [key, entry] : model_->entries) live += Live(key) != nullptr ? 1 : 0;
    ASSERT_EQ(seen.size(), live);
  }

  Random random_{0};
  static constexpr char kBallast[] = "ballast/";

  bool evicts_ = false;
  uint64_t ballast_ = 0;
  size_t value_bytes_max_ = 0;
  uint32_t stripes_ = 1;
  std::map<uint32_t, uint64_t> last_versions_;  // by slot % stripes_
  bool is_refusing_ = false;
  uint64_t refusals_ = 0;
  std::unique_ptr<VectorLog> log_;
  std::unique_ptr<LogReplay> replay_;
};

TEST_F(KeyspaceModelTest, EqualsAMapWhenMemorySuffices) {
  Run({.memory_bytes = 256 << 20, .eviction = EvictionKind::kNone}, 400'000, 100);
}

TEST_F(KeyspaceModelTest, EqualsAMapOverOneStripe) {
  Run({.memory_bytes = 256 << 20, .stripes = 1, .eviction = EvictionKind::kNone}, 200'000, 3000);
}

TEST_F(KeyspaceModelTest, HoldsNothingWrongUnderEveryPolicyAtFullBudget) {
  for (const EvictionKind kind :
       {EvictionKind::kLru, EvictionKind::kLruSampled, EvictionKind::kLfu, EvictionKind::kFifo,
        EvictionKind::kTtl, EvictionKind::kRandom, EvictionKind::kS3Fifo, EvictionKind::kSieve,
        EvictionKind::kSlru}) {
    Run({.memory_bytes = 5 << 20, .stripes = 8, .eviction = kind}, 20'000, 5'000);
  }
}

// The oldest key is the first to go under fifo, though it is the one that a command is about.
TEST_F(KeyspaceModelTest, UnderFifoAKeyMayGoForTheRoomOfItsOwnCommand) {
  keys_ = 50;
  RunWith(2, {.memory_bytes = 5 << 20, .stripes = 8, .eviction = EvictionKind::kFifo}, 10'000,
          400'000);
  EXPECT_GT(model_->evicted_by_own_commands, 0u);
}

}  // namespace
}  // namespace larder::storage
