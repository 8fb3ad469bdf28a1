#ifndef LARDER_SERVER_CONFIG_FLAG_KINDS_H_
#define LARDER_SERVER_CONFIG_FLAG_KINDS_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/config/flag_table.h"
#include "server/config/flag_text.h"
#include "server/connections/endpoint.h"

// Makes flags of the kinds that there are. For the files that list flags.
namespace larder::server::flag_kinds {

inline constexpr uint64_t kKi = 1024;
inline constexpr uint64_t kMi = kKi * kKi;
inline constexpr uint64_t kTi = kMi * kMi;

inline absl::Status Refuse(std::string_view name, std::string_view value, std::string_view type,
                           std::string_view range) {
  return absl::InvalidArgumentError(absl::StrCat("--", std::string(name), ": '", std::string(value),
                                                 "' is not a ", std::string(type), " from ",
                                                 std::string(range)));
}

struct Names {
  std::string name;
  std::string help;
};

// `field` is a generic lambda from a config, const or not, to a reference to the field.
template <typename Field>
Flag Number(Names names, uint64_t min, uint64_t max, Field field) {
  const std::string range = absl::StrCat(min, " to ", max);
  return {names.name,
          "NUMBER",
          names.help,
          range,
          [=, name = names.name](ServerConfig& config, std::string_view text) {
            const auto number = ParseNumber(text);
            if (!number.has_value() || *number < min || *number > max) {
              return Refuse(name, text, "number", range);
            }
            field(config) = static_cast<std::decay_t<decltype(field(config))>>(*number);
            return absl::OkStatus();
          },
          [=](const ServerConfig& config) { return absl::StrCat(field(config)); }};
}

template <typename Field>
Flag Size(Names names, uint64_t min, uint64_t max, Field field) {
  const std::string range = absl::StrCat(FormatBytes(min), " to ", FormatBytes(max));
  return {names.name,
          "SIZE",
          names.help,
          range,
          [=, name = names.name](ServerConfig& config, std::string_view text) {
            const auto bytes = ParseBytes(text);
            if (!bytes.has_value() || *bytes < min || *bytes > max) {
              return Refuse(name, text, "size (like 64KiB, 1GiB or 1048576)", range);
            }
            field(config) = static_cast<std::decay_t<decltype(field(config))>>(*bytes);
            return absl::OkStatus();
          },
          [=](const ServerConfig& config) { return FormatBytes(field(config)); }};
}

template <typename Field>
Flag Duration(Names names, absl::Duration min, absl::Duration max, Field field) {
  const std::string range =
      absl::StrCat(absl::FormatDuration(min), " to ", absl::FormatDuration(max));
  return {names.name,
          "DURATION",
          names.help,
          range,
          [=, name = names.name](ServerConfig& config, std::string_view text) {
            const auto duration = ParseFlagDuration(text);
            if (!duration.has_value() || *duration < min || *duration > max) {
              return Refuse(name, text, "duration (like 500ms, 10s or 1h)", range);
            }
            field(config) = *duration;
            return absl::OkStatus();
          },
          [=](const ServerConfig& config) { return absl::FormatDuration(field(config)); }};
}

// `flag`, or one value more, outside of its range: `word` stands for it, and what `is_it` accepts.
template <typename Field, typename Value, typename IsIt>
Flag Or(Flag flag, std::string word, Value value, IsIt is_it, Field field) {
  const std::string or_word = absl::StrCat(", or ", word);
  flag.range += or_word;
  flag.set = [=, set = flag.set](ServerConfig& config, std::string_view text) {
    if (is_it(text)) {
      field(config) = value;
      return absl::OkStatus();
    }
    const absl::Status status = set(config, text);
    if (status.ok()) return status;
    return absl::InvalidArgumentError(absl::StrCat(status.message(), or_word));
  };
  flag.get = [=, get = flag.get](const ServerConfig& config) {
    return field(config) == value ? word : get(config);
  };
  return flag;
}

// A duration, or "none", which is an infinite one.
template <typename Field>
Flag DurationOrNone(Names names, absl::Duration min, absl::Duration max, Field field) {
  return Or(
      Duration(std::move(names), min, max, field), "none", absl::InfiniteDuration(),
      [](std::string_view text) { return text == "none"; }, field);
}

template <typename Field>
Flag SizeOrZero(Names names, uint64_t min, uint64_t max, Field field) {
  return Or(
      Size(std::move(names), min, max, field), "0", uint64_t{0},
      [](std::string_view text) { return ParseBytes(text) == uint64_t{0}; }, field);
}

// One of a few words. `parse` returns a StatusOr, `format` its inverse.
template <typename Field, typename Parse, typename Format>
Flag Word(Names names, std::string words, Field field, Parse parse, Format format) {
  return {names.name,
          "WORD",
          names.help,
          words,
          [=, name = names.name](ServerConfig& config, std::string_view text) {
            const auto value = parse(text);
            if (!value.ok()) {
              return absl::InvalidArgumentError(
                  absl::StrCat("--", name, ": '", std::string(text), "' is not one of ", words));
            }
            field(config) = *value;
            return absl::OkStatus();
          },
          [=](const ServerConfig& config) { return std::string(format(field(config))); }};
}

// A path, which is used when the node starts. `range`: what it is to be.
template <typename Field>
Flag Path(Names names, std::string type, std::string range, Field field) {
  return {names.name,
          std::move(type),
          names.help,
          std::move(range),
          [=](ServerConfig& config, std::string_view text) {
            field(config) = std::string(text);
            return absl::OkStatus();
          },
          [=](const ServerConfig& config) { return field(config); }};
}

inline absl::Status SetEndpoint(std::string_view name, std::string_view text, Endpoint& endpoint) {
  absl::StatusOr<Endpoint> parsed = ParseEndpoint(text);
  if (!parsed.ok()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "--", std::string(name), ": '", std::string(text), "': ", parsed.status().message()));
  }
  endpoint = *std::move(parsed);
  return absl::OkStatus();
}

// An address that may be left empty: then the optional field has none. `parse` returns a StatusOr
// of something with ToString.
template <typename Field, typename Parse>
Flag OptionalAddress(Names names, std::string type, std::string range, Field field, Parse parse) {
  return {names.name,
          std::move(type),
          names.help,
          std::move(range),
          [=, name = names.name](ServerConfig& config, std::string_view text) {
            field(config).reset();
            if (text.empty()) return absl::OkStatus();
            auto parsed = parse(text);
            if (!parsed.ok()) {
              return absl::InvalidArgumentError(absl::StrCat("--", name, ": '", std::string(text),
                                                             "': ", parsed.status().message()));
            }
            field(config) = *std::move(parsed);
            return absl::OkStatus();
          },
          [=](const ServerConfig& config) {
            return field(config).has_value() ? field(config)->ToString() : std::string();
          }};
}

}  // namespace larder::server::flag_kinds

#endif  // LARDER_SERVER_CONFIG_FLAG_KINDS_H_
