#include "tests/bench/access_trace.h"

#include <memory>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "client/measure/trace_reader.h"

namespace larder::bench {

absl::StatusOr<AccessTrace> ReadAccessTrace(const std::string& path) {
  auto reader = load::TraceReader::Open(path);
  if (!reader.ok()) return absl::InvalidArgumentError(reader.status().message());
  AccessTrace trace;
  trace.has_sizes = true;
  absl::flat_hash_map<std::string, uint32_t> objects;
  load::TraceRequest request;
  while (true) {
    const absl::StatusOr<bool> found = (*reader)->Next(request);
    if (!found.ok()) return absl::InvalidArgumentError(found.status().message());
    if (!*found) break;
    const uint32_t object = objects.try_emplace(request.key, trace.objects).first->second;
    if (object == trace.objects) ++trace.objects;
    trace.has_sizes = trace.has_sizes && request.value_bytes.has_value();
    trace.accesses.push_back({object, request.value_bytes.value_or(0)});
  }
  if (trace.accesses.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": there is no request in it"));
  }
  return trace;
}

}  // namespace larder::bench
