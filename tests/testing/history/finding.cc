#include "tests/testing/history/finding.h"

#include "absl/strings/str_cat.h"

namespace larder::history {

std::string_view NameOf(FindingKind kind) {
  switch (kind) {
    case FindingKind::kLost:
      return "lost";
    case FindingKind::kResurrected:
      return "resurrected";
    case FindingKind::kOutOfOrder:
      return "out of order";
    case FindingKind::kPhantom:
      return "phantom";
    case FindingKind::kTorn:
      return "torn";
    case FindingKind::kCounter:
      return "counter";
    case FindingKind::kDuplicate:
      return "duplicate";
    case FindingKind::kPositionOrder:
      return "position order";
    case FindingKind::kLease:
      return "lease";
    case FindingKind::kDiverged:
      return "diverged";
  }
  return "unknown";
}

std::string Report::ToText() const {
  std::string text;
  for (const Finding& finding : findings) {
    absl::StrAppend(&text, std::string(NameOf(finding.kind)), ": key '", finding.key,
                    "': ", finding.message, "\n");
  }
  for (const auto& [kind, count] : findings_by_kind) {
    absl::StrAppend(&text, count, " ", std::string(NameOf(kind)), "\n");
  }
  absl::StrAppend(&text, findings_total, " findings in ", operations, " operations on ", keys,
                  " keys: ", acknowledged, " acknowledged, ", refused, " refused, ", unknown,
                  " unknown; ", windows, " times something could be lost\n");
  return text;
}

}  // namespace larder::history
