#ifndef LARDER_TESTS_BENCH_NODE_CERTIFICATE_H_
#define LARDER_TESTS_BENCH_NODE_CERTIFICATE_H_

#include <unistd.h>

#include <fstream>
#include <string>

#include "tests/bench/temporary_folder.h"
#include "tests/server/tls/test_authority.h"

namespace larder::bench {

// Files, gone with this object, for a node on 127.0.0.1 that speaks TLS: its certificate, on P-256,
// the key of that, and who has signed it.
class NodeCertificate {
 public:
  NodeCertificate() {
    const TestAuthority authority("larder_bench");
    const TestCertificate node = authority.Issue("node");
    ok_ = folder_.ok() && Write(ca_file(), authority.certificate()) &&
          Write(cert_file(), node.certificate) && Write(key_file(), node.key);
  }
  ~NodeCertificate() {
    for (const std::string& path : {ca_file(), cert_file(), key_file()}) unlink(path.c_str());
  }
  NodeCertificate(const NodeCertificate&) = delete;
  NodeCertificate& operator=(const NodeCertificate&) = delete;

  bool ok() const { return ok_; }
  std::string ca_file() const { return folder_.path() + "/ca.pem"; }
  std::string cert_file() const { return folder_.path() + "/node.pem"; }
  std::string key_file() const { return folder_.path() + "/node.key"; }

 private:
  static bool Write(const std::string& path, const std::string& text) {
    return static_cast<bool>(std::ofstream(path) << text << std::flush);
  }

  const TemporaryFolder folder_;
  bool ok_ = false;
};

}  // namespace larder::bench

#endif  // LARDER_TESTS_BENCH_NODE_CERTIFICATE_H_
