#include "client/cli/session.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/cli/json.h"

namespace larder::cli {
namespace {

// Keys and what a node says may be any bytes; those that are orders to a terminal are spelled out.
std::string OneLine(std::string_view text) {
  std::string line;
  for (const char c : text) {
    if (c == '\n' || c == '\r') {
      line += ' ';
    } else if (absl::ascii_iscntrl(static_cast<unsigned char>(c))) {
      absl::StrAppendFormat(&line, "\\x%02x", static_cast<unsigned char>(c));
    } else {
      line += c;
    }
  }
  return line;
}

}  // namespace

std::optional<TlsOptions> Session::GivenTls() const {
  const TlsOptions& given = tls_options;
  const bool is_given = tls || !given.ca_file.empty() || !given.cert_file.empty() ||
                        !given.key_file.empty() || !given.server_name.empty();
  return is_given ? std::optional<TlsOptions>(given) : std::nullopt;
}

absl::StatusOr<std::optional<TlsMaterial>> Session::Tls() {
  const std::optional<TlsOptions> given = GivenTls();
  if (given && !tls_material_) {
    absl::StatusOr<TlsMaterial> material = ReadTlsOptions(*given);
    if (!material.ok()) return material.status();
    tls_material_ = *std::move(material);
  }
  return tls_material_;
}

absl::StatusOr<std::unique_ptr<Client>> Session::Connect(absl::Duration default_timeout) {
  absl::StatusOr<std::optional<TlsMaterial>> material = Tls();
  if (!material.ok()) return material.status();
  ClientOptions options;
  options.address = address;
  options.tls = GivenTls();
  options.tls_material = *std::move(material);
  options.deadline = timeout.value_or(default_timeout);
  options.max_receive_bytes = size_t{1} << 30;
  return Client::Create(std::move(options));
}

int Session::Fail(const absl::Status& status) {
  if (json) out_.Write(ToLine(ErrorJson(status)));
  return FailItem(status);
}

int Session::FailItem(const absl::Status& status) {
  Complain(absl::StrCat(absl::StatusCodeToString(status.code()), ": ", status.message()));
  return status.code() == absl::StatusCode::kInvalidArgument ? kExitUsage : kExitError;
}

int Session::FailUsage(std::string_view message) {
  if (json) out_.Write(ToLine(ErrorJson(absl::InvalidArgumentError(std::string(message)))));
  Complain(message);
  return kExitUsage;
}

void Session::Complain(std::string_view message) {
  out_.Flush();
  err_.Write(absl::StrCat("larder: ", OneLine(message), "\n"));
  err_.Flush();
}

void Session::Note(std::string_view message) {
  if (json) return;
  out_.Flush();
  err_.Write(absl::StrCat(OneLine(message), "\n"));
  err_.Flush();
}

}  // namespace larder::cli
