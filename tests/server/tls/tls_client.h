#ifndef LARDER_TESTS_SERVER_TLS_TLS_CLIENT_H_
#define LARDER_TESTS_SERVER_TLS_TLS_CLIENT_H_

#include <gtest/gtest.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <memory>
#include <string>

#include "server/tls/tls_context.h"
#include "tests/server/tls/test_authority.h"

namespace larder::server {

// A node's certificate, and what it asks of clients.
inline std::shared_ptr<const TlsContext> ContextOf(const TestCertificate& node,
                                                   const std::string& client_ca = "") {
  const TlsFiles files{"cert", "key", client_ca.empty() ? "" : "ca"};
  return TlsContext::Create(files, {node.certificate, node.key, client_ca}).value();
}

struct TlsClientOptions {
  std::string ca;                    // PEM
  std::string alpn = "\x02h2";       // in the wire's form; empty: no extension
  TestCertificate certificate = {};  // of the client; empty: none
  int version = 0;                   // the only one; 0: any
  SSL_SESSION* session = nullptr;    // to be resumed
};

// The client's side of a TLS connection by OpenSSL, over memory: what it sends is in `Take`, what
// it receives comes by `Give`.
class TlsClient {
 public:
  explicit TlsClient(const TlsClientOptions& options) : context_(SSL_CTX_new(TLS_client_method())) {
    SSL_CTX_set_security_level(context_.get(), 0);  // or old versions cannot even be offered
    if (options.version != 0) {
      SSL_CTX_set_min_proto_version(context_.get(), options.version);
      SSL_CTX_set_max_proto_version(context_.get(), options.version);
    }
    SSL_CTX_set_verify(context_.get(), SSL_VERIFY_PEER, nullptr);
    const TestX509 ca = Parse(options.ca);
    X509_STORE_add_cert(SSL_CTX_get_cert_store(context_.get()), ca.get());
    if (!options.certificate.key.empty()) {
      const TestX509 own = Parse(options.certificate.certificate);
      SSL_CTX_use_certificate(context_.get(), own.get());
      const std::unique_ptr<BIO, OpensslFree<BIO_free>> bio(
          BIO_new_mem_buf(options.certificate.key.data(), -1));
      const TestKey key(PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, nullptr));
      SSL_CTX_use_PrivateKey(context_.get(), key.get());
    }
    ssl_.reset(SSL_new(context_.get()));
    if (!options.alpn.empty()) {
      SSL_set_alpn_protos(ssl_.get(), reinterpret_cast<const unsigned char*>(options.alpn.data()),
                          static_cast<unsigned>(options.alpn.size()));
    }
    if (options.session != nullptr) SSL_set_session(ssl_.get(), options.session);
    SSL_set_bio(ssl_.get(), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    SSL_set_connect_state(ssl_.get());
    Read();
  }

  SSL* ssl() { return ssl_.get(); }
  bool is_open() const { return SSL_is_init_finished(ssl_.get()) == 1 && !has_failed_; }
  bool has_failed() const { return has_failed_; }
  // Why it failed, or what ended it; 0: nothing did.
  int reason() const { return reason_; }
  bool has_ended() const { return has_ended_; }
  // All plaintext that came.
  const std::string& received() const { return received_; }

  void Give(std::string_view ciphertext) {
    if (!ciphertext.empty()) {
      BIO_write(SSL_get_rbio(ssl_.get()), ciphertext.data(), static_cast<int>(ciphertext.size()));
    }
    Read();
  }
  std::string Take() {
    std::string ciphertext(static_cast<size_t>(BIO_pending(SSL_get_wbio(ssl_.get()))), '\0');
    if (!ciphertext.empty()) {
      BIO_read(SSL_get_wbio(ssl_.get()), ciphertext.data(), static_cast<int>(ciphertext.size()));
    }
    return ciphertext;
  }
  void Write(const std::string& plaintext) {
    size_t written = 0;
    ASSERT_EQ(SSL_write_ex(ssl_.get(), plaintext.data(), plaintext.size(), &written), 1);
  }

 private:
  static TestX509 Parse(const std::string& pem) {
    const std::unique_ptr<BIO, OpensslFree<BIO_free>> bio(BIO_new_mem_buf(pem.data(), -1));
    return TestX509(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
  }

  void Read() {
    char buffer[16384];
    size_t count = 0;
    ERR_clear_error();
    int result = 0;
    while ((result = SSL_read_ex(ssl_.get(), buffer, sizeof(buffer), &count)) == 1) {
      received_.append(buffer, count);
    }
    const int error = SSL_get_error(ssl_.get(), result);
    if (error == SSL_ERROR_ZERO_RETURN) has_ended_ = true;
    if (error == SSL_ERROR_SSL && !has_failed_) {
      has_failed_ = true;
      reason_ = ERR_GET_REASON(ERR_peek_error());
    }
    ERR_clear_error();
  }

  const std::unique_ptr<SSL_CTX, OpensslFree<SSL_CTX_free>> context_;
  std::unique_ptr<SSL, OpensslFree<SSL_free>> ssl_;
  bool has_failed_ = false;
  bool has_ended_ = false;
  int reason_ = 0;
  std::string received_;
};

}  // namespace larder::server

#endif  // LARDER_TESTS_SERVER_TLS_TLS_CLIENT_H_
