#ifndef LARDER_PROTO_TLS_OPENSSL_ERROR_H_
#define LARDER_PROTO_TLS_OPENSSL_ERROR_H_

#include <openssl/err.h>

#include <string>

namespace larder {

// The reason of the first error that OpenSSL has noted on this thread; forgets all of them.
inline std::string TakeOpensslError() {
  const unsigned long error = ERR_peek_error();
  const char* const reason = ERR_reason_error_string(error);
  ERR_clear_error();
  return reason == nullptr ? "unknown reason" : reason;
}

}  // namespace larder

#endif  // LARDER_PROTO_TLS_OPENSSL_ERROR_H_
