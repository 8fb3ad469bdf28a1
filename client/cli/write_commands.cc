#include <memory>

#include "absl/strings/str_cat.h"
#include "client/cli/commands.h"
#include "client/cli/json.h"
#include "client/flags/arguments.h"
#include "client/flags/units.h"

namespace larder::cli {
namespace {

struct Reason {
  const char* name;  // of the proto enum, for --json
  const char* text;
};

Reason DescribeReason(NotStoredReason reason) {
  switch (reason) {
    case NotStoredReason::kExists:
      return {"EXISTS", "the key exists"};
    case NotStoredReason::kNotFound:
      return {"NOT_FOUND", "there is no such key"};
    case NotStoredReason::kVersionMismatch:
      return {"VERSION_MISMATCH", "the key has another version"};
    case NotStoredReason::kLeaseLost:
      return {"LEASE_LOST", "the lease was lost"};
    case NotStoredReason::kNone:
      break;
  }
  return {"UNSPECIFIED", "the node gave no reason"};
}

Json SetJson(std::string_view key, const SetResult& result) {
  Json json = {{"key", BytesToJson(key)}, {"stored", result.stored}};
  if (result.stored) {
    json["version"] = absl::StrCat(result.version);
  } else {
    json["reason"] = DescribeReason(result.reason).name;
    json["current_version"] = absl::StrCat(result.version);
  }
  if (result.previous) AddEntry(*result.previous, json["previous"]);
  return json;
}

std::string NotStoredText(const SetResult& result) {
  std::string text = absl::StrCat("not stored: ", DescribeReason(result.reason).text);
  if (result.version != 0) absl::StrAppend(&text, "; its version is ", result.version);
  return text;
}

// A value that is an argument, or the content of a file: one of them.
struct ValueArgument {
  std::string text;
  std::string file;
  CLI::Option* positional = nullptr;
};

void AddValue(CLI::App& app, ValueArgument& value, const std::string& description) {
  value.positional = AddPositional(app, "VALUE", value.text, description);
  AddText(app, "--value_file", "FILE", value.file, "Read it from this file; - is stdin")
      ->excludes(value.positional);
}

// Text that a script passes on may be anything, so no VALUE means a file. Who means stdin by "-",
// as with other programs, is told.
void NoteDash(Session& session, std::string_view value) {
  if (value == "-") session.Note("(the value is -; --value_file=- reads stdin)");
}

absl::StatusOr<std::string> ReadValue(Session& session, const ValueArgument& value) {
  if (!value.file.empty()) return ReadValueFile(value.file, session.in());
  if (value.positional->count() == 0) {
    return absl::InvalidArgumentError("VALUE or --value_file is required");
  }
  NoteDash(session, value.text);
  return value.text;
}

struct SetArguments {
  std::string key;
  ValueArgument value;
  std::optional<absl::Duration> ttl;
  bool if_absent = false;
  bool if_present = false;
  uint64_t if_version = 0;
  std::string lease_token;
  SetOptions options;
};

Condition ConditionOf(const SetArguments& arguments) {
  if (arguments.if_absent) return Condition::IfAbsent();
  if (arguments.if_present) return Condition::IfPresent();
  if (arguments.if_version != 0) return Condition::IfVersion(arguments.if_version);
  if (!arguments.lease_token.empty()) return Condition::LeaseToken(arguments.lease_token);
  return {};
}

int RunSet(Session& session, SetArguments& arguments) {
  const absl::StatusOr<std::string> value = ReadValue(session, arguments.value);
  if (!value.ok()) return session.FailUsage(absl::StrCat("set: ", value.status().message()));
  absl::StatusOr<std::unique_ptr<Client>> client = session.Connect();
  if (!client.ok()) return session.Fail(client.status());
  arguments.options.ttl = arguments.ttl;
  arguments.options.condition = ConditionOf(arguments);
  const absl::StatusOr<SetResult> result = (*client)->Set(arguments.key, *value, arguments.options);
  if (!result.ok()) return session.Fail(result.status());
  const std::string outcome =
      result->stored ? absl::StrCat("stored, version ", result->version) : NotStoredText(*result);
  if (session.json) {
    session.out().Write(ToLine(SetJson(arguments.key, *result)));
  } else if (arguments.options.return_previous) {
    if (result->previous) session.out().Write(result->previous->value);
    if (result->previous && session.out().is_terminal()) session.out().Write("\n");
    session.Note(absl::StrCat("(", outcome, result->previous ? ")" : ", no previous value)"));
  } else if (result->stored) {
    session.out().Write(absl::StrCat(outcome, "\n"));
  } else {
    session.Note(absl::StrCat("(", outcome, ")"));
  }
  return result->stored ? kExitOk : kExitNo;
}

void AddSet(CLI::App& app, Session& session) {
  auto arguments = std::make_shared<SetArguments>();
  CLI::App& set = *app.add_subcommand("set", "Store a value under a key");
  AddPositional(set, "KEY", arguments->key, "The key")->required();
  AddValue(set, arguments->value, "The value, as it is");
  CLI::Option* const ttl =
      AddDuration(set, "--ttl", arguments->ttl, "How long it lives; else the node's default");
  CLI::Option* const absent =
      set.add_flag("--if_absent", arguments->if_absent, "Only if the key does not exist");
  CLI::Option* const present =
      set.add_flag("--if_present", arguments->if_present, "Only if the key exists");
  CLI::Option* const version = AddParsed<uint64_t>(
      set, "--if_version", "VERSION", &ParseVersion,
      [arguments](uint64_t number) { arguments->if_version = number; },
      "Only if the key has this version");
  CLI::Option* const token = AddParsed<std::string>(
      set, "--lease_token", "HEX", &ParseHex,
      [arguments](std::string bytes) { arguments->lease_token = std::move(bytes); },
      "Only if this token, from larder lease, is still valid");
  absent->excludes(present)->excludes(version)->excludes(token);
  present->excludes(version)->excludes(token);
  version->excludes(token);
  set.add_flag("--keep_ttl", arguments->options.keep_ttl, "Keep the expiry that the key has")
      ->excludes(ttl)
      ->excludes(absent);
  AddWhole<uint32_t>(set, "--flags", arguments->options.flags, {0, UINT32_MAX},
                     "A number stored with the value, for your use");
  set.add_flag("--return_previous", arguments->options.return_previous,
               "Print the value that was there");
  AddParsed<Ack>(
      set, "--ack", "memory|disk|replicas:N", &ParseAck,
      [arguments](Ack ack) { arguments->options.ack = ack; }, "When to call it done");
  set.footer(
      "Exits with 1 if the condition did not hold.\n"
      "Example: larder set user:42 '{\"name\": \"Ada\"}' --ttl=1h --if_absent\n"
      "         gzip < page.html | larder set page --value_file=-");
  set.callback([&session, arguments] {
    session.command = [&session, arguments] { return RunSet(session, *arguments); };
  });
}

struct MultiSetArguments {
  std::vector<std::string> words;
  std::optional<absl::Duration> ttl;
};

int RunMultiSet(Session& session, const MultiSetArguments& arguments) {
  if (arguments.words.size() % 2 != 0) {
    return session.FailUsage(absl::StrCat("mset: KEY VALUE pairs expected; '",
                                          arguments.words.back(), "' has no value"));
  }
  std::vector<SetItem> items;
  for (size_t i = 0; i < arguments.words.size(); i += 2) {
    items.push_back({arguments.words[i], arguments.words[i + 1], {.ttl = arguments.ttl}});
  }
  absl::StatusOr<std::unique_ptr<Client>> client = session.Connect();
  if (!client.ok()) return session.Fail(client.status());
  const absl::StatusOr<MultiSetResult> results = (*client)->MultiSet(items);
  if (!results.ok()) return session.Fail(results.status());
  int code = kExitOk;
  size_t stored = 0;
  Json array = Json::array();
  for (size_t i = 0; i < items.size(); ++i) {
    const absl::StatusOr<SetResult>& result = (*results)[i];
    if (result.ok()) {
      ++stored;
      array.push_back(SetJson(items[i].key, *result));
      continue;
    }
    code = session.FailItem(absl::Status(
        result.status().code(), absl::StrCat("'", items[i].key, "': ", result.status().message())));
    Json item = {{"key", BytesToJson(items[i].key)}};
    item.update(ErrorJson(result.status()));
    array.push_back(std::move(item));
  }
  if (session.json) {
    session.out().Write(ToLine(array));
  } else {
    session.out().Write(absl::StrCat("stored ", stored, " of ", items.size(), "\n"));
  }
  return code;
}

void AddMultiSet(CLI::App& app, Session& session) {
  auto arguments = std::make_shared<MultiSetArguments>();
  CLI::App& mset = *app.add_subcommand("mset", "Store many values");
  AddPositionals(mset, "KEY_VALUE", arguments->words, "Pairs of KEY and VALUE, as they are")
      ->required();
  AddDuration(mset, "--ttl", arguments->ttl, "How long they live; else the node's default");
  mset.footer(
      "Each pair is atomic, the call is not. Values from files: larder set, one by one.\n"
      "Example: larder mset a 1 b 2 --ttl=10m");
  mset.callback([&session, arguments] {
    session.command = [&session, arguments] { return RunMultiSet(session, *arguments); };
  });
}

struct IncrementArguments {
  std::string key;
  std::string delta = "1";
  std::optional<int64_t> initial;
  bool only_if_present = false;
  std::optional<absl::Duration> ttl;
};

int RunIncrement(Session& session, const IncrementArguments& arguments) {
  IncrementOptions options;
  const absl::StatusOr<int64_t> delta = ParseInteger(arguments.delta);
  if (!delta.ok()) return session.FailUsage(absl::StrCat("incr: ", delta.status().message()));
  options.delta = *delta;
  options.ttl = arguments.ttl;
  if (!arguments.only_if_present) options.initial = arguments.initial.value_or(options.delta);
  absl::StatusOr<std::unique_ptr<Client>> client = session.Connect();
  if (!client.ok()) return session.Fail(client.status());
  const absl::StatusOr<IncrementResult> result = (*client)->Increment(arguments.key, options);
  if (!result.ok()) return session.Fail(result.status());
  if (session.json) {
    Json json = {{"key", BytesToJson(arguments.key)}, {"found", result->found}};
    if (result->found) {
      json["value"] = absl::StrCat(result->value);
      json["version"] = absl::StrCat(result->version);
      json["created"] = result->created;
    }
    session.out().Write(ToLine(json));
  } else if (result->found) {
    session.out().Write(absl::StrCat(result->value, "\n"));
  } else {
    session.Note("(not found)");
  }
  return result->found ? kExitOk : kExitNo;
}

void AddIncrement(CLI::App& app, Session& session) {
  auto arguments = std::make_shared<IncrementArguments>();
  CLI::App& incr = *app.add_subcommand("incr", "Add to a number and print the sum");
  AddPositional(incr, "KEY", arguments->key, "The key")->required();
  AddPositional(incr, "DELTA", arguments->delta, "What to add; may be negative; else 1");
  CLI::Option* const initial = AddParsed<int64_t>(
      incr, "--initial", "NUMBER", &ParseInteger,
      [arguments](int64_t number) { arguments->initial = number; },
      "What a key that does not exist becomes; else DELTA");
  incr.add_flag("--if_present", arguments->only_if_present, "Do not create the key")
      ->excludes(initial);
  AddDuration(incr, "--ttl", arguments->ttl, "How long it lives from now");
  incr.footer("Example: larder incr visits 5 --ttl=1d");
  incr.callback([&session, arguments] {
    session.command = [&session, arguments] { return RunIncrement(session, *arguments); };
  });
}

struct AppendArguments {
  std::string key;
  ValueArgument value;
  AppendOptions options;
};

int RunAppend(Session& session, const AppendArguments& arguments) {
  const absl::StatusOr<std::string> value = ReadValue(session, arguments.value);
  if (!value.ok()) return session.FailUsage(absl::StrCat("append: ", value.status().message()));
  absl::StatusOr<std::unique_ptr<Client>> client = session.Connect();
  if (!client.ok()) return session.Fail(client.status());
  const absl::StatusOr<AppendResult> result =
      (*client)->Append(arguments.key, *value, arguments.options);
  if (!result.ok()) return session.Fail(result.status());
  if (session.json) {
    Json json = {{"key", BytesToJson(arguments.key)}, {"stored", result->stored}};
    if (result->stored) {
      json["value_bytes"] = result->value_bytes;
      json["version"] = absl::StrCat(result->version);
    }
    session.out().Write(ToLine(json));
  } else if (result->stored) {
    session.out().Write(absl::StrCat(result->value_bytes, "\n"));
  } else {
    session.Note("(not found)");
  }
  return result->stored ? kExitOk : kExitNo;
}

void AddAppend(CLI::App& app, Session& session) {
  auto arguments = std::make_shared<AppendArguments>();
  CLI::App& append = *app.add_subcommand("append", "Add bytes to a value and print its new length");
  AddPositional(append, "KEY", arguments->key, "The key")->required();
  AddValue(append, arguments->value, "The bytes, as they are");
  append.add_flag("--if_present", arguments->options.if_present, "Do not create the key");
  AddDuration(append, "--ttl", arguments->options.ttl, "How long a key that this creates lives");
  append.footer("Example: larder append log:today 'line one;'");
  append.callback([&session, arguments] {
    session.command = [&session, arguments] { return RunAppend(session, *arguments); };
  });
}

}  // namespace

void AddWriteCommands(CLI::App& app, Session& session) {
  AddSet(app, session);
  AddMultiSet(app, session);
  AddIncrement(app, session);
  AddAppend(app, session);
}

}  // namespace larder::cli
