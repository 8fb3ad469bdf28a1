#ifndef LARDER_SERVER_FORWARDING_FORWARDED_PROOF_H_
#define LARDER_SERVER_FORWARDING_FORWARDED_PROOF_H_

#include <string>
#include <string_view>

namespace larder::server {

// By which nodes that share this secret know the calls of each other: 32 hexadecimal digits of its
// HMAC (SHA-256), so that the secret itself does not travel with calls. Empty for an empty secret.
std::string ForwardedProofOf(std::string_view cluster_secret);

}  // namespace larder::server

#endif  // LARDER_SERVER_FORWARDING_FORWARDED_PROOF_H_
