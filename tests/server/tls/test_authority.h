#ifndef LARDER_TESTS_SERVER_TLS_TEST_AUTHORITY_H_
#define LARDER_TESTS_SERVER_TLS_TEST_AUTHORITY_H_

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <memory>
#include <string>

namespace larder {

template <auto kFree>
struct OpensslFree {
  template <typename T>
  void operator()(T* pointer) const {
    kFree(pointer);
  }
};
using TestKey = std::unique_ptr<EVP_PKEY, OpensslFree<EVP_PKEY_free>>;
using TestX509 = std::unique_ptr<X509, OpensslFree<X509_free>>;

// A certificate and its key, in PEM.
struct TestCertificate {
  std::string certificate;
  std::string key;
};

// Makes certificates for 127.0.0.1 and node.example that end at a given time from now.
class TestAuthority {
 public:
  static constexpr char kNames[] = "IP:127.0.0.1,DNS:node.example";

  explicit TestAuthority(const std::string& name, long valid_seconds = 3600,
                         long valid_from_seconds = -7200)
      : name_(name),
        key_(EVP_EC_gen("P-256")),
        certificate_(
            Make(name, key_.get(),
                 {.valid_from_seconds = valid_from_seconds, .valid_seconds = valid_seconds})) {}

  std::string certificate() const { return PemOf(certificate_.get()); }

  // `usage`: of the extended key usage; empty: for all.
  TestCertificate Issue(const std::string& name, long valid_seconds = 3600,
                        const std::string& usage = "") const {
    return Issue(name, {.valid_seconds = valid_seconds, .usage = usage});
  }
  TestCertificate IssueFrom(const std::string& name, long valid_from_seconds) const {
    return Issue(name, {.valid_from_seconds = valid_from_seconds});
  }
  // `names`: subject alternative names as OpenSSL's configuration has them; empty: none.
  TestCertificate IssueFor(const std::string& names, const std::string& name) const {
    return Issue(name, {.names = names});
  }

  static std::string PemOf(EVP_PKEY* key, const char* passphrase = nullptr) {
    const std::unique_ptr<BIO, OpensslFree<BIO_free>> bio(BIO_new(BIO_s_mem()));
    PEM_write_bio_PrivateKey(bio.get(), key, passphrase == nullptr ? nullptr : EVP_aes_128_cbc(),
                             nullptr, 0, nullptr, const_cast<char*>(passphrase));
    return TextOf(bio.get());
  }

 private:
  struct Shape {
    long valid_from_seconds = -7200;
    long valid_seconds = 3600;
    std::string usage = {};
    std::string names = kNames;
  };

  TestCertificate Issue(const std::string& name, const Shape& shape) const {
    const TestKey key(EVP_EC_gen("P-256"));
    const TestX509 certificate = Make(name, key.get(), shape);
    return {PemOf(certificate.get()), PemOf(key.get())};
  }
  static std::string TextOf(BIO* bio) {
    char* text = nullptr;
    const long size = BIO_get_mem_data(bio, &text);
    return {text, static_cast<size_t>(size)};
  }
  static std::string PemOf(X509* certificate) {
    const std::unique_ptr<BIO, OpensslFree<BIO_free>> bio(BIO_new(BIO_s_mem()));
    PEM_write_bio_X509(bio.get(), certificate);
    return TextOf(bio.get());
  }
  static void AddExtension(X509* certificate, int kind, const std::string& value) {
    X509_EXTENSION* const extension = X509V3_EXT_conf_nid(nullptr, nullptr, kind, value.c_str());
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
  }
  static void SetName(X509_NAME* to, const std::string& name) {
    X509_NAME_add_entry_by_txt(to, "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
  }

  TestX509 Make(const std::string& name, EVP_PKEY* key, const Shape& shape) const {
    const bool is_root = key == key_.get();
    TestX509 certificate(X509_new());
    X509_set_version(certificate.get(), X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), is_root ? 1 : ++serial_);
    X509_gmtime_adj(X509_getm_notBefore(certificate.get()), shape.valid_from_seconds);
    X509_gmtime_adj(X509_getm_notAfter(certificate.get()), shape.valid_seconds);
    SetName(X509_get_subject_name(certificate.get()), name);
    SetName(X509_get_issuer_name(certificate.get()), name_);
    X509_set_pubkey(certificate.get(), key);
    AddExtension(certificate.get(), NID_basic_constraints,
                 is_root ? "critical,CA:TRUE" : "critical,CA:FALSE");
    if (!is_root && !shape.names.empty()) {
      AddExtension(certificate.get(), NID_subject_alt_name, shape.names);
    }
    if (!shape.usage.empty()) AddExtension(certificate.get(), NID_ext_key_usage, shape.usage);
    X509_sign(certificate.get(), key_.get(), EVP_sha256());
    return certificate;
  }

  const std::string name_;
  const TestKey key_;
  mutable long serial_ = 1;
  const TestX509 certificate_;
};

}  // namespace larder

#endif  // LARDER_TESTS_SERVER_TLS_TEST_AUTHORITY_H_
