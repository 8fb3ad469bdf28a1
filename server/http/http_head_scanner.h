#ifndef LARDER_SERVER_HTTP_HTTP_HEAD_SCANNER_H_
#define LARDER_SERVER_HTTP_HTTP_HEAD_SCANNER_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace larder::server {

// Finds the end of a request's head while it comes, looking at each byte once: so a request is
// refused at the first byte that no head has, in whatever pieces it comes. Lines end with CRLF.
class HttpHeadScanner {
 public:
  enum class Found : uint8_t {
    kNoEnd,
    kEnd,
    kMalformed,
    kLineTooLong,  // the request line alone
    kHeadTooLong,
  };

  explicit HttpHeadScanner(size_t head_bytes_max) : head_bytes_max_(head_bytes_max) {}

  // Goes on, with all bytes from the head's first one. REQUIRES: kNoEnd so far.
  Found Scan(std::string_view bytes);

  // The place where the request line begins, behind an empty line that some clients send; and where
  // what follows the head begins.
  size_t begin() const { return begin_; }
  size_t end() const { return position_; }

 private:
  // Takes one byte; kNoEnd: the next may come.
  Found Take(char byte);
  Found EndLine();

  size_t head_bytes_max_;
  size_t position_ = 0;  // of the next byte to look at
  size_t begin_ = 0;
  size_t lines_ = 0;       // that were not empty
  size_t line_bytes_ = 0;  // of this one
  char previous_ = 0;
};

}  // namespace larder::server

#endif  // LARDER_SERVER_HTTP_HTTP_HEAD_SCANNER_H_
