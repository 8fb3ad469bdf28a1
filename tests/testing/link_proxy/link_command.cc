#include "tests/testing/link_proxy/link_command.h"

#include <charconv>
#include <map>
#include <vector>

#include "absl/strings/str_cat.h"

namespace larder::link_proxy {
namespace {

constexpr int64_t kDelayMsMax = 600'000;

std::vector<std::string_view> WordsOf(std::string_view line) {
  std::vector<std::string_view> words;
  while (!line.empty()) {
    const size_t end = line.find(' ');
    if (end != 0) words.push_back(line.substr(0, end));
    line.remove_prefix(end == std::string_view::npos ? line.size() : end + 1);
  }
  return words;
}

absl::Status Wrong(std::string_view word, const char* wanted) {
  return absl::InvalidArgumentError(absl::StrCat("'", std::string(word), "' is not ", wanted));
}

// The number of name=number.
template <typename Number>
bool ReadSetting(std::string_view word, std::string_view name, Number& number) {
  if (word.substr(0, name.size()) != name) return false;
  word.remove_prefix(name.size());
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), number);
  return error == std::errc() && end == word.data() + word.size();
}

bool ReadDirection(std::string_view word, LinkCommand& command) {
  command.forward = word == "forward" || word == "both";
  command.backward = word == "backward" || word == "both";
  return command.forward || command.backward;
}

absl::Status ReadSet(const std::vector<std::string_view>& words, LinkCommand& command) {
  for (size_t i = 2; i < words.size(); ++i) {
    int64_t delay_ms = 0;
    uint64_t bandwidth = 0;
    if (ReadSetting(words[i], "delay=", delay_ms) && delay_ms >= 0 && delay_ms <= kDelayMsMax) {
      command.delay_ns = delay_ms * 1'000'000;
    } else if (ReadSetting(words[i], "bandwidth=", bandwidth) && bandwidth <= (uint64_t{1} << 40)) {
      command.bytes_per_second = bandwidth;
    } else {
      return Wrong(words[i], "delay=0..600000 (ms) or bandwidth=0..2^40 (bytes a second, 0: any)");
    }
  }
  return absl::OkStatus();
}

absl::Status ReadCut(const std::vector<std::string_view>& words, LinkCommand& command) {
  LinkFault& fault = command.fault;
  const std::string_view kind = words.size() > 2 ? words[2] : std::string_view();
  if (kind == "close") {
    fault.kind = LinkFault::Kind::kClose;
  } else if (kind == "reset") {
    fault.kind = LinkFault::Kind::kReset;
  } else if (kind == "stall") {
    fault.kind = LinkFault::Kind::kStall;
  } else {
    return Wrong(kind, "close, reset or stall");
  }
  for (size_t i = 3; i < words.size(); ++i) {
    if (words[i] == "once") {
      fault.is_once = true;
    } else if (ReadSetting(words[i], "bytes=", fault.after)) {
      fault.unit = LinkFault::Unit::kBytes;
    } else if (ReadSetting(words[i], "frames=", fault.after)) {
      fault.unit = LinkFault::Unit::kFrames;
    } else if (ReadSetting(words[i], "messages=", fault.after)) {
      fault.unit = LinkFault::Unit::kMessages;
    } else {
      return Wrong(words[i], "bytes=N, frames=N, messages=N or once");
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<LinkCommand> ParseLinkCommand(std::string_view line) {
  using Kind = LinkCommand::Kind;
  static const std::map<std::string_view, Kind> kKinds = {
      {"set", Kind::kSet},   {"cut", Kind::kCut},     {"refuse", Kind::kRefuse},
      {"heal", Kind::kHeal}, {"stats", Kind::kStats}, {"accept", Kind::kAccept},
      {"quit", Kind::kQuit}};
  const std::vector<std::string_view> words = WordsOf(line);
  const auto kind = kKinds.find(words.empty() ? std::string_view() : words[0]);
  if (kind == kKinds.end()) {
    return Wrong(words.empty() ? std::string_view() : words[0],
                 "set, cut, refuse, accept, heal, stats or quit");
  }
  LinkCommand command;
  command.kind = kind->second;
  if (command.kind != Kind::kSet && command.kind != Kind::kCut) {
    if (words.size() > 1) return Wrong(words[1], "needed: the command takes no more words");
    return command;
  }
  if (words.size() < 2 || !ReadDirection(words[1], command)) {
    return Wrong(words.size() < 2 ? std::string_view() : words[1], "forward, backward or both");
  }
  const absl::Status status =
      command.kind == Kind::kSet ? ReadSet(words, command) : ReadCut(words, command);
  if (!status.ok()) return status;
  return command;
}

}  // namespace larder::link_proxy
