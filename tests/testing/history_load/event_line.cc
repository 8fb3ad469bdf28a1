#include "tests/testing/history_load/event_line.h"

#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace larder::history {
namespace {

absl::Status Wrong(absl::string_view word, absl::string_view wanted) {
  return absl::InvalidArgumentError(absl::StrCat("'", word, "' is not ", wanted));
}

bool ReadPosition(absl::string_view text, LogPosition& position) {
  const std::vector<absl::string_view> parts = absl::StrSplit(text, ':');
  return parts.size() == 3 && absl::SimpleAtoi(parts[0], &position.shard) &&
         absl::SimpleAtoi(parts[1], &position.epoch) && position.epoch != 0 &&
         absl::SimpleAtoi(parts[2], &position.sequence);
}

bool ReadLoses(absl::string_view text, LossEvent::Loses& loses) {
  if (text == "nothing") {
    loses = LossEvent::Loses::kNothing;
  } else if (text == "suffix") {
    loses = LossEvent::Loses::kSuffix;
  } else if (text == "everything") {
    loses = LossEvent::Loses::kEverything;
  } else {
    return false;
  }
  return true;
}

bool ReadSetting(absl::string_view word, EventLine& line) {
  const std::pair<absl::string_view, absl::string_view> setting =
      absl::StrSplit(word, absl::MaxSplits('=', 1));
  const auto& [name, value] = setting;
  if (name == "kept") return ReadPosition(value, line.event.kept);
  if (name == "epoch") return absl::SimpleAtoi(value, &line.event.new_epoch);
  if (line.kind != EventLine::Kind::kBegin) return false;
  if (name == "lose") return ReadLoses(value, line.event.loses);
  if (name == "nodes") return absl::SimpleAtoi(value, &line.event.nodes_lost);
  if (name == "disk" && value == "kept") {
    line.event.disk_lost = false;
    return true;
  }
  return false;
}

}  // namespace

absl::StatusOr<EventLine> ParseEventLine(std::string_view text) {
  const std::vector<absl::string_view> words =
      absl::StrSplit(absl::string_view(text.data(), text.size()), ' ', absl::SkipEmpty());
  EventLine line;
  if (words.size() == 1 && words[0] == "stop") return line;
  if (words.empty() || words[0] != "event") {
    return Wrong(words.empty() ? "" : words[0], "event or stop");
  }
  if (words.size() < 3 || (words[1] != "begin" && words[1] != "end")) {
    return Wrong(words.size() < 2 ? "" : words[1], "begin or end, and a name");
  }
  line.kind = words[1] == "begin" ? EventLine::Kind::kBegin : EventLine::Kind::kEnd;
  line.event.name = std::string(words[2]);
  bool says_loses = false;
  for (size_t i = 3; i < words.size(); ++i) {
    if (!ReadSetting(words[i], line)) {
      return Wrong(words[i], line.kind == EventLine::Kind::kBegin
                                 ? "lose=nothing|suffix|everything, nodes=N, disk=kept, "
                                   "kept=SHARD:EPOCH:SEQUENCE or epoch=N"
                                 : "kept=SHARD:EPOCH:SEQUENCE or epoch=N");
    }
    says_loses = says_loses || words[i].substr(0, 5) == "lose=";
  }
  if (line.kind == EventLine::Kind::kBegin && !says_loses) {
    return Wrong(words[2], "all that an event needs: say lose=nothing|suffix|everything");
  }
  return line;
}

}  // namespace larder::history
