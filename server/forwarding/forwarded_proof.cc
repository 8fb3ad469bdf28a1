#include "server/forwarding/forwarded_proof.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>
#include <cstddef>

#include "absl/strings/escaping.h"
#include "absl/strings/string_view.h"

namespace larder::server {

std::string ForwardedProofOf(std::string_view cluster_secret) {
  constexpr std::string_view kWhatFor = "larder-forwarded";
  constexpr size_t kProofBytes = 16;
  if (cluster_secret.empty()) return {};
  std::array<unsigned char, EVP_MAX_MD_SIZE> code{};
  unsigned int bytes = 0;
  HMAC(EVP_sha256(), cluster_secret.data(), static_cast<int>(cluster_secret.size()),
       reinterpret_cast<const unsigned char*>(kWhatFor.data()), kWhatFor.size(), code.data(),
       &bytes);
  return absl::BytesToHexString(
      absl::string_view(reinterpret_cast<const char*>(code.data()), kProofBytes));
}

}  // namespace larder::server
