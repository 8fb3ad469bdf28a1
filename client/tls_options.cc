#include "client/tls_options.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace larder {
namespace {

constexpr size_t kFileBytesMax = size_t{1} << 20;

absl::Status Refuse(const char* option, const std::string& path, const char* why) {
  return absl::InvalidArgumentError(absl::StrCat(option, ": '", path, "': ", why));
}

// `label`: what follows BEGIN in the first line of such PEM, in part.
absl::Status ReadPem(const char* option, const std::string& path, const char* label,
                     std::string& text) {
  if (path.empty()) return absl::OkStatus();
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rb"),
                                                             &std::fclose);
  if (file == nullptr) return Refuse(option, path, std::strerror(errno));
  text.resize(kFileBytesMax + 1);
  text.resize(std::fread(text.data(), 1, text.size(), file.get()));
  if (std::ferror(file.get()) != 0) return Refuse(option, path, std::strerror(errno));
  if (text.size() > kFileBytesMax) return Refuse(option, path, "larger than 1 MiB");
  if (!absl::StrContains(text, "-----BEGIN ") || !absl::StrContains(text, label)) {
    return Refuse(option, path, absl::StrCat("holds no ", label, " in PEM").c_str());
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<TlsMaterial> ReadTlsOptions(const TlsOptions& options) {
  if (options.cert_file.empty() != options.key_file.empty()) {
    return absl::InvalidArgumentError(
        "tls: a client's certificate needs its key: cert_file and key_file, both or none");
  }
  TlsMaterial material;
  material.server_name = options.server_name;
  absl::Status status = ReadPem("tls.ca_file", options.ca_file, "CERTIFICATE", material.ca);
  if (status.ok()) {
    status = ReadPem("tls.cert_file", options.cert_file, "CERTIFICATE", material.cert);
  }
  if (status.ok()) {
    status = ReadPem("tls.key_file", options.key_file, "PRIVATE KEY", material.key);
  }
  if (!status.ok()) return status;
  return material;
}

}  // namespace larder
