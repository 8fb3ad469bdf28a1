#ifndef LARDER_TESTS_TESTING_LINK_PROXY_MESSAGE_COUNTER_H_
#define LARDER_TESTS_TESTING_LINK_PROXY_MESSAGE_COUNTER_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace larder::link_proxy {

// Counts the DATA frames and gRPC messages in one direction of a connection that speaks HTTP/2
// without TLS, as its bytes pass. Bytes that are something else are let pass uncounted. Not
// thread-safe.
class MessageCounter {
 public:
  // Takes bytes up to and with the next that ends a DATA frame or a message, or all of them;
  // returns how many.
  size_t Advance(std::string_view bytes);

  uint64_t bytes() const { return bytes_; }
  uint64_t frames() const { return frames_; }
  uint64_t messages() const { return messages_; }

 private:
  // A message of a stream, as much as has come.
  struct Message {
    std::string prefix;  // its five bytes
    uint32_t left = 0;   // bytes after them
  };

  size_t TakeHeader(std::string_view bytes);
  size_t TakePayload(std::string_view bytes);
  size_t TakeMessage(std::string_view bytes);
  void EndFrame();

  uint64_t bytes_ = 0;
  uint64_t frames_ = 0;
  uint64_t messages_ = 0;
  bool is_opaque_ = false;   // not HTTP/2
  std::string header_;       // of the frame that comes, as much as has come
  bool is_preface_ = false;  // what is in header_
  bool in_payload_ = false;
  bool is_data_ = false;
  bool ends_stream_ = false;
  uint32_t stream_ = 0;
  uint32_t left_ = 0;     // of the payload, without padding
  uint32_t padding_ = 0;  // after it
  std::map<uint32_t, Message> messages_of_streams_;
};

}  // namespace larder::link_proxy

#endif  // LARDER_TESTS_TESTING_LINK_PROXY_MESSAGE_COUNTER_H_
