#include "server/http/http_connection.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"

namespace larder::server {
namespace {

constexpr std::string_view kAllow = "Allow: GET, HEAD\r\n";

std::string_view ReasonPhrase(int status) {
  constexpr std::pair<int, std::string_view> kPhrases[] = {
      {200, "OK"},
      {400, "Bad Request"},
      {404, "Not Found"},
      {405, "Method Not Allowed"},
      {408, "Request Timeout"},
      {411, "Length Required"},
      {413, "Content Too Large"},
      {414, "URI Too Long"},
      {417, "Expectation Failed"},
      {431, "Request Header Fields Too Large"},
      {501, "Not Implemented"},
      {503, "Service Unavailable"},
      {505, "HTTP Version Not Supported"},
  };
  const auto* const found =
      std::find_if(std::begin(kPhrases), std::end(kPhrases),
                   [&](const auto& phrase) { return phrase.first == status; });
  return found == std::end(kPhrases) ? "" : found->second;
}

// An assignment of an empty string, as clear(), would keep the memory.
void Release(std::string& text) { std::string().swap(text); }

HttpRefusal TooLong(int status, const char* what, size_t bytes_max) {
  return {status,
          absl::StrCat(what, " has more than ", bytes_max, " bytes (--metrics_max_request_bytes)")};
}

}  // namespace

HttpConnection::HttpConnection(const HttpLimits* limits, const HttpPages* pages)
    : limits_(limits), pages_(pages), scanner_(limits->request_bytes_max) {}

size_t HttpConnection::wanted_bytes() const {
  if (has_ended_) return 0;
  if (state_ == State::kBody) return body_left_;
  if (state_ == State::kHead) return limits_->request_bytes_max - input_.size();
  return 0;
}

void HttpConnection::Receive(std::string_view bytes) {
  if (state_ == State::kBody) {
    body_left_ -= bytes.size();
    if (body_left_ == 0) BeginAnswer();
    return;
  }
  input_.append(bytes);
  must_scan_ = true;
  Continue();
}

void HttpConnection::ReceiveEnd() {
  has_ended_ = true;
  if (state_ == State::kBody || (state_ == State::kHead && !must_scan_)) state_ = State::kOver;
}

void HttpConnection::Continue() {
  if (!has_more()) return;
  using Found = HttpHeadScanner::Found;
  const Found found = scanner_.Scan(input_);
  switch (found) {
    case Found::kNoEnd:
      must_scan_ = false;
      if (has_ended_) state_ = State::kOver;
      return;
    case Found::kEnd:
      return TakeHead();
    case Found::kMalformed:
      return Refuse({400, "the request is not HTTP/1.1 with lines that end with CRLF"});
    case Found::kLineTooLong:
      return Refuse(TooLong(414, "the request line", limits_->request_bytes_max));
    case Found::kHeadTooLong:
      return Refuse(TooLong(431, "the head of the request", limits_->request_bytes_max));
  }
}

void HttpConnection::TakeHead() {
  const std::string_view head =
      std::string_view(input_).substr(scanner_.begin(), scanner_.end() - scanner_.begin());
  const auto parsed = ParseHttpRequest(head, limits_->request_bytes_max);
  if (const auto* const refusal = std::get_if<HttpRefusal>(&parsed)) return Refuse(*refusal);
  const HttpRequest& request = std::get<HttpRequest>(parsed);
  // A client that waits for leave to send its body gets the answer instead, and may not send it.
  is_last_ = !request.keeps_connection || request.awaits_continue;
  body_left_ = request.awaits_continue ? 0 : request.body_bytes;
  has_body_ = request.method != "HEAD";
  AnswerTo(request);
  const size_t body_bytes = std::min(body_left_, input_.size() - scanner_.end());
  body_left_ -= body_bytes;
  input_.erase(0, scanner_.end() + body_bytes);
  scanner_ = HttpHeadScanner(limits_->request_bytes_max);
  state_ = State::kBody;
  if (body_left_ == 0) BeginAnswer();
}

void HttpConnection::AnswerTo(const HttpRequest& request) {
  if (request.path.empty()) {
    return Write({.status = 405, .more_fields = kAllow, .body = "only GET and HEAD\n"});
  }
  const auto page = std::find_if(pages_->begin(), pages_->end(), [&](const HttpPage& candidate) {
    return candidate.path == request.path;
  });
  if (page == pages_->end()) return Write({.status = 404, .body = "there is no such page\n"});
  if (request.method != "GET" && request.method != "HEAD") {
    return Write({.status = 405, .more_fields = kAllow, .body = "only GET and HEAD\n"});
  }
  AnswerWith(*page, request);
}

void HttpConnection::AnswerWith(const HttpPage& page, const HttpRequest& request) {
  Answer answer{.content_type = page.content_type};
  if (page.read_gzip && request.accepts_gzip) {
    if (const std::optional<std::string> compressed = page.read_gzip(); compressed.has_value()) {
      answer.more_fields = "Vary: Accept-Encoding\r\nContent-Encoding: gzip\r\n";
      answer.body = *compressed;
      return Write(answer);
    }
  }
  if (page.read_gzip) answer.more_fields = "Vary: Accept-Encoding\r\n";
  const HttpContent content = page.read();
  answer.status = content.status;
  answer.body = content.text;
  Write(answer);
}

void HttpConnection::Write(const Answer& answer) {
  const auto text = [](std::string_view view) {
    return absl::string_view(view.data(), view.size());
  };
  output_ = absl::StrCat(
      "HTTP/1.1 ", answer.status, " ", text(ReasonPhrase(answer.status)),
      "\r\nContent-Type: ", text(answer.content_type), "\r\nContent-Length: ", answer.body.size(),
      "\r\n", text(answer.more_fields), "Connection: ", is_last_ ? "close" : "keep-alive",
      "\r\n\r\n", has_body_ ? text(answer.body) : "");
}

void HttpConnection::BeginAnswer() {
  state_ = State::kAnswer;
  must_scan_ = !input_.empty();
  // Not kept, as the output: a connection that is idle is to cost nothing.
  if (input_.empty()) Release(input_);
  ++steps_;
}

std::string_view HttpConnection::unsent() const {
  if (state_ != State::kAnswer) return {};
  return std::string_view(output_).substr(sent_);
}

void HttpConnection::MarkSent(size_t bytes) {
  sent_ += bytes;
  if (sent_ < output_.size()) return;
  Release(output_);
  sent_ = 0;
  ++steps_;
  const bool is_over = is_last_ || (has_ended_ && !must_scan_);
  state_ = is_over ? State::kOver : State::kHead;
}

bool HttpConnection::is_in_request() const {
  return state_ == State::kBody || (state_ == State::kHead && input_.size() > scanner_.begin());
}

void HttpConnection::Refuse(const HttpRefusal& refusal) {
  is_last_ = true;
  if (state_ == State::kHead) has_body_ = input_.compare(scanner_.begin(), 5, "HEAD ") != 0;
  Write({.status = refusal.status, .body = absl::StrCat(refusal.reason, "\n")});
  Release(input_);
  BeginAnswer();
}

}  // namespace larder::server
