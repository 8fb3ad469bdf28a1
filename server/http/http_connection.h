#ifndef LARDER_SERVER_HTTP_HTTP_CONNECTION_H_
#define LARDER_SERVER_HTTP_HTTP_CONNECTION_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "server/http/http_head_scanner.h"
#include "server/http/http_limits.h"
#include "server/http/http_page.h"
#include "server/http/http_request.h"

namespace larder::server {

// What is said on one connection, without its socket: requests in, answers out, one after the
// other. Keeps no more than a request of the size that is allowed and one answer: asks for no
// input while an answer waits. Not thread-safe.
class HttpConnection {
 public:
  // Both outlive it.
  HttpConnection(const HttpLimits* limits, const HttpPages* pages);

  // How many bytes it takes now.
  size_t wanted_bytes() const;
  // REQUIRES: as many as it takes at most.
  void Receive(std::string_view bytes);
  // The client sends no more. What it has asked for is answered.
  void ReceiveEnd();

  // Says whether requests may wait behind the one that was answered last.
  bool has_more() const { return state_ == State::kHead && must_scan_; }
  // Answers the next of them, if it is whole.
  void Continue();

  // The answer, as far as it was not sent.
  std::string_view unsent() const;
  void MarkSent(size_t bytes);

  // Says whether a request has come in part.
  bool is_in_request() const;
  // Answers a request that has come in part, as the last one.
  void Refuse(const HttpRefusal& refusal);

  // Says whether all was said. What still comes is nothing to it.
  bool is_over() const { return state_ == State::kOver; }
  // Memory for what came and for what is to be sent.
  size_t kept_bytes() const { return input_.capacity() + output_.capacity(); }
  // Requests that became whole or were refused, and answers that were sent: so many times it came
  // further.
  uint64_t steps() const { return steps_; }

 private:
  enum class State : uint8_t {
    kHead,    // one comes
    kBody,    // one comes, and is thrown away; the answer is written
    kAnswer,  // is sent; then, unless it was the last, the next head may come
    kOver,
  };

  struct Answer {
    int status = 200;
    std::string_view content_type = "text/plain; charset=utf-8";
    std::string_view more_fields;  // each with CRLF
    std::string_view body;
  };

  void TakeHead();
  void AnswerTo(const HttpRequest& request);
  void AnswerWith(const HttpPage& page, const HttpRequest& request);
  void Write(const Answer& answer);
  // Sends what is written.
  void BeginAnswer();

  const HttpLimits* const limits_;
  const HttpPages* const pages_;
  State state_ = State::kHead;
  std::string input_;  // from the beginning of a head on, which is not whole
  HttpHeadScanner scanner_;
  bool must_scan_ = false;  // there is input that was not looked at
  bool has_ended_ = false;  // ReceiveEnd
  size_t body_left_ = 0;
  std::string output_;
  size_t sent_ = 0;
  bool is_last_ = false;  // the answer
  bool has_body_ = true;  // the answer: HEAD has none
  uint64_t steps_ = 0;
};

}  // namespace larder::server

#endif  // LARDER_SERVER_HTTP_HTTP_CONNECTION_H_
