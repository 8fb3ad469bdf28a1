#include "cluster/node/fail_voting.h"

#include <algorithm>
#include <set>
#include <utility>

namespace larder::cluster {

void FailVoting::TellVoters(const Suspect& message) {
  for (const NodeId& voter : core_->table.voters().voters) {
    if (voter == core_->node) continue;
    Suspect part;
    for (size_t at = 0; at < message.withdrawn.size(); at += kMarksMax) {
      const size_t end = std::min(at + kMarksMax, message.withdrawn.size());
      part.withdrawn.assign(message.withdrawn.begin() + static_cast<std::ptrdiff_t>(at),
                            message.withdrawn.begin() + static_cast<std::ptrdiff_t>(end));
      core_->SendAtOnce(voter, part);
    }
    part.withdrawn.clear();
    for (size_t at = 0; at < message.suspects.size(); at += kMarksMax) {
      const size_t end = std::min(at + kMarksMax, message.suspects.size());
      part.suspects.assign(message.suspects.begin() + static_cast<std::ptrdiff_t>(at),
                           message.suspects.begin() + static_cast<std::ptrdiff_t>(end));
      core_->SendAtOnce(voter, part);
    }
  }
}

void FailVoting::Tick(size_t voters_heard) {
  Refute(voters_heard);
  if (!core_->table.voters().Has(core_->node)) {
    suspected_.clear();
    return;
  }
  // Silence shows in time; evidence and words at once.
  const bool is_due = core_->now >= look_at_ || core_->detector.has_news() ||
                      seen_ != core_->table.changes() || has_reports_;
  if (!is_due) return;
  look_at_ = core_->now + core_->config.node_timeout / 40;
  core_->detector.ClearNews();
  seen_ = core_->table.changes();
  has_reports_ = false;
  std::map<NodeId, uint64_t> suspected;
  for (const NodeId& node : core_->detector.Suspects(core_->now)) {
    if (core_->table.IsMember(node)) suspected[node] = core_->table.Find(node)->generation;
  }
  const bool again = core_->now >= tell_again_at_;
  Suspect news;
  for (const auto& [node, generation] : suspected) {
    const Member& member = *core_->table.Find(node);
    if (member.is_failed) continue;
    const FailMark mark{node, member.admissions, generation};
    suspicions_.OnReport(core_->node, mark, core_->now);
    const auto before = suspected_.find(node);
    const bool is_new = before == suspected_.end() || before->second != generation;
    if (is_new) core_->Tell(ClusterEvent::Kind::kSuspected, node);
    if (is_new || again) news.suspects.push_back(mark);
  }
  for (const auto& [node, generation] : suspected_) {
    if (suspected.count(node) != 0) continue;
    suspicions_.OnWithdrawn(core_->node, node);
    news.withdrawn.push_back(node);
  }
  suspected_ = std::move(suspected);
  if (again) {
    tell_again_at_ = core_->now + core_->config.node_timeout / 2;
    suspicions_.Expire(core_->now);
  }
  if (!news.suspects.empty() || !news.withdrawn.empty()) TellVoters(news);
  Decide();
}

void FailVoting::Decide() {
  std::vector<FailMark> failed;
  for (const auto& [node, generation] : suspected_) {
    const Member& member = *core_->table.Find(node);
    const FailMark mark{node, member.admissions, member.generation};
    // Where one decides on its shard alone, it does so on who of it is dead.
    VoterList list = core_->table.voters();
    if (member.shard.has_value()) list = list.Of(*member.shard);
    if (member.is_failed || suspicions_.Reports(list, mark, core_->now) < list.Majority()) continue;
    failed.push_back(mark);
    core_->table.Merge(mark);
    core_->Tell(ClusterEvent::Kind::kFailed, node);
  }
  if (!failed.empty()) TellOfFailed(failed);
}

void FailVoting::TellOfFailed(const std::vector<FailMark>& failed) {
  std::map<NodeId, Failed> told;
  for (const FailMark& mark : failed) {
    std::set<NodeId> to(core_->table.voters().voters.begin(), core_->table.voters().voters.end());
    const std::optional<ShardId> shard = core_->table.Find(mark.node)->shard;
    if (shard.has_value()) {
      for (const NodeId& sibling : core_->table.MembersOf(*shard)) to.insert(sibling);
    }
    to.erase(core_->node);
    for (const NodeId& node : to) {
      if (core_->table.IsFailed(node)) continue;
      Failed& message = told[node];
      message.failed.push_back(mark);
      if (message.failed.size() == kMarksMax) {
        core_->SendAtOnce(node, message);
        message.failed.clear();
      }
    }
  }
  for (const auto& [node, message] : told) {
    if (!message.failed.empty()) core_->SendAtOnce(node, message);
  }
}

void FailVoting::OnSuspect(const NodeId& from, const Suspect& message) {
  has_reports_ = true;
  for (const FailMark& mark : message.suspects) suspicions_.OnReport(from, mark, core_->now);
  for (const NodeId& node : message.withdrawn) suspicions_.OnWithdrawn(from, node);
}

void FailVoting::OnFailed(const NodeId& from, const Failed& message) {
  // Only a voter can know.
  if (!core_->table.voters().Has(from)) return;
  for (const FailMark& mark : message.failed) {
    if (core_->table.Merge(mark)) core_->Tell(ClusterEvent::Kind::kFailed, mark.node);
  }
}

void FailVoting::Refute(size_t voters_heard) {
  if (!core_->table.Find(core_->node)->is_failed || !core_->data.is_well) return;
  if (voters_heard < core_->table.voters().Majority()) return;
  core_->ChangeSelf(core_->self());
  core_->Tell(ClusterEvent::Kind::kRecovered, core_->node);
}

}  // namespace larder::cluster
