#include "tests/bench/hot_path/memcached_protocol.h"

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "tests/bench/peer.h"

namespace larder::bench {

MemcachedProtocol::MemcachedProtocol(const Workload& workload, const KeyPicker& keys)
    : value_bytes_(workload.value_bytes),
      keys_per_operation_(workload.keys_per_operation),
      writes_(workload.writes()),
      keys_(keys) {
  if (!writes_) return;
  tail_ = absl::StrCat(" 0 0 ", value_bytes_, "\r\n", std::string(value_bytes_, 'v'), "\r\n");
}

void MemcachedProtocol::AppendRequest(std::string& output) {
  if (writes_) {
    output.append("set ").append(keys_.Next()).append(tail_);
    return;
  }
  output.append("get");
  for (int i = 0; i < keys_per_operation_; ++i) output.append(" ").append(keys_.Next());
  output.append("\r\n");
}

absl::Status MemcachedProtocol::Receive(std::string_view bytes, std::string& /*output*/,
                                        LoadAnswers& answers) {
  std::string_view line;
  while (scanner_.NextLine(bytes, line)) {
    const absl::Status status = TakeLine(line, answers);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status MemcachedProtocol::TakeLine(std::string_view line, LoadAnswers& answers) {
  if (is_in_body_) {
    if (!line.empty()) return Unexpected("memcached", line);
    is_in_body_ = false;
    return absl::OkStatus();
  }
  if (line.starts_with("VALUE ") && !writes_) return TakeValue(line);
  if (line == "END" && !writes_) {
    // It leaves out keys that it does not have.
    if (values_ != keys_per_operation_) problem_ = "a key is missing";
  } else if (line.starts_with("SERVER_ERROR ")) {
    problem_.assign(line);
  } else if (line != "STORED" || !writes_) {
    return Unexpected("memcached", line);
  }
  EndAnswer(answers);
  return absl::OkStatus();
}

absl::Status MemcachedProtocol::TakeValue(std::string_view line) {
  const std::string_view size = line.substr(line.rfind(' ') + 1);
  uint64_t bytes = 0;
  if (!absl::SimpleAtoi(absl::string_view(size.data(), size.size()), &bytes)) {
    return Unexpected("memcached", line);
  }
  if (bytes != value_bytes_) problem_ = absl::StrCat("a value of ", bytes, " bytes");
  ++values_;
  scanner_.SkipBody(bytes);
  is_in_body_ = true;
  return absl::OkStatus();
}

void MemcachedProtocol::EndAnswer(LoadAnswers& answers) {
  if (problem_.empty()) {
    answers.Add(next_answer_);
  } else {
    answers.Fail(next_answer_, problem_);
    problem_.clear();
  }
  values_ = 0;
  ++next_answer_;
}

}  // namespace larder::bench
