#include "tests/simulation/cluster/story_trace.h"

#include <variant>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"

namespace larder::simulation {
namespace {

using cluster::Envelope;
using cluster::ShardId;

bool IsPing(const Envelope& envelope) {
  return std::holds_alternative<cluster::Ping>(envelope.message) ||
         std::holds_alternative<cluster::Pong>(envelope.message);
}

}  // namespace

StoryTrace::StoryTrace(ClusterWorld* world) : world_(world) {
  for (size_t node = 0; node < world->size(); ++node) {
    const std::string name = world->process(node).id().ToText();
    names_.emplace_back(name, absl::StrCat("node", node));
    names_.emplace_back(name.substr(0, 8), absl::StrCat("node", node));
  }
  world->set_on_event([this](size_t node, const cluster::ClusterEvent& event) {
    const size_t about = world_->IndexOf(event.node);
    std::string line =
        absl::StrCat("node ", node, ": ", std::string(cluster::ClusterEventName(event.kind)));
    if (about != SIZE_MAX && about != node) absl::StrAppend(&line, " node ", about);
    if (!event.detail.empty()) absl::StrAppend(&line, " (", WithIndexes(event.detail), ")");
    Line(line);
  });
  world->network().set_on_sent([this](size_t from, size_t to, const Envelope& envelope) {
    if (IsPing(envelope)) return;
    Line(absl::StrCat("  ", from, " -> ", to, "  ", cluster::PeerMessageName(envelope.message)));
  });
}

void StoryTrace::Line(const std::string& what) {
  absl::StrAppend(&text_, absl::StrFormat("%6d  %s\n", world_->events().now().count(), what));
}

void StoryTrace::Say(const std::string& what) { Line(absl::StrCat("== ", what)); }

std::string StoryTrace::WithIndexes(const std::string& text) const {
  return absl::StrReplaceAll(text, names_);
}

void StoryTrace::NoteWhoActs() {
  for (uint32_t i = 0; i < world_->options().shards; ++i) {
    const auto shard = static_cast<ShardId>(i);
    const std::optional<size_t> acting = world_->Acting(shard);
    const auto [at, is_new] = acting_.try_emplace(shard, std::nullopt);
    if (at->second == acting) continue;
    at->second = acting;
    Line(acting.has_value() ? absl::StrCat("** node ", *acting, " acts for shard ", i)
                            : absl::StrCat("** nobody acts for shard ", i));
  }
}

void StoryTrace::Run(Millis length) {
  for (int64_t ms = 0; ms < length.count(); ++ms) {
    world_->Run(Millis(1));
    NoteWhoActs();
  }
}

}  // namespace larder::simulation
