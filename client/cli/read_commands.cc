#include <memory>

#include "absl/strings/str_cat.h"
#include "client/cli/commands.h"
#include "client/cli/json.h"
#include "client/flags/arguments.h"

namespace larder::cli {
namespace {

Json GetJson(std::string_view key, const GetResult& result) {
  Json json = {{"key", BytesToJson(key)}, {"found", result.found}};
  if (!result.found) return json;
  AddEntry({result.value, result.version, result.expires_at, result.flags}, json);
  json["stale"] = result.stale;
  return json;
}

int RunGet(Session& session, const std::string& key, const GetOptions& options) {
  absl::StatusOr<std::unique_ptr<Client>> client = session.Connect();
  if (!client.ok()) return session.Fail(client.status());
  const absl::StatusOr<GetResult> result = (*client)->Get(key, options);
  if (!result.ok()) return session.Fail(result.status());
  if (session.json) {
    session.out().Write(ToLine(GetJson(key, *result)));
  } else if (!result->found) {
    session.Note("(not found)");
  } else {
    session.out().Write(result->value);
    if (session.out().is_terminal()) session.out().Write("\n");
  }
  return result->found ? kExitOk : kExitNo;
}

int RunMultiGet(Session& session, const std::vector<std::string>& keys) {
  absl::StatusOr<std::unique_ptr<Client>> client = session.Connect();
  if (!client.ok()) return session.Fail(client.status());
  const absl::StatusOr<MultiGetResult> results = (*client)->MultiGet(keys);
  if (!results.ok()) return session.Fail(results.status());
  int code = kExitOk;
  Json array = Json::array();
  for (size_t i = 0; i < keys.size(); ++i) {
    const absl::StatusOr<GetResult>& result = (*results)[i];
    if (!result.ok()) {
      code = session.FailItem(absl::Status(
          result.status().code(), absl::StrCat("'", keys[i], "': ", result.status().message())));
      Json item = {{"key", BytesToJson(keys[i])}};
      item.update(ErrorJson(result.status()));
      array.push_back(std::move(item));
      continue;
    }
    array.push_back(GetJson(keys[i], *result));
    if (!result->found) {
      session.Note(absl::StrCat("(not found: ", keys[i], ")"));
      if (code == kExitOk) code = kExitNo;
    } else if (!session.json) {
      session.out().Write(absl::StrCat(keys[i], "\t", result->value, "\n"));
    }
  }
  if (session.json) session.out().Write(ToLine(array));
  return code;
}

struct ScanArguments {
  std::string prefix;
  std::optional<uint64_t> limit;
  bool values = false;
};

int RunScan(Session& session, const ScanArguments& arguments) {
  absl::StatusOr<std::unique_ptr<Client>> client = session.Connect();
  if (!client.ok()) return session.Fail(client.status());
  uint64_t left = arguments.limit.value_or(UINT64_MAX);
  ScanOptions options;
  options.prefix = arguments.prefix;
  options.keys_only = !arguments.values;
  while (left > 0 && session.out().error() == 0) {
    // A node may refuse a larger limit than its own choice (0), which is about 100.
    options.limit = left < 100 ? static_cast<uint32_t>(left) : 0;
    absl::StatusOr<ScanResult> page = (*client)->Scan(options);
    if (!page.ok()) return session.Fail(page.status());
    for (const ScanEntry& entry : page->entries) {
      if (left == 0) break;
      --left;
      if (session.json) {
        Json json = {{"key", BytesToJson(entry.key)}};
        AddEntry(entry.entry, json);
        if (!arguments.values) json.erase("value");
        session.out().Write(ToLine(json));
      } else if (arguments.values) {
        session.out().Write(absl::StrCat(entry.key, "\t", entry.entry.value, "\n"));
      } else {
        session.out().Write(absl::StrCat(entry.key, "\n"));
      }
    }
    if (page->next_cursor.empty()) break;
    options.cursor = std::move(page->next_cursor);
  }
  return kExitOk;
}

}  // namespace

void AddReadCommands(CLI::App& app, Session& session) {
  {
    struct Arguments {
      std::string key;
      std::optional<absl::Duration> max_staleness;
    };
    auto arguments = std::make_shared<Arguments>();
    CLI::App& get = *app.add_subcommand("get", "Print the value of a key");
    AddPositional(get, "KEY", arguments->key, "The key")->required();
    AddDuration(get, "--max_staleness", arguments->max_staleness,
                "Let a replica answer that is at most this far behind");
    get.footer(
        "Prints the bare bytes. A miss prints nothing and exits with 1.\n"
        "Example: larder get user:42");
    get.callback([&session, arguments] {
      session.command = [&session, arguments] {
        return RunGet(session, arguments->key, {.max_staleness = arguments->max_staleness});
      };
    });
  }
  {
    auto keys = std::make_shared<std::vector<std::string>>();
    CLI::App& mget = *app.add_subcommand("mget", "Print the values of many keys");
    AddPositionals(mget, "KEY", *keys, "The keys")->required();
    mget.footer(
        "Prints KEY, a tab and the value, a line each; exits with 1 if any key is missing.\n"
        "Bytes as they are: where there may be newlines in them, use --json.\n"
        "Example: larder mget user:42 user:43");
    mget.callback([&session, keys] {
      session.command = [&session, keys] { return RunMultiGet(session, *keys); };
    });
  }
  auto arguments = std::make_shared<ScanArguments>();
  CLI::App& scan = *app.add_subcommand("scan", "List all keys, in no useful order");
  AddText(scan, "--prefix", "BYTES", arguments->prefix, "Only keys that begin with this");
  AddCount(scan, "--limit", arguments->limit, "Stop after this many");
  scan.add_flag("--values", arguments->values, "Print values too, after a tab");
  scan.footer(
      "A line for each, bytes as they are; with --json an object a line, the last of which may be\n"
      "an error. A key that changes meanwhile may come twice.\n"
      "Example: larder scan --prefix=user: --limit=10");
  scan.callback([&session, arguments] {
    session.command = [&session, arguments] { return RunScan(session, *arguments); };
  });
}

}  // namespace larder::cli
