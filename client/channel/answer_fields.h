#ifndef LARDER_CLIENT_CHANNEL_ANSWER_FIELDS_H_
#define LARDER_CLIENT_CHANNEL_ANSWER_FIELDS_H_

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace larder {

// The header fields of one block of an answer, its head or its trailers: what HTTP/2 (RFC 9113,
// section 8) demands of them, and what gRPC says with them. Not thread-safe.
class AnswerFields {
 public:
  // `bytes_max`: of all names and values, with 32 for each field (RFC 9113, section 6.5.2).
  explicit AnswerFields(size_t bytes_max) : bytes_max_(bytes_max) {}

  void Clear();
  // Takes the fields in their order.
  void Add(std::string_view name, std::string_view value);

  // By the rules of HTTP/2. To be asked when all fields were added.
  bool is_head() const { return !is_malformed_ && http_status_ != 0; }
  bool is_trailers() const { return !is_malformed_ && http_status_ == 0; }
  // What came is cut off at bytes_max.
  bool is_too_large() const { return bytes_ > bytes_max_; }

  int http_status() const { return http_status_; }  // 0: there is none
  bool is_informational() const { return http_status_ / 100 == 1; }
  bool is_grpc() const { return is_grpc_; }  // content-type application/grpc, perhaps with more
  // The number of grpc-status; 2 (UNKNOWN) for what is no number of a status.
  std::optional<int> grpc_status() const { return grpc_status_; }
  // grpc-message, decoded.
  std::string message() const;
  // grpc-status-details-bin, decoded; empty if that is impossible.
  std::string details() const;

 private:
  void AddPseudo(std::string_view name, std::string_view value);

  const size_t bytes_max_;
  size_t bytes_ = 0;
  bool is_malformed_ = false;
  bool has_regular_ = false;
  bool is_grpc_ = false;
  int http_status_ = 0;
  std::optional<int> grpc_status_;
  std::string message_;
  std::string details_;
};

}  // namespace larder

#endif  // LARDER_CLIENT_CHANNEL_ANSWER_FIELDS_H_
