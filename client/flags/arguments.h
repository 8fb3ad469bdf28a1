#ifndef LARDER_CLIENT_FLAGS_ARGUMENTS_H_
#define LARDER_CLIENT_FLAGS_ARGUMENTS_H_

#include <CLI/App.hpp>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace larder::cli {

// CLI11 has its own ideas about arguments like -5, [a,b] and ++. GuardArguments marks those, so
// that it takes them as they are; the positional options below take the mark off again.
// INVALID_ARGUMENT: a flag is written --name= without a value.
absl::StatusOr<std::vector<std::string>> GuardArguments(std::vector<std::string> arguments);

// Positional arguments that may be any bytes.
CLI::Option* AddPositional(CLI::App& app, const std::string& name, std::string& target,
                           const std::string& description);
CLI::Option* AddPositionals(CLI::App& app, const std::string& name,
                            std::vector<std::string>& target, const std::string& description);

// Flags with a unit. `type` is what --help shows; alternatives parted by | are what completion
// offers.
CLI::Option* AddDuration(CLI::App& app, const std::string& name,
                         std::optional<absl::Duration>& target, const std::string& description);
CLI::Option* AddBytes(CLI::App& app, const std::string& name, uint64_t& target,
                      const std::string& description);
CLI::Option* AddCount(CLI::App& app, const std::string& name, std::optional<uint64_t>& target,
                      const std::string& description);

// A flag that takes one of a few words.
CLI::Option* AddChoice(CLI::App& app, const std::string& name,
                       const std::vector<std::string>& choices, std::string& target,
                       const std::string& description);

// A flag whose text `parse` turns into a value; its error becomes a usage error.
template <typename T>
CLI::Option* AddParsed(CLI::App& app, const std::string& name, const std::string& type,
                       absl::StatusOr<T> (*parse)(std::string_view), std::function<void(T)> store,
                       const std::string& description) {
  return app
      .add_option_function<std::string>(
          name,
          [parse, store = std::move(store)](const std::string& text) {
            absl::StatusOr<T> value = parse(text);
            if (value.ok()) store(*std::move(value));
          },
          description)
      ->check([parse](const std::string& text) {
        const absl::StatusOr<T> value = parse(text);
        return value.ok() ? std::string() : std::string(value.status().message());
      })
      ->type_name(type);
}

// All of a file, which may be a pipe; "-": of `in`. INVALID_ARGUMENT: it cannot be read, or is
// larger than 1 GiB.
absl::StatusOr<std::string> ReadValueFile(const std::string& path, std::FILE* in);

}  // namespace larder::cli

#endif  // LARDER_CLIENT_FLAGS_ARGUMENTS_H_
