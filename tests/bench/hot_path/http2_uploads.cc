#include "tests/bench/hot_path/http2_uploads.h"

#include <algorithm>

namespace larder::bench {

void Http2Uploads::Send(uint32_t stream, std::string_view bytes, bool is_last,
                        std::string& output) {
  Upload* upload = Find(stream);
  Upload begun{stream, initial_window_};
  Upload& target = upload != nullptr ? *upload : begun;
  target.is_last = is_last;
  // What is held back of the stream is not overtaken: it is so because a window is empty.
  AppendFrames(target, bytes, output);
  target.held_back.append(bytes);
  if (upload == nullptr && !begun.IsOver()) uploads_.push_back(std::move(begun));
  if (upload != nullptr && upload->IsOver()) Forget(stream);
}

void Http2Uploads::Forget(uint32_t stream) {
  std::erase_if(uploads_, [stream](const Upload& upload) { return upload.stream == stream; });
}

void Http2Uploads::GrowConnectionWindow(uint32_t bytes, std::string& output) {
  connection_window_ += bytes;
  SendAllHeldBack(output);
}

void Http2Uploads::GrowWindow(uint32_t stream, uint32_t bytes, std::string& output) {
  Upload* const upload = Find(stream);
  if (upload == nullptr) return;
  upload->window += bytes;
  SendHeldBack(*upload, output);
  if (upload->IsOver()) Forget(stream);
}

void Http2Uploads::SetInitialWindow(uint32_t bytes, std::string& output) {
  for (Upload& upload : uploads_) upload.window += int64_t{bytes} - initial_window_;
  initial_window_ = bytes;
  SendAllHeldBack(output);
}

Http2Uploads::Upload* Http2Uploads::Find(uint32_t stream) {
  for (Upload& upload : uploads_) {
    if (upload.stream == stream) return &upload;
  }
  return nullptr;
}

void Http2Uploads::AppendFrames(Upload& upload, std::string_view& bytes, std::string& output) {
  while (!bytes.empty()) {
    const int64_t room = std::min({upload.window, connection_window_, int64_t{frame_bytes_max_}});
    if (room <= 0) return;
    const size_t sent = std::min(bytes.size(), static_cast<size_t>(room));
    Http2Frame frame{Http2FrameType::kData, 0, upload.stream, bytes.substr(0, sent)};
    bytes.remove_prefix(sent);
    if (upload.is_last && bytes.empty()) frame.flags = kHttp2EndStream;
    AppendFrame(frame, output);
    upload.window -= static_cast<int64_t>(sent);
    connection_window_ -= static_cast<int64_t>(sent);
  }
}

void Http2Uploads::SendHeldBack(Upload& upload, std::string& output) {
  std::string_view left = std::string_view(upload.held_back).substr(upload.held_back_begin);
  AppendFrames(upload, left, output);
  upload.held_back_begin = upload.held_back.size() - left.size();
  if (upload.HoldsBack()) return;
  upload.held_back.clear();
  upload.held_back_begin = 0;
}

void Http2Uploads::SendAllHeldBack(std::string& output) {
  for (Upload& upload : uploads_) SendHeldBack(upload, output);
  std::erase_if(uploads_, [](const Upload& upload) { return upload.IsOver(); });
}

}  // namespace larder::bench
