#include "server/handlers/maintenance_handler.h"

#include <algorithm>
#include <set>
#include <string_view>

#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "server/handlers/request_checks.h"
#include "server/handlers/retry_hint.h"

namespace larder::server {
namespace {

// More than any flag's value needs: it will be part of an error message.
constexpr size_t kConfigValueBytesMax = 256;
constexpr size_t kShownNameBytesMax = 64;
constexpr absl::Duration kDigestRetryAfter = absl::Seconds(1);

const ConfigEntry* FindEntry(const std::vector<ConfigEntry>& entries, std::string_view name) {
  const auto found = std::find_if(entries.begin(), entries.end(),
                                  [&](const ConfigEntry& entry) { return entry.name == name; });
  return found == entries.end() ? nullptr : &*found;
}

// What an error message may show of bytes that a client sent.
std::string Shown(std::string_view name) {
  const std::string_view begin = name.substr(0, kShownNameBytesMax);
  return absl::StrCat("'", absl::CHexEscape(absl::string_view(begin.data(), begin.size())),
                      begin.size() < name.size() ? "...'" : "'");
}

std::string ChangeableNames(const std::vector<ConfigEntry>& entries) {
  std::string names;
  for (const ConfigEntry& entry : entries) {
    if (entry.changeable) absl::StrAppend(&names, names.empty() ? "" : ", ", entry.name);
  }
  return names;
}

// Whether each names another flag that can change.
absl::Status CheckSettings(const std::vector<ConfigSettingView>& settings,
                           const std::vector<ConfigEntry>& entries) {
  std::set<std::string_view> names;
  for (const ConfigSettingView& setting : settings) {
    const ConfigEntry* const entry = FindEntry(entries, setting.name);
    if (entry == nullptr) {
      return absl::InvalidArgumentError(absl::StrCat(
          Shown(setting.name),
          " is no flag of this node; these can change while it runs: ", ChangeableNames(entries)));
    }
    if (!entry->changeable) {
      return absl::InvalidArgumentError(
          absl::StrCat("--", entry->name, " can not change while the node runs, only these can: ",
                       ChangeableNames(entries), "; restart the node with the new value"));
    }
    if (!names.insert(setting.name).second) {
      return absl::InvalidArgumentError(absl::StrCat("--", entry->name, " is set twice"));
    }
    if (setting.value.size() > kConfigValueBytesMax) {
      return absl::InvalidArgumentError(
          absl::StrCat("--", entry->name, ": the value has ", setting.value.size(),
                       " bytes; no flag takes more than ", kConfigValueBytesMax));
    }
  }
  return absl::OkStatus();
}

absl::Status NothingServed() {
  return absl::UnavailableError("this node has no data yet: it takes a copy of another node's");
}

// An error of the background as a client should see it.
absl::Status Of(const char* operation, const absl::Status& status) {
  absl::Status named(status.code(), absl::StrCat(operation, ": ", status.message()));
  const auto hint = RetryHintOf(status);
  return hint.has_value() ? WithRetryHint(std::move(named), *hint) : named;
}

}  // namespace

void MaintenanceHandler::Stats(Reply<StatsAnswer>& reply) {
  reply.Complete({.node = parts_.figures->Read(),
                  .keyspace = parts_.keyspace->Stats(),
                  .memory_bytes = parts_.keyspace->Memory().total(),
                  .memory_limit_bytes = parts_.keyspace->memory_limit_bytes(),
                  .eviction = std::string(storage::EvictionKindName(parts_.eviction))});
}

void MaintenanceHandler::MemoryStats(Reply<MemoryStatsAnswer>& reply) {
  reply.Complete({.usage = parts_.keyspace->Memory(),
                  .limit_bytes = parts_.keyspace->memory_limit_bytes(),
                  .resident_bytes = parts_.figures->Read().resident_bytes});
}

void MaintenanceHandler::SlotStats(const SlotStatsView& request, Reply<SlotStatsAnswer>& reply) {
  const uint32_t last = request.last.value_or(request.first);
  if (const auto status = CheckSlot("SlotStats", "first", request.first); !status.ok()) {
    return reply.Fail(status);
  }
  if (const auto status = CheckSlot("SlotStats", "last", last); !status.ok()) {
    return reply.Fail(status);
  }
  if (last < request.first) {
    return reply.Fail(absl::InvalidArgumentError(
        absl::StrCat("SlotStats: last is ", last, ", less than first, ", request.first)));
  }
  SlotStatsAnswer answer;
  const storage::Keyspace* const keyspace = parts_.keyspace->get();
  if (keyspace == nullptr) return reply.Complete(answer);
  for (uint32_t slot = request.first; slot <= last; ++slot) {
    const storage::SlotStats stats = keyspace->StatsOfSlot(slot);
    if (stats.entries != 0) answer.slots.emplace_back(slot, stats);
  }
  reply.Complete(answer);
}

void MaintenanceHandler::Flush(const FlushView& request, Reply<FlushAnswer>& reply) {
  if (request.slot.has_value()) {
    const auto status = CheckSlot("Flush", "slot", *request.slot);
    if (!status.ok()) return reply.Fail(status);
  }
  parts_.background->Post([this, served = parts_.keyspace, time = parts_.time, slot = request.slot,
                           peer = request.peer, open = OpenReply<Reply<FlushAnswer>>(reply)](
                              const absl::Status& status) mutable {
    if (!status.ok()) return open.Take().Fail(Of("Flush", status));
    const storage::TimePoint now = time->Now();
    storage::Keyspace* const keyspace = served->get();
    if (keyspace == nullptr) return open.Take().Fail(Of("Flush", NothingServed()));
    const auto entries = slot.has_value() ? keyspace->FlushSlot(*slot, now) : keyspace->Flush(now);
    if (!entries.ok()) return open.Take().Fail(Of("Flush", entries.status()));
    Tell(absl::StrCat("Flush of ", slot.has_value() ? absl::StrCat("slot ", *slot) : "all slots",
                      ": ", *entries, " entries; asked for by ", peer));
    open.Take().Complete({.entries = *entries});
  });
}

void MaintenanceHandler::Digest(const DigestView& request, Reply<DigestAnswer>& reply) {
  if (request.slot.has_value()) {
    const auto status = CheckSlot("Digest", "slot", *request.slot);
    if (!status.ok()) return reply.Fail(status);
  }
  if (is_digesting_.exchange(true, std::memory_order_acquire)) {
    return reply.Fail(
        WithRetryHint(absl::ResourceExhaustedError(
                          "Digest: another one is under way; there may be one at a time"),
                      kDigestRetryAfter));
  }
  GoOn(std::make_unique<DigestWalk>(parts_.keyspace, request.slot, &is_digesting_),
       OpenReply<Reply<DigestAnswer>>(reply));
}

void MaintenanceHandler::GoOn(std::unique_ptr<DigestWalk> walk,
                              OpenReply<Reply<DigestAnswer>> open) {
  parts_.background->Post(
      [this, walk = std::move(walk), open = std::move(open)](const absl::Status& status) mutable {
        const absl::StatusOr<bool> has_ended = status.ok() ? walk->Step() : status;
        if (has_ended.ok() && !*has_ended) return GoOn(std::move(walk), std::move(open));
        const storage::ContentDigest digest = walk->digest();
        walk.reset();  // who has the answer may ask for the next one
        if (!has_ended.ok()) return open.Take().Fail(Of("Digest", has_ended.status()));
        open.Take().Complete(
            {.digest = absl::HexStringToBytes(digest.ToString()), .entries = digest.entries()});
      });
}

void MaintenanceHandler::GetConfig(const GetConfigView& request, Reply<GetConfigAnswer>& reply) {
  std::vector<ConfigEntry> entries = parts_.config->Read();
  if (request.name.empty()) return reply.Complete({.values = std::move(entries)});
  const ConfigEntry* const found = FindEntry(entries, request.name);
  if (found == nullptr) {
    return reply.Fail(absl::InvalidArgumentError(
        "GetConfig: name is no flag of this node; leave it empty for all flags"));
  }
  reply.Complete({.values = {*found}});
}

void MaintenanceHandler::SetConfig(const SetConfigView& request, Reply<SetConfigAnswer>& reply) {
  absl::Status status = CheckConfigValues("SetConfig", request.values.size());
  if (!status.ok()) return reply.Fail(status);
  status = CheckSettings(request.values, parts_.config->Read());
  if (status.ok()) status = parts_.config->Change(request.values);
  if (!status.ok()) {
    return reply.Fail(absl::Status(status.code(), absl::StrCat("SetConfig: ", status.message())));
  }
  std::string names;
  for (const ConfigSettingView& setting : request.values) {
    absl::StrAppend(&names, names.empty() ? "--" : ", --", std::string(setting.name));
  }
  Tell(absl::StrCat("SetConfig of ", names, "; asked for by ", request.peer));
  reply.Complete({});
}

void MaintenanceHandler::Tell(const std::string& line) const {
  if (parts_.on_intervention) parts_.on_intervention(line);
}

}  // namespace larder::server
