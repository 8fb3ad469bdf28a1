#ifndef LARDER_SERVER_TLS_TLS_FILES_H_
#define LARDER_SERVER_TLS_TLS_FILES_H_

#include <string>

#include "absl/status/statusor.h"

namespace larder::server {

// Where a node's TLS is read from: paths of PEM files. All empty: there is no TLS.
struct TlsFiles {
  std::string cert_file;  // the node's certificate, and behind it those up to a root
  std::string key_file;
  std::string client_ca_file;  // empty: clients need no certificate
  std::string peer_ca_file;    // other nodes'; empty: those of clients, or whom the system trusts

  bool is_on() const { return !cert_file.empty(); }
};

// What is in these files.
struct TlsTexts {
  std::string certificates;
  std::string key;
  std::string client_ca;
  std::string peer_ca;
};

// FAILED_PRECONDITION names the flag and the file that cannot be read, and why. Says nothing about
// what is in them.
absl::StatusOr<TlsTexts> ReadTlsFiles(const TlsFiles& files);

}  // namespace larder::server

#endif  // LARDER_SERVER_TLS_TLS_FILES_H_
