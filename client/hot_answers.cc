#include "client/hot_answers.h"

#include <algorithm>
#include <utility>

#include "client/codec.h"
#include "client/messages.h"
#include "client/proto_time.h"
#include "proto/wire/wire_reader.h"

namespace larder {
namespace {

// An answer without these is read by protobuf; see `is_rare` below.
struct Stored {
  uint64_t version = 0;
  bool is_rare = false;
};

bool ReadTimestamp(std::string_view bytes, google::protobuf::Timestamp& timestamp) {
  WireReader reader(bytes);
  while (reader.Next()) {
    if (reader.Is(1, WireType::kVarint)) {
      timestamp.set_seconds(static_cast<int64_t>(reader.ReadVarint()));
    } else if (reader.Is(2, WireType::kVarint)) {
      timestamp.set_nanos(static_cast<int32_t>(reader.ReadVarint()));
    } else {
      reader.Skip();
    }
  }
  return reader.ok();
}

// False: no such message.
bool ReadGet(std::string_view bytes, GetResult& result) {
  bool ok = true;
  std::string_view value;
  bool has_expiry = false;
  google::protobuf::Timestamp expires_at;
  WireReader reader(bytes);
  while (ok && reader.Next()) {
    if (reader.Is(1, WireType::kVarint)) {
      result.found = reader.ReadVarint() != 0;
    } else if (reader.Is(2, WireType::kBytes)) {
      value = reader.ReadBytes();
    } else if (reader.Is(3, WireType::kFixed64)) {
      result.version = reader.ReadFixed64();
    } else if (reader.Is(4, WireType::kBytes)) {
      ok = ReadTimestamp(reader.ReadBytes(), expires_at);
      has_expiry = true;
    } else if (reader.Is(5, WireType::kVarint)) {
      result.flags = static_cast<uint32_t>(reader.ReadVarint());
    } else if (reader.Is(6, WireType::kVarint)) {
      result.stale = reader.ReadVarint() != 0;
    } else {
      reader.Skip();
    }
  }
  if (!ok || !reader.ok()) return false;
  if (!result.found) {
    result = GetResult();
    return true;
  }
  result.value = value;
  if (has_expiry) result.expires_at = FromProto(expires_at);
  return true;
}

Stored ReadStored(std::string_view bytes) {
  Stored stored;
  WireReader reader(bytes);
  while (reader.Next()) {
    if (reader.Is(1, WireType::kFixed64)) {
      stored.version = reader.ReadFixed64();
    } else {
      stored.is_rare = true;
      reader.Skip();
    }
  }
  stored.is_rare |= !reader.ok();
  return stored;
}

// What the second of two fields means, or an error, protobuf knows best.
absl::StatusOr<GetResult> ReadItem(std::string_view bytes) {
  WireReader reader(bytes);
  std::string_view response;
  bool has_response = false;
  bool is_rare = false;
  while (reader.Next()) {
    if (reader.Is(1, WireType::kBytes) && !has_response) {
      response = reader.ReadBytes();
      has_response = true;
    } else {
      is_rare = true;
      reader.Skip();
    }
  }
  if (!reader.ok()) return NoMessage();
  if (has_response && !is_rare) {
    GetResult result;
    if (!ReadGet(response, result)) return NoMessage();
    return result;
  }
  v1::MultiGetResponse whole;
  if (!whole.add_results()->ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return NoMessage();
  }
  absl::StatusOr<MultiGetResult> results = FromProto(whole, 1);
  if (!results.ok()) return results.status();
  return std::move(results->front());
}

}  // namespace

absl::StatusOr<GetResult> ReadGetAnswer(std::string_view bytes, size_t /*items*/) {
  GetResult result;
  if (!ReadGet(bytes, result)) return NoMessage();
  return result;
}

absl::StatusOr<SetResult> ReadSetAnswer(std::string_view bytes, size_t items) {
  WireReader reader(bytes);
  if (reader.Next() && reader.Is(1, WireType::kBytes)) {
    const Stored stored = ReadStored(reader.ReadBytes());
    if (reader.ok() && !stored.is_rare && !reader.Next() && reader.ok()) {
      SetResult result;
      result.stored = true;
      result.version = stored.version;
      return result;
    }
  }
  return ReadAnswer<v1::SetResponse, SetResult>(bytes, items);
}

absl::StatusOr<DeleteResult> ReadDeleteAnswer(std::string_view bytes, size_t /*items*/) {
  DeleteResult result;
  WireReader reader(bytes);
  while (reader.Next()) {
    if (reader.Is(1, WireType::kVarint)) {
      result.deleted = reader.ReadVarint() != 0;
    } else if (reader.Is(2, WireType::kFixed64)) {
      result.current_version = reader.ReadFixed64();
    } else {
      reader.Skip();
    }
  }
  if (!reader.ok()) return NoMessage();
  return result;
}

absl::StatusOr<MultiGetResult> ReadMultiGetAnswer(std::string_view bytes, size_t items) {
  MultiGetResult results;
  results.reserve(std::min(items, bytes.size()));
  WireReader reader(bytes);
  while (reader.Next()) {
    if (reader.Is(1, WireType::kBytes)) {
      results.push_back(ReadItem(reader.ReadBytes()));
      // No part of a damaged message is good.
      if (absl::IsInternal(results.back().status()) && results.back().status() == NoMessage()) {
        return NoMessage();
      }
    } else {
      reader.Skip();
    }
  }
  if (!reader.ok()) return NoMessage();
  // Says what is wrong.
  if (results.size() != items) return ReadItems<v1::MultiGetResponse, MultiGetResult>(bytes, items);
  return results;
}

}  // namespace larder
