#include <algorithm>
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "client/cli/commands.h"
#include "client/cli/json.h"
#include "client/flags/arguments.h"

namespace larder::cli {
namespace {

Json ConfigJson(const ConfigValue& value) {
  return {{"name", BytesToJson(value.name)},
          {"value", BytesToJson(value.value)},
          {"changeable", value.changeable}};
}

Json ConfigJson(const std::vector<ConfigValue>& values) {
  Json array = Json::array();
  for (const ConfigValue& value : values) array.push_back(ConfigJson(value));
  return array;
}

// Columns name, value, changeable; an empty value as '', so that every line has all three.
std::string ConfigText(const std::vector<ConfigValue>& values) {
  size_t name_width = 4;
  size_t value_width = 5;
  for (const ConfigValue& value : values) {
    name_width = std::max(name_width, value.name.size());
    value_width = std::max(value_width, value.value.size());
  }
  std::string text;
  const auto line = [&](absl::string_view name, absl::string_view value, absl::string_view last) {
    absl::StrAppendFormat(&text, "%-*s  %-*s  %s\n", static_cast<int>(name_width), name,
                          static_cast<int>(value_width), value, last);
  };
  line("name", "value", "changeable");
  for (const ConfigValue& value : values) {
    line(value.name, value.value.empty() ? "''" : value.value, value.changeable ? "yes" : "no");
  }
  return text;
}

int RunConfigGet(Session& session, const std::string& name) {
  absl::StatusOr<std::unique_ptr<Client>> client = session.Connect();
  if (!client.ok()) return session.Fail(client.status());
  const absl::StatusOr<GetConfigResult> config = (*client)->GetConfig({.name = name});
  if (!config.ok()) return session.Fail(config.status());
  if (name.empty()) {
    session.out().Write(session.json ? ToLine(ConfigJson(config->values))
                                     : ConfigText(config->values));
    return kExitOk;
  }
  if (config->values.size() != 1) {
    return session.Fail(absl::InternalError("GetConfig: the node did not answer with one flag"));
  }
  const ConfigValue& value = config->values.front();
  session.out().Write(session.json ? ToLine(ConfigJson(value)) : absl::StrCat(value.value, "\n"));
  return kExitOk;
}

int RunConfigSet(Session& session, const std::vector<std::string>& words) {
  std::vector<ConfigSetting> settings;
  std::vector<std::string> names;
  for (const std::string& word : words) {
    const size_t equals = word.find('=');
    if (equals == std::string::npos || equals == 0) {
      return session.FailUsage(absl::StrCat("config set: '", word, "' is not NAME=VALUE"));
    }
    names.push_back(word.substr(0, equals));
    settings.push_back({names.back(), word.substr(equals + 1)});
  }
  absl::StatusOr<std::unique_ptr<Client>> client = session.Connect();
  if (!client.ok()) return session.Fail(client.status());
  const absl::StatusOr<SetConfigResult> result = (*client)->SetConfig(settings);
  if (!result.ok()) return session.Fail(result.status());
  if (session.json) {
    Json changed = Json::object();
    for (const ConfigSetting& setting : settings) {
      changed[setting.name] = BytesToJson(setting.value);
    }
    session.out().Write(ToLine({{"set", changed}}));
  } else {
    session.out().Write(absl::StrCat("set ", absl::StrJoin(names, ", "), "\n"));
  }
  return kExitOk;
}

}  // namespace

void AddConfigCommands(CLI::App& app, Session& session) {
  CLI::App& config = *app.add_subcommand("config", "Read or change the flags of a running node");
  config.require_subcommand(1);
  config.footer("Example: larder config set memory=2GiB");

  auto name = std::make_shared<std::string>();
  CLI::App& get = *config.add_subcommand("get", "Print all flags, or the value of one");
  AddPositional(get, "NAME", *name, "The flag, without dashes; else all");
  get.fallthrough();
  get.footer("Example: larder config get memory");
  get.callback([&session, name] {
    session.command = [&session, name] { return RunConfigGet(session, *name); };
  });

  auto words = std::make_shared<std::vector<std::string>>();
  CLI::App& set = *config.add_subcommand("set", "Change flags, all or none, until the node ends");
  AddPositionals(set, "NAME=VALUE", *words, "Flags, without dashes, and their values")->required();
  set.fallthrough();
  set.footer(
      "larder config get says which can change.\n"
      "Example: larder config set memory=2GiB max_inflight=20000");
  set.callback([&session, words] {
    session.command = [&session, words] { return RunConfigSet(session, *words); };
  });
}

}  // namespace larder::cli
