#include "client/tls_options.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "client/client.h"
#include "tests/server/tls/test_authority.h"

namespace larder {
namespace {

using ::testing::HasSubstr;

constexpr char kCertificate[] = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";
constexpr char kKey[] = "-----BEGIN EC PRIVATE KEY-----\nMHcC\n-----END EC PRIVATE KEY-----\n";

class TlsOptionsTest : public ::testing::Test {
 protected:
  TlsOptionsTest()
      : folder_(std::filesystem::path(::testing::TempDir()) /
                ("tls_options_" + std::to_string(getpid()))) {
    std::filesystem::create_directory(folder_);
  }
  ~TlsOptionsTest() override { std::filesystem::remove_all(folder_); }

  std::string Write(const std::string& name, const std::string& text) {
    const std::string path = (folder_ / name).string();
    std::ofstream(path) << text;
    return path;
  }
  // What is said of options that are refused, also by a Client.
  static std::string Refusal(const TlsOptions& options) {
    const absl::Status status = ReadTlsOptions(options).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    ClientOptions client;
    client.tls = options;
    EXPECT_EQ(Client::Create(client).status(), status);
    return std::string(status.message());
  }

  const std::filesystem::path folder_;
};

TEST_F(TlsOptionsTest, FilesAreRead) {
  const auto material = ReadTlsOptions({.ca_file = Write("ca", kCertificate),
                                        .cert_file = Write("cert", std::string(kCertificate) + "#"),
                                        .key_file = Write("key", kKey),
                                        .server_name = "node.example"});
  ASSERT_TRUE(material.ok()) << material.status();
  EXPECT_EQ(material->ca, kCertificate);
  EXPECT_EQ(material->cert, std::string(kCertificate) + "#");
  EXPECT_EQ(material->key, kKey);
  EXPECT_EQ(material->server_name, "node.example");
}

TEST_F(TlsOptionsTest, WithoutFilesThereIsNothingToRead) {
  const auto material = ReadTlsOptions({});
  ASSERT_TRUE(material.ok()) << material.status();
  EXPECT_EQ(material->ca, "");
}

TEST_F(TlsOptionsTest, AFileThatIsNoGoodIsNamed) {
  const std::string none = (folder_ / "none").string();
  EXPECT_EQ(Refusal({.ca_file = none}), "tls.ca_file: '" + none + "': No such file or directory");
  EXPECT_THAT(Refusal({.ca_file = folder_.string()}), HasSubstr("Is a directory"));
  const std::string key = Write("key", kKey);
  const std::string cert = Write("cert", kCertificate);
  EXPECT_EQ(Refusal({.ca_file = key}), "tls.ca_file: '" + key + "': holds no CERTIFICATE in PEM");
  EXPECT_THAT(Refusal({.cert_file = cert, .key_file = cert}), HasSubstr("tls.key_file"));
  EXPECT_THAT(Refusal({.ca_file = Write("large", std::string((1 << 20) + 1, '-'))}),
              HasSubstr("larger than 1 MiB"));
}

TEST_F(TlsOptionsTest, ACertificateNeedsItsKey) {
  const std::string cert = Write("cert", kCertificate);
  EXPECT_THAT(Refusal({.cert_file = cert}), HasSubstr("both or none"));
  EXPECT_THAT(Refusal({.key_file = cert}), HasSubstr("both or none"));
}

TEST_F(TlsOptionsTest, WhatIsInTheFilesIsLookedAtToo) {
  const TestAuthority authority("authority");
  const std::string cert = Write("cert", authority.Issue("one").certificate);
  const std::string key = Write("key", authority.Issue("two").key);
  ClientOptions options;
  options.tls = TlsOptions{.cert_file = cert, .key_file = key};
  EXPECT_EQ(Client::Create(options).status(),
            absl::InvalidArgumentError("tls.key_file: '" + key +
                                       "': does not belong to the certificate in tls.cert_file: '" +
                                       cert + "'"));
  options.tls = TlsOptions{.ca_file = Write("ca", kCertificate)};
  EXPECT_THAT(std::string(Client::Create(options).status().message()),
              HasSubstr("tls.ca_file: '" + options.tls->ca_file + "': certificate 1 is damaged"));
}

}  // namespace
}  // namespace larder
