#include "tests/bench/hot_path/pipeline_protocol.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "tests/bench/hot_path/grpc_messages.h"
#include "tests/bench/hot_path/pipeline_answer.h"

namespace larder::bench {
namespace {

constexpr uint32_t kReturnAfter = Http2Session::kStreamWindow / 2;

}  // namespace

PipelineProtocol::PipelineProtocol(const Workload& workload, std::string_view authority,
                                   const KeyPicker& keys)
    : request_(MakeRequestMessage(workload)),
      result_field_(PipelineResultField(workload.operation)),
      result_bytes_min_(AnswerBytesMin(workload)),
      keys_(keys),
      session_(authority, MethodPath(workload.operation), this) {}

void PipelineProtocol::Start(std::string& output) {
  session_.Start(output);
  stream_ = session_.OpenStream(output);
}

void PipelineProtocol::AppendRequest(std::string& output) {
  id_.clear();
  AppendPipelineId(++requests_, id_);
  body_.clear();
  AppendGrpcPrefix(id_.size() + request_.bytes.size(), body_);
  body_.append(id_);
  request_.AppendTo(body_, keys_);
  session_.SendBody(stream_, body_, /*is_last=*/false, output);
}

absl::Status PipelineProtocol::Receive(std::string_view bytes, std::string& output,
                                       LoadAnswers& answers) {
  answers_ = &answers;
  const absl::Status status = session_.Receive(bytes, output);
  answers_ = nullptr;
  if (!status.ok()) return status;
  if (unreturned_bytes_ >= kReturnAfter) {
    session_.ReturnWindow(stream_, std::exchange(unreturned_bytes_, 0), output);
  }
  return status_;
}

void PipelineProtocol::OnData(uint32_t /*stream*/, std::string_view bytes) {
  unreturned_bytes_ += static_cast<uint32_t>(bytes.size());
  while (status_.ok()) {
    std::string_view message;
    const absl::StatusOr<bool> is_complete = message_reader_.Next(bytes, message);
    if (is_complete.ok() && !*is_complete) return;
    status_ = is_complete.ok() ? TakeAnswer(message) : is_complete.status();
  }
}

absl::Status PipelineProtocol::TakeAnswer(std::string_view message) {
  const absl::StatusOr<PipelineAnswer> answer = ParsePipelineAnswer(message);
  if (!answer.ok()) return answer.status();
  if (answer->id == 0 || answer->id > requests_) {
    return absl::InternalError(absl::StrCat("an answer to operation ", answer->id));
  }
  const uint64_t number = answer->id - 1;
  if (answer->result_field != result_field_) {
    answers_->Fail(number, absl::StrCat("the result is field ", answer->result_field));
  } else if (answer->result_bytes < result_bytes_min_) {
    answers_->Fail(number, absl::StrCat("a result of ", answer->result_bytes, " bytes"));
  } else {
    answers_->Add(number);
  }
  return absl::OkStatus();
}

void PipelineProtocol::OnEnd(uint32_t /*stream*/, std::string_view problem) {
  status_ = absl::UnavailableError(absl::StrCat("the Pipeline ends: ", std::string(problem)));
}

}  // namespace larder::bench
