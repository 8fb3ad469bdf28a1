#include "server/upkeep/incident_report.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace larder::server {
namespace {

// What is said of connections that the node ended for a reason that is the client's; nullptr: no
// more than the metric.
const char* TextOf(ConnectionEnd end) {
  switch (end) {
    case ConnectionEnd::kHandshakeTimeout:
      return "connections ended that did not begin in time (--handshake_timeout)";
    case ConnectionEnd::kKeepaliveTimeout:
      return "connections ended whose clients did not answer (--keepalive_timeout)";
    case ConnectionEnd::kUnreadTimeout:
      return "connections ended whose clients read nothing of their answers (--unread_timeout)";
    case ConnectionEnd::kMemory:
      return "connections ended that held most, and for longest, of what all may hold together "
             "(--max_total_incomplete_bytes, --max_total_unread_bytes)";
    case ConnectionEnd::kProtocolError:
      return "connections ended because what came was no HTTP/2";
    case ConnectionEnd::kFlood:
      return "connections ended by GOAWAY ENHANCE_YOUR_CALM for a flood of frames that bring "
             "nothing, or header blocks that are too large (--max_header_bytes, "
             "--max_total_incomplete_bytes)";
    case ConnectionEnd::kMaxAgeGrace:
      return "connections cut off with their calls (--max_connection_age_grace)";
    case ConnectionEnd::kClient:
    case ConnectionEnd::kDrain:
    case ConnectionEnd::kMaxAge:
      return nullptr;
  }
  return nullptr;
}

}  // namespace

IncidentReport::IncidentReport(const IncidentSources& sources, IncidentListener listener, Time now)
    : listener_(std::move(listener)) {
  kinds_.push_back({"writes refused: memory is full (--memory)",
                    [cache = sources.cache] { return cache->refused_for_memory(); }});
  kinds_.push_back({"requests refused: the node is overloaded (--max_inflight)",
                    [inflight = sources.inflight] { return inflight->refused(); }});
  kinds_.push_back({"connections refused: there are as many as may be (--max_connections)",
                    [table = sources.connections] { return table->refused(); }});
  kinds_.push_back(
      {"times no connection could be accepted: the system has no file or memory left for one "
       "(ulimit -n)",
       [table = sources.connections] { return table->accept_failures(); }});
  kinds_.push_back(
      {"calls refused before they were read: they hold too much, or have too large headers",
       [transport = sources.transport] {
         return transport->ReadRefused(absl::StatusCode::kResourceExhausted);
       }});
  kinds_.push_back(
      {"calls reset: their clients read nothing of the answer (--unread_timeout)",
       [transport = sources.transport] { return transport->Read(StreamReset::kUnreadTimeout); }});
  for (size_t i = 0; i < kConnectionEndNames.size(); ++i) {
    const auto end = static_cast<ConnectionEnd>(i);
    if (const char* const text = TextOf(end); text != nullptr) {
      kinds_.push_back(
          {text, [transport = sources.transport, end] { return transport->Read(end); }});
    }
  }
  for (size_t i = 0; i < kTlsFailureNames.size(); ++i) {
    kinds_.push_back({absl::StrCat("TLS handshakes failed: ", std::string(kTlsFailureNames[i])),
                      [tls = sources.tls, i] { return tls->failures(i); }});
  }
  for (Kind& kind : kinds_) {
    kind.told = kind.read();
    kind.quiet_at = now;
    kind.next_line_at = now;
  }
}

void IncidentReport::Look(Time now) {
  for (Kind& kind : kinds_) {
    const uint64_t count = kind.read();
    if (count != kind.told) {
      if (now < kind.next_line_at) continue;
      const auto seconds = std::chrono::ceil<std::chrono::seconds>(now - kind.quiet_at).count();
      if (listener_) {
        listener_(absl::StrCat(count - kind.told, " ", kind.text, ", in the last ", seconds, " s"));
      }
      kind.told = count;
      kind.next_line_at = now + kPeriod;
    }
    kind.quiet_at = now;
  }
}

}  // namespace larder::server
