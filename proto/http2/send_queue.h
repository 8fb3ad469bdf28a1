#ifndef LARDER_PROTO_HTTP2_SEND_QUEUE_H_
#define LARDER_PROTO_HTTP2_SEND_QUEUE_H_

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/types/span.h"
#include "proto/http2/flood_guard.h"
#include "proto/http2/http2_frame.h"
#include "proto/http2/output_buffer.h"
#include "proto/http2/session_limits.h"
#include "proto/http2/stream.h"

namespace larder::http2 {

// The DATA that the streams of one connection send, for either side: to the output at once if the
// peer's windows and the output have room, or else from where it waits, each stream in turn. Does
// not own the streams; Remove comes before one goes. Not thread-safe.
class SendQueue {
 public:
  class Listener {
   public:
    // All DATA of the stream is sent. `had_to_wait`: for a window or for the socket.
    virtual void OnFlushed(Stream& stream, bool had_to_wait) = 0;

   protected:
    ~Listener() = default;
  };

  // The pointers outlive the queue. Each frame that is sent forgives one that the guard has
  // counted.
  SendQueue(const SessionLimits& limits, OutputBuffer* output, FloodGuard* guard,
            Listener* listener)
      : output_bytes_max_(limits.output_bytes_max),
        lent_bytes_min_(limits.lent_bytes_min),
        output_(output),
        guard_(guard),
        listener_(listener) {}

  // A stream begins with the window that the peer gives to each.
  void Begin(Stream& stream) const { stream.send_window = stream_window_; }
  void Remove(Stream& stream);

  // Whether so many bytes can go to the output at once, behind `waiting_bytes` that are there.
  bool CanSend(const Stream& stream, size_t bytes, size_t waiting_bytes) const {
    return !stream.is_blocked && bytes <= kUnsplitBytesMax &&
           static_cast<int64_t>(bytes) <= SendableBytes(stream, waiting_bytes);
  }
  // Makes a frame of the payload that was written to the output behind room for its header, at this
  // mark; several if the peer does not take frames of that size. REQUIRES: CanSend().
  void CloseData(Stream& stream, size_t frame, size_t payload_bytes);
  // Sends what was added to stream.pending, `bytes`, as far as it can be.
  void SendPending(Stream& stream, size_t bytes);
  // Sends a whole body, with which the stream ends. The bytes are borrowed until they are sent, or
  // the stream is removed.
  void SendBody(Stream& stream, std::string_view body);
  // Sends DATA of a stream that waits, as far as it can be.
  void Flush(Stream& stream);
  // Sends DATA that waits for the connection's window or for the socket.
  void FlushBlocked();

  // WINDOW_UPDATE of the connection or of a stream. False: a window of 2^31 or more.
  [[nodiscard]] bool GrowWindow(uint32_t bytes) {
    window_ += bytes;
    return window_ <= kWindowMax;
  }
  [[nodiscard]] static bool GrowWindow(Stream& stream, int64_t bytes) {
    stream.send_window += bytes;
    return stream.send_window <= kWindowMax;
  }
  // SETTINGS_INITIAL_WINDOW_SIZE. Returns by how much all streams grow.
  int64_t SetStreamWindow(uint32_t bytes) {
    return int64_t{bytes} - int64_t{std::exchange(stream_window_, bytes)};
  }
  // SETTINGS_MAX_FRAME_SIZE.
  void SetFrameBytesMax(uint32_t bytes) {
    // Larger ones would keep what else there is to send waiting.
    frame_bytes_max_ = std::min(bytes, kFrameBytesSentMax);
  }

  // From now on DATA that waits is not copied to the output, but lent to who sends it, unless it is
  // little.
  void EnableLending() { lends_ = true; }
  // DATA waits that may be sent.
  bool CanLend() const { return lends_ && has_blocked() && HasLendable(); }
  // What the stream has pending waits for nothing but the next Lend, and is not much.
  bool IsAboutToBeLent(const Stream& stream) const {
    return lends_ && stream.is_queued && SendableBytes(stream, output_->size()) > 0 &&
           stream.pending.size() < output_bytes_max_;
  }
  // Gives out what is to be sent next: the output, with DATA from where it waits. Nothing else may
  // be called before TakeBack. `pieces`: empty.
  void Lend(std::vector<std::string_view>& pieces);
  // Takes back what was lent: so many bytes were sent, the rest goes to the output.
  void TakeBack(absl::Span<const std::string_view> pieces, size_t sent_bytes);

  void OnSecondsPassed(uint32_t seconds) { seconds_ += seconds; }
  // Nothing of the stream could be sent for longer than that.
  bool IsStuck(const Stream& stream, uint32_t seconds_max) const {
    return stream.is_blocked && seconds_ - stream.progressed_at > seconds_max;
  }
  uint32_t seconds() const { return seconds_; }  // since the connection began
  // A stream waits for the connection's window or for the socket.
  bool has_blocked() const { return !blocked_.empty(); }
  // How much DATA waits in all streams, what is borrowed not counted.
  size_t pending_bytes() const { return pending_bytes_; }
  // Not = {}, which is a list of nothing and leaves a vector its memory.
  void ReleaseMemory() { lent_headers_ = LentHeaders(); }

 private:
  // What goes to the output at once: more would hold up other streams.
  static constexpr size_t kUnsplitBytesMax = size_t{64} << 10;
  static constexpr uint32_t kFrameBytesSentMax = 64u << 10;
  static constexpr size_t kLentFramesMax = 64;  // at a time
  using LentHeaders = std::vector<std::array<char, FrameHeader::kBytes>>;

  // By the windows, and while the output is not full.
  int64_t SendableBytes(const Stream& stream, size_t waiting_bytes) const {
    return waiting_bytes >= output_bytes_max_ ? 0 : std::min(window_, stream.send_window);
  }
  void CountSent(Stream& stream, size_t payload_bytes) {
    window_ -= static_cast<int64_t>(payload_bytes);
    stream.send_window -= static_cast<int64_t>(payload_bytes);
    stream.progressed_at = seconds_;
    guard_->OnAnswered();
  }
  void MarkFlushed(Stream& stream) {
    listener_->OnFlushed(stream, std::exchange(stream.is_blocked, false));
  }
  bool HasLendable() const;
  void Block(Stream& stream);
  // Takes the first one out of blocked_; nullptr: it waits no more.
  Stream* NextBlocked();
  // Returns how many bytes of payload it has added.
  size_t LendFrom(Stream& stream, size_t bytes_max, std::vector<std::string_view>& pieces);
  void LendFrame(Stream& stream, std::string_view payload, std::vector<std::string_view>& pieces);

  const uint32_t output_bytes_max_;
  const uint32_t lent_bytes_min_;
  OutputBuffer* const output_;
  FloodGuard* const guard_;
  Listener* const listener_;
  int64_t window_ = kDefaultWindow;
  uint32_t stream_window_ = kDefaultWindow;
  uint32_t frame_bytes_max_ = kDefaultFrameBytesMax;
  uint32_t seconds_ = 0;
  size_t pending_bytes_ = 0;
  bool lends_ = false;
  std::deque<Stream*> blocked_;
  LentHeaders lent_headers_;                            // does not grow
  std::vector<OutputBuffer> lent_buffers_;              // all that was pending in a stream
  std::vector<std::pair<Stream*, size_t>> lent_parts_;  // bytes at the beginning of what waits
};

}  // namespace larder::http2

#endif  // LARDER_PROTO_HTTP2_SEND_QUEUE_H_
