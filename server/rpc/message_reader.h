#ifndef LARDER_SERVER_RPC_MESSAGE_READER_H_
#define LARDER_SERVER_RPC_MESSAGE_READER_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "server/rpc/gzip_inflater.h"
#include "server/rpc/incomplete_bytes.h"
#include "server/rpc/message_prefix.h"

namespace larder::server {

// Parts the body of a request into its length-prefixed messages, which a Pass goes through. Keeps
// what was not taken, counted as incomplete bytes of the connection, as is what a compressed
// message will inflate to. Not thread-safe.
class MessageReader {
 public:
  class Pass;
  // What is at the front of a body.
  enum class [[nodiscard]] Found : uint8_t {
    kIncomplete,  // not the whole of a message
    kMessage,
    kInvalid,  // a message that is not to be read, and nothing behind it
  };

  // Reads another body; Release was called since the one before. `incomplete` outlives it.
  void Begin(IncompleteBytes* incomplete, size_t message_bytes_max) {
    incomplete_ = incomplete;
    message_bytes_max_ = message_bytes_max;
    allows_gzip_ = false;
  }
  // The request has said grpc-encoding: gzip.
  void AllowGzip() { allows_gzip_ = true; }
  bool allows_gzip() const { return allows_gzip_; }

  // Keeps bytes behind what is kept.
  void Keep(std::string_view bytes);
  // Keeps messages that were taken before what is kept.
  void PutBack(absl::Span<const std::string_view> messages);
  // Keeps a message that was taken, while it runs on, and returns where it is from now on. Its
  // memory is taken over if it lies in `buffer`, or copied if that is nullptr.
  std::string_view KeepTaken(std::string_view message, std::string* buffer);
  bool is_empty() const { return kept_.empty(); }
  // RESOURCE_EXHAUSTED: something is kept, and the connection or the node keeps too much.
  absl::Status CheckKept() const { return kept_.empty() ? absl::OkStatus() : incomplete_->Check(); }

  // Begins to inflate a message, unless it was begun. To be given the same bytes as the steps.
  // RESOURCE_EXHAUSTED: the connection or the node would keep too much.
  absl::Status BeginInflation(std::string_view compressed);
  // False: it has ended, well or not.
  bool InflateStep(std::string_view compressed) { return inflater_->Step(compressed); }
  // Gives away what the last step has left.
  std::unique_ptr<GzipInflater> EndInflation();

  // Forgets what is kept.
  void Clear() {
    if (inflater_ != nullptr) EndInflation().reset();
    if (kept_.empty()) return;
    incomplete_->Remove(kept_.size());
    kept_.clear();
  }
  // Forgets it with its memory, unless that is little.
  void Release() {
    Clear();
    if (kept_.capacity() > kReusedBytesMax) std::string().swap(kept_);
  }
  // Memory for what is kept.
  size_t capacity() const { return kept_.capacity(); }

 private:
  static constexpr size_t kReusedBytesMax = 4096;
  static constexpr size_t kMemoryPerByteMax = 4;  // of what is kept
  // What is kept does not move once it is longer. Memory that nothing was written to yet costs
  // nothing but its addresses.
  static constexpr size_t kMovedBytesMax = size_t{256} << 10;

  IncompleteBytes* incomplete_ = nullptr;
  size_t message_bytes_max_ = 0;
  bool allows_gzip_ = false;
  std::string kept_;
  std::unique_ptr<GzipInflater> inflater_;  // of the message at the front of what is kept
  size_t inflated_bytes_ = 0;               // counted for inflater_
};

// Goes through the messages that are whole among what is kept and the bytes that came. They are
// views of those bytes or, if anything was kept, of the pass. That is on the stack of who runs
// them, since what runs may end the call, and its reader; the pass may then only be destroyed.
class MessageReader::Pass {
 public:
  // `bytes`: outlive the pass, or what it gives if they came when nothing was kept.
  Pass(MessageReader* reader, std::string_view bytes) : reader_(*reader), rest_(bytes) {
    if (!reader->kept_.empty()) TakeKept();
  }
  Pass(const Pass&) = delete;
  Pass& operator=(const Pass&) = delete;

  // Looks at what is at the front now.
  Found Look() {
    if (rest_.size() < kMessagePrefixBytes) return Found::kIncomplete;
    prefix_ = MessagePrefix::Read(rest_.data());
    if (prefix_.compressed_flag > 1 || prefix_.message_bytes > reader_.message_bytes_max_) {
      return Found::kInvalid;
    }
    return rest_.size() < whole_bytes() ? Found::kIncomplete : Found::kMessage;
  }

  // What Look has found, if it was kMessage.
  std::string_view message() const {
    return {rest_.data() + kMessagePrefixBytes, prefix_.message_bytes};
  }
  bool is_compressed() const { return prefix_.compressed_flag == 1; }
  // Nothing has come behind it.
  bool is_last() const { return rest_.size() == whole_bytes(); }
  std::string_view TakeMessage() {
    const std::string_view taken = message();
    rest_.remove_prefix(whole_bytes());
    return taken;
  }
  // Why Look has found kInvalid. INTERNAL: its prefix is malformed. RESOURCE_EXHAUSTED: it is
  // longer than a message may be.
  absl::Status error() const;

  // Whether messages are views of the pass, and go with it.
  bool owns_messages() const { return owns_messages_; }
  // What they lie in then, which may be taken away behind the last one; else nullptr.
  std::string* buffer() { return owns_messages_ ? &taken_ : nullptr; }
  // Ends the pass: what was not taken is kept.
  void KeepRest();

 private:
  size_t whole_bytes() const { return kMessagePrefixBytes + size_t{prefix_.message_bytes}; }
  void TakeKept();

  MessageReader& reader_;
  std::string_view rest_;
  MessagePrefix prefix_{};  // of the message at the front
  bool owns_messages_ = false;
  std::string taken_;  // what was kept, and what came behind it
};

}  // namespace larder::server

#endif  // LARDER_SERVER_RPC_MESSAGE_READER_H_
