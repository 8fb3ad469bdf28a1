#include "tests/bench/peer.h"

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace larder::bench {

absl::Status Unexpected(std::string_view name, std::string_view line) {
  return absl::InternalError(
      absl::StrCat(std::string(name), " answers '", std::string(line.substr(0, 200)), "'"));
}

absl::StatusOr<std::string> AskFor(LineConnection& connection, std::string_view request,
                                   std::string_view wanted) {
  constexpr int kLinesMax = 1000;
  const absl::Status sent = connection.Send(request);
  if (!sent.ok()) return sent;
  for (int i = 0; i < kLinesMax; ++i) {
    const auto line = connection.ReadLine();
    if (!line.ok()) return line.status();
    if (line->starts_with(wanted)) return line->substr(wanted.size());
  }
  return absl::InternalError(absl::StrCat("no ", std::string(wanted), " in the answer"));
}

absl::StatusOr<uint64_t> AskForNumber(LineConnection& connection, std::string_view request,
                                      std::string_view wanted) {
  const auto text = AskFor(connection, request, wanted);
  if (!text.ok()) return text.status();
  uint64_t number = 0;
  if (!absl::SimpleAtoi(*text, &number)) return Unexpected("the server", *text);
  return number;
}

}  // namespace larder::bench
