#include "server/rpc/services/cache_requests.h"

#include "proto/wire/wire_reader.h"

namespace larder::server {
namespace {

// Into what an earlier field of the same number has said, as protobuf merges messages.
bool MergeDuration(std::string_view bytes, std::optional<WireDuration>& duration) {
  if (!duration.has_value()) duration.emplace();
  WireReader reader(bytes);
  while (reader.Next()) {
    if (reader.Is(1, WireType::kVarint)) {
      duration->seconds = static_cast<int64_t>(reader.ReadVarint());
    } else if (reader.Is(2, WireType::kVarint)) {
      duration->nanos = static_cast<int32_t>(reader.ReadVarint());
    } else {
      reader.Skip();
    }
  }
  return reader.ok();
}

bool MergeAck(std::string_view bytes, AckView& ack) {
  WireReader reader(bytes);
  while (reader.Next()) {
    if (reader.Is(1, WireType::kVarint)) {
      ack.level = static_cast<int32_t>(reader.ReadVarint());
    } else if (reader.Is(2, WireType::kVarint)) {
      ack.replicas = static_cast<uint32_t>(reader.ReadVarint());
    } else {
      reader.Skip();
    }
  }
  return reader.ok();
}

}  // namespace

bool ReadGetRequest(std::string_view bytes, GetView& view) {
  bool ok = true;
  WireReader reader(bytes);
  while (ok && reader.Next()) {
    if (reader.Is(1, WireType::kBytes)) {
      view.key = reader.ReadBytes();
    } else if (reader.Is(2, WireType::kBytes)) {
      ok = MergeDuration(reader.ReadBytes(), view.max_staleness);
    } else if (reader.Is(3, WireType::kBytes)) {
      ok = WireReader::IsMessage(reader.ReadBytes());
      view.has_min_position = true;
    } else {
      reader.Skip();
    }
  }
  return ok && reader.ok();
}

std::string_view PeekKey(std::string_view request) {
  WireReader reader(request);
  if (!reader.Next() || !reader.Is(1, WireType::kBytes)) return {};
  return reader.ReadBytes();
}

bool ReadSetRequest(std::string_view bytes, SetView& view) {
  using Kind = ConditionView::Kind;
  bool ok = true;
  WireReader reader(bytes);
  while (ok && reader.Next()) {
    if (reader.Is(1, WireType::kBytes)) {
      view.key = reader.ReadBytes();
    } else if (reader.Is(2, WireType::kBytes)) {
      view.value = reader.ReadBytes();
    } else if (reader.Is(3, WireType::kBytes)) {
      ok = MergeDuration(reader.ReadBytes(), view.ttl);
    } else if (reader.Is(4, WireType::kVarint)) {
      view.flags = static_cast<uint32_t>(reader.ReadVarint());
    } else if (reader.Is(5, WireType::kVarint)) {
      view.keep_ttl = reader.ReadVarint() != 0;
    } else if (reader.Is(6, WireType::kVarint)) {
      view.condition = {.kind = Kind::kIfAbsent, .flag = reader.ReadVarint() != 0};
    } else if (reader.Is(7, WireType::kVarint)) {
      view.condition = {.kind = Kind::kIfPresent, .flag = reader.ReadVarint() != 0};
    } else if (reader.Is(8, WireType::kFixed64)) {
      view.condition = {.kind = Kind::kIfVersion, .version = reader.ReadFixed64()};
    } else if (reader.Is(9, WireType::kBytes)) {
      view.condition = {.kind = Kind::kLeaseToken, .lease_token = reader.ReadBytes()};
    } else if (reader.Is(10, WireType::kBytes)) {
      ok = MergeAck(reader.ReadBytes(), view.ack);
    } else if (reader.Is(11, WireType::kVarint)) {
      view.return_previous = reader.ReadVarint() != 0;
    } else {
      reader.Skip();
    }
  }
  return ok && reader.ok();
}

bool ReadDeleteRequest(std::string_view bytes, DeleteView& view) {
  bool ok = true;
  WireReader reader(bytes);
  while (ok && reader.Next()) {
    if (reader.Is(1, WireType::kBytes)) {
      view.key = reader.ReadBytes();
    } else if (reader.Is(2, WireType::kFixed64)) {
      view.if_version = reader.ReadFixed64();
    } else if (reader.Is(3, WireType::kBytes)) {
      ok = MergeDuration(reader.ReadBytes(), view.serve_stale_for);
    } else {
      reader.Skip();
    }
  }
  return ok && reader.ok();
}

bool ReadMultiGetRequest(std::string_view bytes, size_t items_max, std::vector<GetView>& views,
                         size_t& items) {
  bool ok = true;
  items = 0;
  WireReader reader(bytes);
  while (ok && reader.Next()) {
    if (!reader.Is(1, WireType::kBytes)) {
      reader.Skip();
      continue;
    }
    const std::string_view item = reader.ReadBytes();
    GetView view;
    ok = ReadGetRequest(item, view);
    if (++items <= items_max) views.push_back(view);
  }
  return ok && reader.ok();
}

bool ReadPipelineRequest(std::string_view bytes, PipelineView& view) {
  size_t operations = 0;
  WireReader reader(bytes);
  while (reader.Next()) {
    if (reader.Is(1, WireType::kVarint)) {
      view.id = reader.ReadVarint();
    } else if (reader.field() >= 2 && reader.Is(reader.field(), WireType::kBytes)) {
      ++operations;
      view.operation = reader.field();
      view.request = reader.ReadBytes();
    } else {
      reader.Skip();
    }
  }
  if (operations != 1) view.operation = 0;
  return reader.ok();
}

}  // namespace larder::server
