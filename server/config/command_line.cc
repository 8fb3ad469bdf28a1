#include "server/config/command_line.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <fstream>
#include <map>
#include <string_view>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "server/config/flag_table.h"
#include "server/config/version.h"

namespace larder::server {
namespace {

constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

absl::Status ReadFlagFile(const std::string& path, ServerConfig& config) {
  std::ifstream file(path);
  if (!file) return absl::InvalidArgumentError(absl::StrCat("--flagfile: cannot open ", path));
  std::string line;
  for (int number = 1; std::getline(file, line); ++number) {
    // Some editors begin a file with a byte order mark, which nobody sees.
    if (number == 1 && line.rfind(kByteOrderMark, 0) == 0) line.erase(0, kByteOrderMark.size());
    const std::string text(absl::StripAsciiWhitespace(line));
    if (text.empty() || text.front() == '#') continue;
    const size_t equals = text.find('=');
    absl::Status status;
    if (text.rfind("--", 0) != 0 || equals == std::string::npos) {
      status = absl::InvalidArgumentError("a line must be --name=value");
    } else {
      status = SetFlag(config, text.substr(2, equals - 2), text.substr(equals + 1));
    }
    if (!status.ok()) {
      return absl::InvalidArgumentError(absl::StrCat(path, ":", number, ": ", status.message()));
    }
  }
  if (file.bad()) return absl::InvalidArgumentError(absl::StrCat("--flagfile: cannot read ", path));
  return absl::OkStatus();
}

// CLI11 takes the next argument for the value of "--name=": give it the empty one.
std::vector<std::string> WithEmptyValues(std::vector<std::string> arguments) {
  std::vector<std::string> result;
  for (std::string& argument : arguments) {
    const bool is_flag = argument.rfind("--", 0) == 0;
    if (is_flag && argument.find('=') == argument.size() - 1) {
      argument.pop_back();
      result.push_back(std::move(argument));
      result.emplace_back();
    } else {
      result.push_back(std::move(argument));
    }
  }
  return result;
}

struct GivenFlags {
  std::map<std::string, std::string> values;  // of the command line, by name
  std::string flagfile;
};

void AddFlags(CLI::App& app, GivenFlags& given) {
  const ServerConfig defaults;
  app.add_option("--flagfile", given.flagfile,
                 "File of lines --name=value; the command line wins. # begins a comment line.")
      ->type_name("FILE");
  for (const Flag& flag : Flags()) {
    const std::string value = flag.get(defaults);
    app.add_option_function<std::string>(
           "--" + flag.name,
           [&given, name = flag.name](const std::string& text) { given.values[name] = text; },
           absl::StrCat(flag.help, " [default ", value.empty() ? "''" : value, "; ", flag.range,
                        "]"))
        ->type_name(flag.type)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  }
}

}  // namespace

absl::StatusOr<CommandLine> ParseCommandLine(std::vector<std::string> arguments) {
  CommandLine result;
  GivenFlags given;
  try {
    CLI::App app("larderd: a node of the Larder cache.", "larderd");
    app.set_version_flag("--version", absl::StrCat("larderd ", kVersion));
    app.allow_extras();
    AddFlags(app, given);
    arguments = WithEmptyValues(std::move(arguments));
    std::reverse(arguments.begin(), arguments.end());  // CLI11 reads from the back
    try {
      app.parse(std::move(arguments));
    } catch (const CLI::CallForHelp&) {
      result.print = app.help();
      return result;
    } catch (const CLI::CallForVersion&) {
      result.print = absl::StrCat("larderd ", kVersion, "\n");
      return result;
    }
    if (const std::vector<std::string> extras = app.remaining(); !extras.empty()) {
      return absl::InvalidArgumentError(
          absl::StrCat(extras.front(), " is not a flag; --help lists them all"));
    }
  } catch (const CLI::Error& error) {
    return absl::InvalidArgumentError(error.what());
  }
  if (!given.flagfile.empty()) {
    const absl::Status status = ReadFlagFile(given.flagfile, result.config);
    if (!status.ok()) return status;
  }
  for (const auto& [name, value] : given.values) {
    if (const absl::Status status = SetFlag(result.config, name, value); !status.ok()) {
      return status;
    }
  }
  if (const absl::Status status = CheckConfig(result.config); !status.ok()) return status;
  return result;
}

}  // namespace larder::server
