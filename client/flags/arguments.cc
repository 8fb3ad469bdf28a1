#include "client/flags/arguments.h"

#include <cerrno>
#include <cstring>
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace larder::cli {
namespace {

constexpr char kGuard = '\x01';

// More than any node takes; a guard against reading an endless file into memory.
constexpr size_t kValueBytesMax = size_t{1} << 30;

// To CLI11 -hello is -h, and more.
bool NeedsGuard(const std::string& argument) {
  if (argument.empty()) return false;
  if (argument.front() == kGuard || argument.front() == '[' || argument == "++") return true;
  return argument.size() > 1 && argument[0] == '-' && argument[1] != '-' && argument != "-h";
}

absl::StatusOr<std::string> ReadAll(std::FILE* file, const std::string& name) {
  std::string bytes;
  char buffer[64 << 10];
  while (true) {
    errno = 0;
    const size_t count = std::fread(buffer, 1, sizeof(buffer), file);
    bytes.append(buffer, count);
    if (bytes.size() > kValueBytesMax) {
      return absl::InvalidArgumentError(absl::StrCat(name, ": larger than 1 GiB"));
    }
    if (count == sizeof(buffer)) continue;
    if (std::ferror(file)) {
      return absl::InvalidArgumentError(absl::StrCat(name, ": ", std::strerror(errno)));
    }
    if (std::feof(file)) return bytes;
  }
}

}  // namespace

absl::StatusOr<std::vector<std::string>> GuardArguments(std::vector<std::string> arguments) {
  bool flags_over = false;
  for (std::string& argument : arguments) {
    if (!flags_over && argument.size() > 3 && argument.substr(0, 2) == "--" &&
        argument.find('=') == argument.size() - 1) {
      return absl::InvalidArgumentError(absl::StrCat(argument, " needs a value"));
    }
    if (argument == "--") flags_over = true;
    if (NeedsGuard(argument)) argument.insert(argument.begin(), kGuard);
  }
  return arguments;
}

std::string Unguard(std::string argument) {
  if (!argument.empty() && argument.front() == kGuard) argument.erase(0, 1);
  return argument;
}

std::string UnguardMessage(std::string_view message) {
  std::string text(message);
  std::erase(text, kGuard);
  return text;
}

CLI::Option* AddPositional(CLI::App& app, const std::string& name, std::string& target,
                           const std::string& description) {
  return app
      .add_option_function<std::string>(
          name, [&target](const std::string& text) { target = Unguard(text); }, description)
      ->type_name("");
}

CLI::Option* AddPositionals(CLI::App& app, const std::string& name,
                            std::vector<std::string>& target, const std::string& description) {
  return app
      .add_option_function<std::vector<std::string>>(
          name,
          [&target](const std::vector<std::string>& texts) {
            for (const std::string& text : texts) target.push_back(Unguard(text));
          },
          description)
      ->type_name("");
}

CLI::Option* AddDuration(CLI::App& app, const std::string& name,
                         std::optional<absl::Duration>& target, const std::string& description) {
  return AddParsed<absl::Duration>(
      app, name, "DURATION", &ParseDuration, [&target](absl::Duration value) { target = value; },
      description);
}

CLI::Option* AddBytes(CLI::App& app, const std::string& name, uint64_t& target,
                      const std::string& description) {
  return AddParsed<uint64_t>(
      app, name, "SIZE", &ParseBytes, [&target](uint64_t value) { target = value; }, description);
}

CLI::Option* AddCount(CLI::App& app, const std::string& name, std::optional<uint64_t>& target,
                      const std::string& description) {
  return AddParsed<uint64_t>(
      app, name, "COUNT", &ParseCount, [&target](uint64_t value) { target = value; }, description);
}

CLI::Option* AddText(CLI::App& app, const std::string& name, const std::string& type,
                     std::string& target, const std::string& description) {
  return AddParsed<std::string>(
      app, name, type,
      [](std::string_view text) { return absl::StatusOr<std::string>(std::string(text)); },
      [&target](std::string text) { target = std::move(text); }, description);
}

CLI::Option* AddChoice(CLI::App& app, const std::string& name,
                       const std::vector<std::string>& choices, std::string& target,
                       const std::string& description) {
  return AddParsed<std::string>(
      app, name, absl::StrJoin(choices, "|"),
      [choices](std::string_view text) -> absl::StatusOr<std::string> {
        for (const std::string& choice : choices) {
          if (text == choice) return choice;
        }
        return absl::InvalidArgumentError(
            absl::StrCat("'", std::string(text), "' is not ", absl::StrJoin(choices, " or ")));
      },
      [&target](std::string text) { target = std::move(text); }, description);
}

absl::StatusOr<std::string> ReadValueFile(const std::string& path, std::FILE* in) {
  if (path == "-") return ReadAll(in, "stdin");
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rb"),
                                                             &std::fclose);
  if (!file) {
    return absl::InvalidArgumentError(absl::StrCat("'", path, "': ", std::strerror(errno)));
  }
  return ReadAll(file.get(), absl::StrCat("'", path, "'"));
}

}  // namespace larder::cli
