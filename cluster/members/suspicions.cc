#include "cluster/members/suspicions.h"

namespace larder::cluster {

void Suspicions::OnReport(const NodeId& voter, const FailMark& suspect, BootTime now) {
  reports_[suspect.node].insert_or_assign(voter, Report{suspect, now});
}

void Suspicions::OnWithdrawn(const NodeId& voter, const NodeId& suspect) {
  const auto at = reports_.find(suspect);
  if (at == reports_.end()) return;
  at->second.erase(voter);
  if (at->second.empty()) reports_.erase(at);
}

size_t Suspicions::Reports(const VoterList& list, const FailMark& suspect, BootTime now) const {
  const auto at = reports_.find(suspect.node);
  if (at == reports_.end()) return 0;
  size_t count = 0;
  for (const auto& [voter, report] : at->second) {
    if (list.Has(voter) && report.suspect == suspect && now - report.at <= report_lives_) ++count;
  }
  return count;
}

void Suspicions::Expire(BootTime now) {
  for (auto suspect = reports_.begin(); suspect != reports_.end();) {
    for (auto report = suspect->second.begin(); report != suspect->second.end();) {
      report = now - report->second.at > report_lives_ ? suspect->second.erase(report)
                                                       : std::next(report);
    }
    suspect = suspect->second.empty() ? reports_.erase(suspect) : std::next(suspect);
  }
}

}  // namespace larder::cluster
