#include "tests/simulation/cluster/slow_nodes.h"

#include <algorithm>
#include <map>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "storage/random.h"
#include "tests/simulation/cluster/cluster_stage.h"

namespace larder::simulation {
namespace {

using cluster::ClusterEvent;
using cluster::ShardId;
using Kind = ClusterEvent::Kind;

constexpr uint32_t kShards = 3;
constexpr Millis kLook{10};
constexpr Millis kMinute{60000};

class SlowRun {
 public:
  explicit SlowRun(const SlowOptions& options)
      : options_(options), stage_(WorldOf(options)), random_(options.seed) {}

  SlowCounts Run() {
    ClusterWorld& world = stage_.world();
    for (size_t node = 0; node < world.size(); ++node) {
      world.process(node).set_step_delay_max(Millis(options_.delay_max_ms));
    }
    if (!stage_.Begin()) counts_.unexpected.push_back("the cluster did not begin");
    began_ = stage_.now();
    for (uint64_t minute = 0; minute < options_.minutes; ++minute) {
      const Millis first(random_.Below(20000));
      Look(first);
      const size_t node = random_.Below(world.size());
      const ShardId shard = *world.process(node).node().core().shard();
      const bool led =
          stage_.TableOf(node).shards().at(shard).value.primary() == world.process(node).id();
      ++counts_.stops;
      if (led) ++counts_.stops_of_primaries;
      // What follows from it may take a while to be told.
      explained_[shard] = stage_.now() + Millis(options_.stop_ms + options_.node_timeout_ms * 3);
      stopped_ = node;
      world.process(node).Pause();
      Look(Millis(options_.stop_ms));
      world.process(node).Resume();
      // An election takes its time where all are slow, and may end when it goes on already.
      const Millis ends(options_.node_timeout_ms * 3);
      Look(ends);
      const std::optional<size_t> acting = world.Acting(shard);
      if (led && acting.has_value() && acting != node) ++counts_.replaced;
      Look(kMinute - first - Millis(options_.stop_ms) - ends);
    }
    Judge();
    counts_.unserved_permille = looks_ == 0 ? 0 : unserved_ * 1000 / looks_;
    counts_.violation = world.violation().value_or("");
    return counts_;
  }

 private:
  static WorldOptions WorldOf(const SlowOptions& options) {
    WorldOptions world = StoryOptions(kShards, 1, options.seed);
    world.config.node_timeout = Millis(options.node_timeout_ms);
    world.has_data = false;
    return world;
  }

  bool IsExplained(ShardId shard) { return stage_.now() < explained_[shard]; }

  // Goes on, and looks who is served.
  void Look(Millis length) {
    const Millis until = stage_.now() + length;
    while (stage_.now() < until && !stage_.world().violation().has_value()) {
      stage_.world().Run(std::min(kLook, until - stage_.now()));
      Judge();
      for (uint32_t i = 0; i < kShards; ++i) {
        const auto shard = static_cast<ShardId>(i);
        if (stage_.world().Acting(shard).has_value() || IsExplained(shard)) {
          since_[shard] = stage_.now();
          if (!IsExplained(shard)) ++looks_;
          continue;
        }
        ++looks_;
        ++unserved_;
        counts_.longest_unserved_ms =
            std::max(counts_.longest_unserved_ms, (stage_.now() - since_[shard]).count());
      }
    }
  }

  void Judge() {
    ClusterWorld& world = stage_.world();
    for (; judged_ < stage_.seen().size(); ++judged_) {
      const ClusterStage::Seen& seen = stage_.seen()[judged_];
      const size_t about = world.IndexOf(seen.event.node);
      if (seen.at < began_) continue;
      bool is_expected = true;
      if (seen.event.kind == Kind::kFailed) {
        const auto shard = static_cast<ShardId>(about % kShards);
        is_expected = about == stopped_ && seen.at < explained_[shard];
        if (is_expected) ++counts_.fails;
      } else if (seen.event.kind == Kind::kElectionStarted) {
        is_expected = seen.at < explained_[static_cast<ShardId>(seen.node % kShards)];
      }
      if (is_expected) continue;
      counts_.unexpected.push_back(
          absl::StrCat(seen.at.count(), " ms node ", seen.node, ": ",
                       std::string(cluster::ClusterEventName(seen.event.kind)), " node ", about));
    }
  }

  const SlowOptions options_;
  ClusterStage stage_;
  storage::Random random_;
  SlowCounts counts_;
  Millis began_{0};
  std::optional<size_t> stopped_;  // the last one
  std::map<ShardId, Millis> explained_;
  std::map<ShardId, Millis> since_;  // when it was served last
  size_t judged_ = 0;
  int64_t looks_ = 0;
  int64_t unserved_ = 0;
};

}  // namespace

SlowCounts RunSlowNodes(const SlowOptions& options) { return SlowRun(options).Run(); }

bool PrintSlowNodes(const SlowOptions& options) {
  const SlowCounts counts = RunSlowNodes(options);
  absl::PrintF(
      "%d simulated minutes, node timeout %d ms, all nodes up to %d ms late, a stop of %d ms each "
      "minute\n",
      options.minutes, options.node_timeout_ms, options.delay_max_ms, options.stop_ms);
  absl::PrintF("stops %d, of primaries %d, of those replaced %d; FAIL told %d times\n",
               counts.stops, counts.stops_of_primaries, counts.replaced, counts.fails);
  absl::PrintF("beside those: not served %d per mille of the time, %d ms at most\n",
               counts.unserved_permille, counts.longest_unserved_ms);
  absl::PrintF("unexpected: %d\n", counts.unexpected.size());
  for (const std::string& line : counts.unexpected) absl::PrintF("  %s\n", line);
  if (!counts.violation.empty()) absl::PrintF("violation: %s\n", counts.violation);
  return counts.unexpected.empty() && counts.violation.empty();
}

}  // namespace larder::simulation
