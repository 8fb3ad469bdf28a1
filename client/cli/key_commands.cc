#include <memory>

#include "absl/strings/str_cat.h"
#include "client/cli/commands.h"
#include "client/cli/json.h"
#include "client/flags/arguments.h"
#include "client/flags/units.h"

namespace larder::cli {
namespace {

struct DeleteArguments {
  std::vector<std::string> keys;
  std::optional<uint64_t> if_version;
  std::optional<absl::Duration> serve_stale_for;
};

Json DeleteJson(std::string_view key, const DeleteResult& result) {
  Json json = {{"key", BytesToJson(key)}, {"deleted", result.deleted}};
  if (result.current_version != 0) json["current_version"] = absl::StrCat(result.current_version);
  return json;
}

int RunDeleteOne(Session& session, Client& client, const std::string& key,
                 const DeleteOptions& options) {
  const absl::StatusOr<DeleteResult> result = client.Delete(key, options);
  if (!result.ok()) return session.Fail(result.status());
  if (session.json) {
    session.out().Write(ToLine(DeleteJson(key, *result)));
  } else if (result->deleted) {
    session.out().Write("deleted\n");
  } else if (result->current_version != 0) {
    session.Note(absl::StrCat("(not deleted: its version is ", result->current_version, ")"));
  } else {
    session.Note("(not found)");
  }
  return result->deleted ? kExitOk : kExitNo;
}

int RunDelete(Session& session, const DeleteArguments& arguments) {
  absl::StatusOr<std::unique_ptr<Client>> client = session.Connect();
  if (!client.ok()) return session.Fail(client.status());
  const DeleteOptions options = {.if_version = arguments.if_version,
                                 .serve_stale_for = arguments.serve_stale_for};
  if (arguments.keys.size() == 1) {
    return RunDeleteOne(session, **client, arguments.keys[0], options);
  }
  std::vector<DeleteItem> items;
  for (const std::string& key : arguments.keys) items.push_back({key, options});
  const absl::StatusOr<MultiDeleteResult> results = (*client)->MultiDelete(items);
  if (!results.ok()) return session.Fail(results.status());
  size_t deleted = 0;
  int code = kExitOk;
  Json array = Json::array();
  for (size_t i = 0; i < items.size(); ++i) {
    const absl::StatusOr<DeleteResult>& result = (*results)[i];
    if (!result.ok()) {
      code = session.FailItem(
          absl::Status(result.status().code(),
                       absl::StrCat("'", items[i].key, "': ", result.status().message())));
      Json item = {{"key", BytesToJson(items[i].key)}};
      item.update(ErrorJson(result.status()));
      array.push_back(std::move(item));
      continue;
    }
    deleted += result->deleted ? 1 : 0;
    if (!result->deleted && code == kExitOk) code = kExitNo;
    array.push_back(DeleteJson(items[i].key, *result));
  }
  if (session.json) {
    session.out().Write(ToLine(array));
  } else {
    session.out().Write(absl::StrCat("deleted ", deleted, " of ", items.size(), "\n"));
  }
  return code;
}

void AddDelete(CLI::App& app, Session& session) {
  auto arguments = std::make_shared<DeleteArguments>();
  CLI::App& remove = *app.add_subcommand("delete", "Remove keys");
  AddPositionals(remove, "KEY", arguments->keys, "The keys")->required();
  AddParsed<uint64_t>(
      remove, "--if_version", "VERSION", &ParseVersion,
      [arguments](uint64_t version) { arguments->if_version = version; },
      "Only if the key has this version");
  AddDuration(remove, "--serve_stale_for", arguments->serve_stale_for,
              "Keep serving the old value, marked stale, for this long");
  remove.footer("Exits with 1 if a key was not there.\nExample: larder delete user:42");
  remove.callback([&session, arguments] {
    session.command = [&session, arguments] { return RunDelete(session, *arguments); };
  });
}

struct TouchArguments {
  std::string key;
  std::optional<absl::Duration> ttl;
};

int RunTouch(Session& session, const TouchArguments& arguments) {
  absl::StatusOr<std::unique_ptr<Client>> client = session.Connect();
  if (!client.ok()) return session.Fail(client.status());
  const absl::StatusOr<TouchResult> result =
      (*client)->Touch(arguments.key, {.ttl = arguments.ttl});
  if (!result.ok()) return session.Fail(result.status());
  if (session.json) {
    Json json = {{"key", BytesToJson(arguments.key)}, {"found", result->found}};
    if (result->found) {
      json["version"] = absl::StrCat(result->version);
      if (result->expires_at != absl::InfiniteFuture()) {
        json["expires_at"] = FormatTimestamp(result->expires_at);
      }
    }
    session.out().Write(ToLine(json));
  } else if (result->found) {
    session.out().Write(absl::StrCat("expires: ", FormatTimestamp(result->expires_at), "\n"));
  } else {
    session.Note("(not found)");
  }
  return result->found ? kExitOk : kExitNo;
}

void AddTouch(CLI::App& app, Session& session) {
  auto arguments = std::make_shared<TouchArguments>();
  CLI::App& touch = *app.add_subcommand("touch", "Change when a key expires");
  AddPositional(touch, "KEY", arguments->key, "The key")->required();
  AddDuration(touch, "--ttl", arguments->ttl,
              "How long it lives from now; else the node's default, which may be forever");
  touch.footer("Example: larder touch session:7 --ttl=30m");
  touch.callback([&session, arguments] {
    session.command = [&session, arguments] { return RunTouch(session, *arguments); };
  });
}

struct LeaseArguments {
  std::string key;
  std::optional<absl::Duration> hold_for;
  std::optional<double> early_refresh_beta;
};

const char* StateName(LeaseResult::State state) {
  switch (state) {
    case LeaseResult::State::kHit:
      return "hit";
    case LeaseResult::State::kGranted:
      return "granted";
    case LeaseResult::State::kHeld:
      return "held";
  }
  return "";
}

Json LeaseJson(std::string_view key, const LeaseResult& result) {
  Json json = {{"key", BytesToJson(key)}, {"state", StateName(result.state)}};
  if (result.state == LeaseResult::State::kGranted) {
    json["token"] = FormatHex(result.token);
    json["deadline"] = FormatTimestamp(result.deadline);
    json["early"] = result.early;
  } else if (result.state == LeaseResult::State::kHeld) {
    json["retry_after_seconds"] = absl::ToDoubleSeconds(result.retry_after);
  }
  if (result.value) AddEntry(*result.value, json);
  return json;
}

int RunLease(Session& session, const LeaseArguments& arguments) {
  absl::StatusOr<std::unique_ptr<Client>> client = session.Connect();
  if (!client.ok()) return session.Fail(client.status());
  const absl::StatusOr<LeaseResult> result = (*client)->Lease(
      arguments.key,
      {.hold_for = arguments.hold_for, .early_refresh_beta = arguments.early_refresh_beta});
  if (!result.ok()) return session.Fail(result.status());
  if (session.json) {
    session.out().Write(ToLine(LeaseJson(arguments.key, *result)));
  } else {
    std::string text = absl::StrCat("state: ", StateName(result->state), "\n");
    if (result->state == LeaseResult::State::kGranted) {
      absl::StrAppend(&text, "token: ", FormatHex(result->token),
                      "\ndeadline: ", FormatTimestamp(result->deadline), "\n");
      if (result->early) absl::StrAppend(&text, "early: true\n");
    } else if (result->state == LeaseResult::State::kHeld) {
      absl::StrAppend(&text, "retry_after: ", absl::FormatDuration(result->retry_after), "\n");
    }
    if (result->value) absl::StrAppend(&text, "value: ", result->value->value, "\n");
    session.out().Write(text);
  }
  return result->state == LeaseResult::State::kHeld ? kExitNo : kExitOk;
}

void AddLease(CLI::App& app, Session& session) {
  auto arguments = std::make_shared<LeaseArguments>();
  CLI::App& lease =
      *app.add_subcommand("lease", "Read a key, or get the right to compute it on a miss");
  AddPositional(lease, "KEY", arguments->key, "The key")->required();
  AddDuration(lease, "--hold_for", arguments->hold_for, "How long a granted token is valid");
  AddReal(lease, "--early_refresh_beta", arguments->early_refresh_beta, {0, 1000},
          "How eager to refresh before expiry; 1 is the published optimum, 0 never");
  lease.footer(
      "States: hit, granted (compute it, then larder set KEY VALUE --lease_token=TOKEN),\n"
      "held (somebody else computes it; exits with 1).\n"
      "Example: larder lease report:today --hold_for=5s");
  lease.callback([&session, arguments] {
    session.command = [&session, arguments] { return RunLease(session, *arguments); };
  });
}

}  // namespace

void AddKeyCommands(CLI::App& app, Session& session) {
  AddDelete(app, session);
  AddTouch(app, session);
  AddLease(app, session);
}

}  // namespace larder::cli
