#ifndef LARDER_CLIENT_CLI_JSON_H_
#define LARDER_CLIENT_CLI_JSON_H_

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "client/load/report.h"
#include "client/replication_types.h"
#include "client/types.h"

namespace larder::cli {

using Json = nlohmann::ordered_json;

// What --json prints. Names are those of the proto files. Versions are strings, as in protobuf's
// JSON, because many readers of JSON cannot hold 64 bits in a number.

// A string if the bytes are UTF-8, else {"base64": "..."}.
Json BytesToJson(std::string_view bytes);

// Adds value, version, expires_at (unless never) and flags.
void AddEntry(const Entry& entry, Json& json);

// Of an error: `error`, the name of its code, and `message`.
Json ErrorJson(const absl::Status& status);

Json ToJson(const StatsResult& stats);
Json ToJson(const ReplicationResult& replication);
Json ToJson(const load::Report& report);

// On one line, with its newline.
std::string ToLine(const Json& json);

}  // namespace larder::cli

#endif  // LARDER_CLIENT_CLI_JSON_H_
