#include "tests/bench/hot_path/unary_protocol.h"

#include "absl/strings/str_cat.h"
#include "tests/bench/hot_path/grpc_messages.h"

namespace larder::bench {

UnaryProtocol::UnaryProtocol(const Workload& workload, std::string_view authority,
                             const KeyPicker& keys)
    : request_(MakeRequestMessage(workload)),
      answer_bytes_min_(kGrpcPrefixBytes + AnswerBytesMin(workload)),
      keys_(keys),
      session_(authority, MethodPath(workload.operation), this) {}

void UnaryProtocol::Start(std::string& output) { session_.Start(output); }

void UnaryProtocol::AppendRequest(std::string& output) {
  if (session_.CanOpenStream()) {
    Call(output);
  } else {
    ++held_back_;
  }
}

void UnaryProtocol::Call(std::string& output) {
  body_.clear();
  AppendGrpcPrefix(request_.bytes.size(), body_);
  request_.AppendTo(body_, keys_);
  received_bytes_.push_back(0);
  const uint32_t stream = session_.OpenStream(output);
  session_.SendBody(stream, body_, /*is_last=*/true, output);
}

absl::Status UnaryProtocol::Receive(std::string_view bytes, std::string& output,
                                    LoadAnswers& answers) {
  answers_ = &answers;
  const absl::Status status = session_.Receive(bytes, output);
  answers_ = nullptr;
  for (; held_back_ > 0 && session_.CanOpenStream(); --held_back_) Call(output);
  return status;
}

void UnaryProtocol::OnData(uint32_t stream, std::string_view bytes) {
  received_bytes_[stream / 2] += static_cast<uint32_t>(bytes.size());
}

void UnaryProtocol::OnEnd(uint32_t stream, std::string_view problem) {
  const uint32_t number = stream / 2;
  if (!problem.empty()) {
    answers_->Fail(number, problem);
  } else if (received_bytes_[number] < answer_bytes_min_) {
    answers_->Fail(number, absl::StrCat("an answer of ", received_bytes_[number], " bytes"));
  } else {
    answers_->Add(number);
  }
}

}  // namespace larder::bench
