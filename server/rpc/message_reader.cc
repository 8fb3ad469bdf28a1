#include "server/rpc/message_reader.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace larder::server {

void MessageReader::Keep(std::string_view bytes) {
  const size_t kept = kept_.size() + bytes.size();
  if (kept > kept_.capacity() && kept_.size() >= kMessagePrefixBytes) {
    // Room for the message that has begun, but not for much more than has come of it; all of it
    // when so much has come that to move what is kept takes time, and an address more than memory.
    const size_t whole = kMessagePrefixBytes + MessagePrefix::Read(kept_.data()).message_bytes;
    const size_t some = kMemoryPerByteMax * kept;
    kept_.reserve(std::max(kept, some > kMovedBytesMax ? whole : std::min(whole, some)));
  }
  kept_.append(bytes);
  incomplete_->Add(bytes.size());
}

void MessageReader::PutBack(absl::Span<const std::string_view> messages) {
  std::string front;
  for (const std::string_view message : messages) {
    char prefix[kMessagePrefixBytes];
    MessagePrefix{0, static_cast<uint32_t>(message.size())}.Write(prefix);
    front.append(prefix, sizeof(prefix)).append(message);
  }
  incomplete_->Add(front.size());
  kept_.insert(0, front);
}

std::string_view MessageReader::KeepTaken(std::string_view message, std::string* buffer) {
  size_t at = 0;
  if (buffer == nullptr) {
    kept_ = message;
  } else {
    at = static_cast<size_t>(message.data() - buffer->data());
    kept_ = std::move(*buffer);
  }
  incomplete_->Add(kept_.size());
  return std::string_view(kept_).substr(at, message.size());
}

absl::Status MessageReader::BeginInflation(std::string_view compressed) {
  if (inflater_ != nullptr) return absl::OkStatus();
  inflater_ = std::make_unique<GzipInflater>(compressed, message_bytes_max_);
  inflated_bytes_ = inflater_->bytes();
  incomplete_->Add(inflated_bytes_);
  return incomplete_->Check();
}

std::unique_ptr<GzipInflater> MessageReader::EndInflation() {
  incomplete_->Remove(std::exchange(inflated_bytes_, 0));
  return std::move(inflater_);
}

absl::Status MessageReader::Pass::error() const {
  if (prefix_.compressed_flag > 1)
    return absl::InternalError("the prefix of a message is malformed");
  return absl::ResourceExhaustedError(
      absl::StrCat("a message of ", prefix_.message_bytes, " bytes; the limit is ",
                   reader_.message_bytes_max_, " (--max_request_bytes)"));
}

void MessageReader::Pass::TakeKept() {
  reader_.Keep(rest_);
  taken_ = std::exchange(reader_.kept_, {});
  reader_.incomplete_->Remove(taken_.size());
  rest_ = taken_;
  owns_messages_ = true;
}

void MessageReader::Pass::KeepRest() {
  // What was put back meanwhile comes before it.
  if (!owns_messages_ || !reader_.kept_.empty()) return reader_.Keep(rest_);
  const bool is_mostly_run =
      taken_.capacity() > kReusedBytesMax && rest_.size() < taken_.size() / kMemoryPerByteMax;
  // The memory of what was run is not to be held by the little behind it.
  if (is_mostly_run) return reader_.Keep(rest_);
  reader_.incomplete_->Add(rest_.size());
  taken_.erase(0, taken_.size() - rest_.size());
  reader_.kept_ = std::move(taken_);
}

}  // namespace larder::server
