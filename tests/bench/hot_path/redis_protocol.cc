#include "tests/bench/hot_path/redis_protocol.h"

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "tests/bench/peer.h"

namespace larder::bench {
namespace {

std::string HeadOf(const Workload& workload) {
  if (workload.writes()) return "*3\r\n$3\r\nSET\r\n";
  if (workload.keys_per_operation == 1) return "*2\r\n$3\r\nGET\r\n";
  return absl::StrCat("*", workload.keys_per_operation + 1, "\r\n$4\r\nMGET\r\n");
}

}  // namespace

RedisProtocol::RedisProtocol(const Workload& workload, const KeyPicker& keys)
    : value_bytes_(workload.value_bytes),
      keys_per_operation_(workload.keys_per_operation),
      writes_(workload.writes()),
      keys_(keys),
      head_(HeadOf(workload)) {
  if (!writes_) return;
  tail_ = absl::StrCat("$", value_bytes_, "\r\n", std::string(value_bytes_, 'v'), "\r\n");
}

void RedisProtocol::AppendRequest(std::string& output) {
  static_assert(kWorkloadKeyBytes == 16);
  output.append(head_);
  for (int i = 0; i < keys_per_operation_; ++i) {
    output.append("$16\r\n").append(keys_.Next()).append("\r\n");
  }
  output.append(tail_);
}

absl::Status RedisProtocol::Receive(std::string_view bytes, std::string& /*output*/,
                                    LoadAnswers& answers) {
  std::string_view line;
  while (scanner_.NextLine(bytes, line)) {
    const absl::Status status = TakeLine(line, answers);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status RedisProtocol::TakeLine(std::string_view line, LoadAnswers& answers) {
  if (is_in_body_) {
    if (!line.empty()) return Unexpected("redis-server", line);
    is_in_body_ = false;
    EndItem(answers);
    return absl::OkStatus();
  }
  if (line.starts_with('$')) return TakeBulk(line, answers);
  if (line.starts_with('-')) {
    problem_.assign(line);
  } else if (line.starts_with('*') && items_left_ == 0) {
    if (!absl::SimpleAtoi(absl::string_view(line.data() + 1, line.size() - 1), &items_left_) ||
        items_left_ != keys_per_operation_) {
      return Unexpected("redis-server", line);
    }
    return absl::OkStatus();
  } else if (line != "+OK" || !writes_) {
    return Unexpected("redis-server", line);
  }
  EndItem(answers);
  return absl::OkStatus();
}

absl::Status RedisProtocol::TakeBulk(std::string_view line, LoadAnswers& answers) {
  int64_t bytes = 0;
  if (!absl::SimpleAtoi(absl::string_view(line.data() + 1, line.size() - 1), &bytes) ||
      bytes < -1) {
    return Unexpected("redis-server", line);
  }
  if (bytes != static_cast<int64_t>(value_bytes_)) {
    problem_ = bytes < 0 ? "the key is missing" : absl::StrCat("a value of ", bytes, " bytes");
  }
  if (bytes < 0) {
    EndItem(answers);
    return absl::OkStatus();
  }
  scanner_.SkipBody(static_cast<uint64_t>(bytes));
  is_in_body_ = true;
  return absl::OkStatus();
}

void RedisProtocol::EndItem(LoadAnswers& answers) {
  if (items_left_ > 0 && --items_left_ > 0) return;
  if (problem_.empty()) {
    answers.Add(next_answer_);
  } else {
    answers.Fail(next_answer_, problem_);
    problem_.clear();
  }
  ++next_answer_;
}

}  // namespace larder::bench
