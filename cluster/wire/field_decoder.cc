#include "cluster/wire/field_decoder.h"

#include <algorithm>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "larder/peer/v1/position.pb.h"

namespace larder::cluster {
namespace {

constexpr size_t kNodeIdBytes = 16;

uint64_t BigEndianOf(std::string_view bytes) {
  uint64_t number = 0;
  for (const char byte : bytes) number = number << 8 | static_cast<unsigned char>(byte);
  return number;
}

bool IsUnprintable(char character) { return character < 0x20 || character > 0x7e; }

}  // namespace

void FieldDecoder::Refuse(std::string_view field, const std::string& why) {
  if (!status_.ok()) return;
  status_ = absl::InvalidArgumentError(
      absl::StrCat(absl::string_view(message_.data(), message_.size()), ".",
                   absl::string_view(field.data(), field.size()), ": ", why));
}

NodeId FieldDecoder::Node(std::string_view field, const std::string& bytes) {
  if (bytes.size() != kNodeIdBytes) {
    Refuse(field, absl::StrCat(bytes.size(), " bytes; a node id has ", kNodeIdBytes));
    return {};
  }
  const std::string_view view(bytes);
  const NodeId node{BigEndianOf(view.substr(0, kNodeIdBytes / 2)),
                    BigEndianOf(view.substr(kNodeIdBytes / 2))};
  if (!node.is_set()) Refuse(field, "a node id of zeros, which is nobody's");
  return node;
}

Epoch FieldDecoder::ReadEpoch(std::string_view field, const peer::v1::Epoch& epoch) {
  if (epoch.term() == 0) {
    Refuse(field, "an epoch is missing, or its term is 0");
    return {};
  }
  if (const uint64_t most = std::max(epoch.term(), epoch.incarnation()); most > Epoch::kNumberMax) {
    Refuse(field,
           absl::StrCat("an epoch with the number ", most, "; the limit is ", Epoch::kNumberMax));
    return {};
  }
  return {epoch.term(), epoch.incarnation(), Node(field, epoch.node_id())};
}

Epoch FieldDecoder::ReadEpochIf(bool is_there, std::string_view field,
                                const peer::v1::Epoch& epoch) {
  return is_there ? ReadEpoch(field, epoch) : Epoch{};
}

Position FieldDecoder::ReadPosition(std::string_view field, const peer::v1::Position& position) {
  return {ReadEpoch(field, position.epoch()), position.sequence()};
}

History FieldDecoder::ReadHistory(std::string_view field, const peer::v1::History& history) {
  History::Parts parts{
      .beginnings = {}, .forgot = history.forgot(), .began_empty = history.began_empty()};
  const auto count = static_cast<size_t>(history.beginnings_size());
  if (count > History::kEpochsMax) {
    Refuse(field, absl::StrCat(count, " epochs; a history has at most ", History::kEpochsMax));
    return {};
  }
  parts.beginnings.reserve(count);
  for (const peer::v1::History::Beginning& beginning : history.beginnings()) {
    parts.beginnings.push_back({ReadEpoch(field, beginning.epoch()), beginning.first()});
  }
  if (!ok()) return {};
  absl::StatusOr<History> created = History::Create(std::move(parts));
  if (!created.ok()) {
    Refuse(field, std::string(created.status().message()));
    return {};
  }
  return *std::move(created);
}

std::string FieldDecoder::Text(std::string_view field, std::string* text, size_t bytes_max) {
  if (std::any_of(text->begin(), text->end(), IsUnprintable)) {
    Refuse(field, "a byte that is not printable ASCII");
  }
  return Bytes(field, text, bytes_max);
}

std::string FieldDecoder::Bytes(std::string_view field, std::string* bytes, size_t bytes_max) {
  if (bytes->size() > bytes_max) {
    Refuse(field, absl::StrCat(bytes->size(), " bytes; at most ", bytes_max));
    return {};
  }
  return std::move(*bytes);
}

uint64_t FieldDecoder::Number(std::string_view field, uint64_t number, uint64_t max) {
  if (number > max) Refuse(field, absl::StrCat(number, "; at most ", max));
  return number;
}

}  // namespace larder::cluster
