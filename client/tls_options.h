#ifndef LARDER_CLIENT_TLS_OPTIONS_H_
#define LARDER_CLIENT_TLS_OPTIONS_H_

#include <string>

#include "absl/status/statusor.h"

namespace larder {

// How a client speaks TLS. Paths are of files in PEM, read once, when the client is made.
struct TlsOptions {
  // Whoever signed the node's certificate. Empty: one of the authorities that the system trusts.
  std::string ca_file;
  // The client's own certificate, for nodes that demand one (--tls_client_ca_file), and its key.
  // Both or none.
  std::string cert_file;
  std::string key_file;
  // The name that must be in the node's certificate, among its subject alternative names, and that
  // is asked for (SNI) unless it is a numeric address. Empty: the host of the address.
  std::string server_name;
};

// TlsOptions with what is in the files.
struct TlsMaterial {
  std::string ca;
  std::string cert;
  std::string key;
  std::string server_name;
};

// INVALID_ARGUMENT names the option and the file that cannot be read, or holds nothing in PEM of
// its kind.
absl::StatusOr<TlsMaterial> ReadTlsOptions(const TlsOptions& options);

}  // namespace larder

#endif  // LARDER_CLIENT_TLS_OPTIONS_H_
