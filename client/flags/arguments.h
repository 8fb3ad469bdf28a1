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
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/time.h"
#include "client/flags/units.h"

namespace larder::cli {

// Flags begin with --, but for -h; every other argument is a word. CLI11 has its own ideas about
// words like -5, -hello, [a,b] and ++. GuardArguments marks those, so that it takes them as they
// are; Unguard, and all that is added by the functions below, takes the mark off again, and
// UnguardMessage takes those off that are in what CLI11 says. INVALID_ARGUMENT: a flag is written
// --name= without a value.
absl::StatusOr<std::vector<std::string>> GuardArguments(std::vector<std::string> arguments);
std::string Unguard(std::string argument);
std::string UnguardMessage(std::string_view message);

// Positional arguments that may be any bytes.
CLI::Option* AddPositional(CLI::App& app, const std::string& name, std::string& target,
                           const std::string& description);
CLI::Option* AddPositionals(CLI::App& app, const std::string& name,
                            std::vector<std::string>& target, const std::string& description);

// A flag whose text `parse` turns into a value; its error becomes a usage error. `type` is what
// --help shows; alternatives parted by | are what completion offers. Every flag with a value is
// added by this or by one of the functions below, not by CLI11's own conversions: these take nan
// and inf for numbers, 0x10 and 010 for 16 and 8, and -1 for the largest unsigned one.
template <typename T>
CLI::Option* AddParsed(CLI::App& app, const std::string& name, const std::string& type,
                       std::function<absl::StatusOr<T>(std::string_view)> parse,
                       std::function<void(T)> store, const std::string& description) {
  return app
      .add_option_function<std::string>(
          name,
          [parse, store = std::move(store)](const std::string& text) {
            absl::StatusOr<T> value = parse(Unguard(text));
            if (value.ok()) store(*std::move(value));
          },
          description)
      ->check([parse](const std::string& text) {
        const absl::StatusOr<T> value = parse(Unguard(text));
        return value.ok() ? std::string() : std::string(value.status().message());
      })
      ->type_name(type);
}

// Flags with a unit.
CLI::Option* AddDuration(CLI::App& app, const std::string& name,
                         std::optional<absl::Duration>& target, const std::string& description);
CLI::Option* AddBytes(CLI::App& app, const std::string& name, uint64_t& target,
                      const std::string& description);
CLI::Option* AddCount(CLI::App& app, const std::string& name, std::optional<uint64_t>& target,
                      const std::string& description);

// What a number may be, both ends included.
template <typename T>
struct Range {
  T min;
  T max;
};

// Flags that are a number without a unit: a whole one in decimal digits, or a real one. The usage
// error names the range. `Target` is a T or std::optional<T>.
template <typename T, typename Target>
CLI::Option* AddWhole(CLI::App& app, const std::string& name, Target& target, Range<T> range,
                      const std::string& description) {
  return AddParsed<T>(
      app, name, "N",
      [range](std::string_view text) -> absl::StatusOr<T> {
        const std::optional<T> number = ParseWhole<T>(text);
        if (number && *number >= range.min && *number <= range.max) return *number;
        return absl::InvalidArgumentError(absl::StrCat(
            "'", std::string(text), "' is not a whole number from ", range.min, " to ", range.max));
      },
      [&target](T number) { target = number; }, description);
}
template <typename Target>
CLI::Option* AddReal(CLI::App& app, const std::string& name, Target& target, Range<double> range,
                     const std::string& description) {
  return AddParsed<double>(
      app, name, "NUMBER",
      [range](std::string_view text) -> absl::StatusOr<double> {
        const absl::StatusOr<double> number = ParseReal(text);
        if (number.ok() && *number >= range.min && *number <= range.max) return *number;
        return absl::InvalidArgumentError(absl::StrFormat(
            "'%s' is not a number from %.15g to %.15g", std::string(text), range.min, range.max));
      },
      [&target](double number) { target = number; }, description);
}

// A flag that is text as it is: a name, a path.
CLI::Option* AddText(CLI::App& app, const std::string& name, const std::string& type,
                     std::string& target, const std::string& description);

// A flag that takes one of a few words.
CLI::Option* AddChoice(CLI::App& app, const std::string& name,
                       const std::vector<std::string>& choices, std::string& target,
                       const std::string& description);

// All of a file, which may be a pipe; "-": of `in`. INVALID_ARGUMENT: it cannot be read, or is
// larger than 1 GiB.
absl::StatusOr<std::string> ReadValueFile(const std::string& path, std::FILE* in);

}  // namespace larder::cli

#endif  // LARDER_CLIENT_FLAGS_ARGUMENTS_H_
