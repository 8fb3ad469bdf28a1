#ifndef LARDER_SERVER_HANDLERS_KEPT_REQUEST_H_
#define LARDER_SERVER_HANDLERS_KEPT_REQUEST_H_

#include <cstddef>
#include <cstring>
#include <memory>
#include <string_view>

#include "server/handlers/request_views.h"

namespace larder::server {

// Calls `act` with each of the bytes that a request borrows.
template <typename Act>
void ForBytesOf(SetView& view, Act act) {
  act(view.key);
  act(view.value);
  act(view.condition.lease_token);
}
template <typename Act>
void ForBytesOf(DeleteView& view, Act act) {
  act(view.key);
}
template <typename Act>
void ForBytesOf(TouchView& view, Act act) {
  act(view.key);
}
template <typename Act>
void ForBytesOf(IncrementView& view, Act act) {
  act(view.key);
}
template <typename Act>
void ForBytesOf(AppendView& view, Act act) {
  act(view.key);
  act(view.value);
}

// A request that is kept after its handler has returned, with the bytes that it borrowed.
template <typename View>
class KeptRequest {
 public:
  // Of one that is kept.
  static size_t BytesFor(View view) {
    size_t bytes = sizeof(KeptRequest);
    ForBytesOf(view, [&](std::string_view part) { bytes += part.size(); });
    return bytes;
  }

  explicit KeptRequest(const View& view)
      : view_(view), size_(BytesFor(view)), bytes_(new char[size_ - sizeof(*this)]) {
    char* at = bytes_.get();
    ForBytesOf(view_, [&at](std::string_view& part) {
      if (part.empty()) return;
      std::memcpy(at, part.data(), part.size());
      part = {at, part.size()};
      at += part.size();
    });
  }

  const View& view() const { return view_; }
  size_t bytes() const { return size_; }

 private:
  View view_;
  size_t size_;  // of all
  std::unique_ptr<char[]> bytes_;
};

}  // namespace larder::server

#endif  // LARDER_SERVER_HANDLERS_KEPT_REQUEST_H_
