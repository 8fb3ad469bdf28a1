#include "client/cli/json.h"

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "client/flags/units.h"

namespace larder::cli {
namespace {

// RFC 3629: no overlong forms, no surrogates, at most U+10FFFF.
bool IsUtf8(std::string_view bytes) {
  for (size_t i = 0; i < bytes.size();) {
    const auto at = [&](size_t k) { return static_cast<unsigned char>(bytes[i + k]); };
    const unsigned char lead = at(0);
    size_t more = 0;
    unsigned char second_min = 0x80;
    unsigned char second_max = 0xbf;
    if (lead < 0x80) {
      ++i;
      continue;
    }
    if (lead >= 0xc2 && lead <= 0xdf) {
      more = 1;
    } else if (lead >= 0xe0 && lead <= 0xef) {
      more = 2;
      if (lead == 0xe0) second_min = 0xa0;
      if (lead == 0xed) second_max = 0x9f;
    } else if (lead >= 0xf0 && lead <= 0xf4) {
      more = 3;
      if (lead == 0xf0) second_min = 0x90;
      if (lead == 0xf4) second_max = 0x8f;
    } else {
      return false;
    }
    if (i + more >= bytes.size()) return false;
    if (at(1) < second_min || at(1) > second_max) return false;
    for (size_t k = 2; k <= more; ++k) {
      if (at(k) < 0x80 || at(k) > 0xbf) return false;
    }
    i += more + 1;
  }
  return true;
}

Json LatencyJson(const load::Histogram& latency) {
  const auto us = [](absl::Duration duration) { return absl::ToDoubleMicroseconds(duration); };
  return {{"count", latency.count()},          {"mean", us(latency.Mean())},
          {"p50", us(latency.Quantile(0.5))},  {"p90", us(latency.Quantile(0.9))},
          {"p99", us(latency.Quantile(0.99))}, {"p99.9", us(latency.Quantile(0.999))},
          {"max", us(latency.max())}};
}

}  // namespace

Json BytesToJson(std::string_view bytes) {
  if (IsUtf8(bytes)) return std::string(bytes);
  return {{"base64", absl::Base64Escape(absl::string_view(bytes.data(), bytes.size()))}};
}

void AddEntry(const Entry& entry, Json& json) {
  json["value"] = BytesToJson(entry.value);
  json["version"] = absl::StrCat(entry.version);
  if (entry.expires_at != absl::InfiniteFuture())
    json["expires_at"] = FormatTimestamp(entry.expires_at);
  json["flags"] = entry.flags;
}

Json ErrorJson(const absl::Status& status) {
  return {{"error", absl::StatusCodeToString(status.code())},
          {"message", BytesToJson(std::string(status.message()))}};
}

Json ToJson(const StatsResult& stats) {
  Json json = {{"version", stats.version},
               {"uptime_seconds", absl::ToDoubleSeconds(stats.uptime)},
               {"entries", stats.entries},
               {"memory_bytes", stats.memory_bytes},
               {"memory_limit_bytes", stats.memory_limit_bytes},
               {"resident_bytes", stats.resident_bytes},
               {"eviction", stats.eviction},
               {"hits", stats.hits},
               {"misses", stats.misses},
               {"evictions", stats.evictions},
               {"expirations", stats.expirations},
               {"leases_granted", stats.leases_granted},
               {"leases_granted_early", stats.leases_granted_early},
               {"leases_held", stats.leases_held},
               {"leases_lost", stats.leases_lost},
               {"connections", stats.connections},
               {"requests", Json::object()}};
  for (const auto& [method, count] : stats.requests) json["requests"][method] = count;
  return json;
}

Json ToJson(const load::Report& report) {
  Json errors = Json::object();
  for (const auto& [code, count] : report.errors) errors[absl::StatusCodeToString(code)] = count;
  const bool read = report.hits + report.misses > 0;
  Json json = {
      {"operations", report.operations()},
      {"gets", report.gets},
      {"sets", report.sets},
      {"elapsed_seconds", absl::ToDoubleSeconds(report.elapsed)},
      {"operations_per_second", report.operations_per_second()},
      {"hits", report.hits},
      {"misses", report.misses},
      {"hit_ratio", read ? Json(report.hit_ratio()) : Json()},
      {"miss_ratio", read ? Json(1 - report.hit_ratio()) : Json()},
      {"errors_total", report.errors_total()},
      {"errors", errors},
      {"wrong_values", report.wrong_values},
      {"unsent", report.unsent},
      {"gave_up", report.gave_up},
      {"latency_us",
       {{"get", LatencyJson(report.get_latency)}, {"set", LatencyJson(report.set_latency)}}}};
  if (!report.first_error.empty()) json["first_error"] = BytesToJson(report.first_error);
  return json;
}

std::string ToLine(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace larder::cli
