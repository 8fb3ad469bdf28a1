#include "server/tls/tls_rotation.h"

#include <gmock/gmock.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "absl/time/clock.h"
#include "tests/server/tls/test_authority.h"

namespace larder::server {
namespace {

using testing::HasSubstr;

class TlsRotationTest : public testing::Test {
 protected:
  TlsRotationTest()
      : folder_(std::filesystem::path(testing::TempDir()) /
                ("tls_rotation_" + std::to_string(getpid()))) {
    std::filesystem::create_directory(folder_);
    Write("cert", first_.certificate);
    Write("key", first_.key);
  }
  ~TlsRotationTest() override { std::filesystem::remove_all(folder_); }

  std::string Path(const std::string& name) const { return (folder_ / name).string(); }

  // Replaces a file by a new one, in one step.
  void Write(const std::string& name, const std::string& text) {
    std::ofstream(Path("new")) << text;
    std::filesystem::rename(Path("new"), Path(name));
  }

  TlsFiles Files() const { return {Path("cert"), Path("key"), ""}; }

  std::unique_ptr<TlsRotation> Start() { return Start(Files()); }
  std::unique_ptr<TlsRotation> Start(const TlsFiles& files) {
    return TlsRotation::Create(files, &counters_,
                               [this](const TlsNotice& notice) { notices_.push_back(notice); })
        .value();
  }

  // What a start with these files says.
  std::string Refusal(const TlsFiles& files) {
    const auto rotation = TlsRotation::Create(files, &counters_, {});
    EXPECT_EQ(rotation.status().code(), absl::StatusCode::kFailedPrecondition);
    return std::string(rotation.status().message());
  }

  // The certificate that connections get now.
  static std::string InUse(const TlsRotation& rotation) {
    const std::unique_ptr<BIO, OpensslFree<BIO_free>> bio(BIO_new(BIO_s_mem()));
    PEM_write_bio_X509(bio.get(), SSL_CTX_get0_certificate(rotation.context()->get()));
    char* text = nullptr;
    const long size = BIO_get_mem_data(bio.get(), &text);
    return {text, static_cast<size_t>(size)};
  }

  size_t Warnings() const {
    return static_cast<size_t>(std::count_if(
        notices_.begin(), notices_.end(),
        [](const TlsNotice& notice) { return notice.severity == TlsNotice::Severity::kWarning; }));
  }

  const std::filesystem::path folder_;
  const TestAuthority authority_{"authority"};
  const TestCertificate first_ = authority_.Issue("first");
  const TestCertificate second_ = authority_.Issue("second");
  TlsCounters counters_;
  std::vector<TlsNotice> notices_;
};

// What encrypts the tickets of the context that is in use.
std::string TicketKeys(const TlsRotation& rotation) {
  std::string keys(80, '\0');
  EXPECT_EQ(SSL_CTX_get_tlsext_ticket_keys(rotation.context()->get(), keys.data(), keys.size()), 1);
  return keys;
}

TEST_F(TlsRotationTest, TicketsHaveOtherKeysAfterSomeHoursUnderTheSameCertificate) {
  const TestCertificate lasting = authority_.Issue("lasting", 86400);
  Write("cert", lasting.certificate);
  Write("key", lasting.key);
  const auto rotation = Start();
  const std::string certificate = InUse(*rotation);
  const std::string keys = TicketKeys(*rotation);
  const absl::Time start = absl::Now();
  rotation->Refresh(start + TlsRotation::kContextAgeMax - absl::Minutes(1));
  EXPECT_EQ(TicketKeys(*rotation), keys);
  const absl::Time later = start + TlsRotation::kContextAgeMax + absl::Minutes(1);
  rotation->Refresh(later);
  const std::string new_keys = TicketKeys(*rotation);
  EXPECT_NE(new_keys, keys);
  rotation->Refresh(later + absl::Hours(1));
  EXPECT_EQ(TicketKeys(*rotation), new_keys);
  EXPECT_EQ(InUse(*rotation), certificate);
  EXPECT_EQ(notices_.size(), 1u) << "nobody need read that";
}

TEST_F(TlsRotationTest, SaysUntilWhenTheCertificateIsValid) {
  const auto rotation = Start();
  ASSERT_EQ(notices_.size(), 1u);
  EXPECT_EQ(notices_[0].severity, TlsNotice::Severity::kInfo);
  EXPECT_THAT(notices_[0].text, HasSubstr(Path("cert")));
  const int64_t left = counters_.expiry() - absl::ToUnixSeconds(absl::Now());
  EXPECT_GT(left, 0);
  EXPECT_LE(left, 3600);
}

TEST_F(TlsRotationTest, AnExpiredCertificateIsAWarning) {
  const TestCertificate expired = authority_.Issue("expired", -60);
  Write("cert", expired.certificate);
  Write("key", expired.key);
  const auto rotation = Start();
  ASSERT_EQ(Warnings(), 1u);
  EXPECT_THAT(notices_[0].text, HasSubstr("has expired"));
}

TEST_F(TlsRotationTest, AFileThatCannotBeReadIsNamed) {
  TlsFiles files = Files();
  files.cert_file = Path("none");
  EXPECT_EQ(Refusal(files), "--tls_cert_file: " + Path("none") + ": No such file or directory");
  files = Files();
  files.key_file = folder_.string();
  EXPECT_EQ(Refusal(files), "--tls_key_file: " + folder_.string() + ": Is a directory");
  files = Files();
  files.client_ca_file = Path("none");
  EXPECT_THAT(Refusal(files), HasSubstr("--tls_client_ca_file: " + Path("none")));
  files = Files();
  files.cert_file = Path("large");
  Write("large", std::string((1 << 20) + 1, '\n'));
  EXPECT_THAT(Refusal(files), HasSubstr("larger than 1 MiB"));
}

TEST_F(TlsRotationTest, WhatCannotBeReadAgainIsRefused) {
  ASSERT_EQ(mkfifo(Path("fifo").c_str(), 0600), 0);
  // A pipe with all of the certificate in it is none either: it would be empty the next time.
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  ASSERT_EQ(write(ends[1], first_.certificate.data(), first_.certificate.size()),
            static_cast<ssize_t>(first_.certificate.size()));
  close(ends[1]);
  for (const std::string& path :
       {Path("fifo"), "/dev/fd/" + std::to_string(ends[0]), std::string("/dev/null")}) {
    TlsFiles files = Files();
    files.cert_file = path;
    EXPECT_EQ(Refusal(files),
              "--tls_cert_file: " + path + ": no regular file, which could be read again");
  }
  close(ends[0]);
}

TEST_F(TlsRotationTest, WhatIsWrongInAFileIsSaid) {
  TlsFiles files = Files();
  files.cert_file = Path("key");
  EXPECT_EQ(Refusal(files), "--tls_cert_file: " + Path("key") + ": holds no certificate in PEM");
  files = Files();
  files.key_file = Path("cert");
  EXPECT_EQ(Refusal(files), "--tls_key_file: " + Path("cert") + ": holds no private key in PEM");
  files = Files();
  files.client_ca_file = Path("key");
  EXPECT_EQ(Refusal(files),
            "--tls_client_ca_file: " + Path("key") + ": holds no certificate in PEM");
  Write("key", second_.key);
  EXPECT_EQ(Refusal(Files()), "--tls_key_file: " + Path("key") +
                                  ": does not belong to the certificate in " + Path("cert"));
  const TestKey key(EVP_EC_gen("P-256"));
  Write("key", TestAuthority::PemOf(key.get(), "passphrase"));
  EXPECT_THAT(Refusal(Files()), HasSubstr("is encrypted"));
  std::string damaged = first_.certificate;
  damaged.replace(damaged.size() / 2, 8, "********");
  Write("cert", first_.certificate + damaged);
  EXPECT_THAT(Refusal(Files()), HasSubstr("certificate 2 is damaged"));
}

TEST_F(TlsRotationTest, AChainIsSentWhole) {
  Write("cert", first_.certificate + authority_.certificate());
  const auto rotation = Start();
  STACK_OF(X509)* chain = nullptr;
  SSL_CTX_get0_chain_certs(rotation->context()->get(), &chain);
  EXPECT_EQ(sk_X509_num(chain), 1);
}

TEST_F(TlsRotationTest, ReplacedFilesAreUsed) {
  const auto rotation = Start();
  const auto before = rotation->context();
  rotation->Refresh();
  EXPECT_EQ(rotation->context(), before);
  Write("key", second_.key);
  Write("cert", second_.certificate);
  rotation->Refresh();
  EXPECT_EQ(InUse(*rotation), second_.certificate);
  EXPECT_EQ(Warnings(), 0u);
  // Connections of before go on with theirs.
  EXPECT_NE(rotation->context(), before);
}

TEST_F(TlsRotationTest, FilesBehindASymbolicLinkThatIsSwappedAreUsed) {
  for (const auto& [name, certificate] : {std::pair("a", first_), std::pair("b", second_)}) {
    std::filesystem::create_directory(Path(name));
    std::ofstream(Path(name) + "/cert") << certificate.certificate;
    std::ofstream(Path(name) + "/key") << certificate.key;
  }
  std::filesystem::create_symlink("a", Path("data"));
  for (const char* name : {"cert", "key"}) {
    std::filesystem::remove(Path(name));
    std::filesystem::create_symlink(std::string("data/") + name, Path(name));
  }
  const auto rotation = Start();
  EXPECT_EQ(InUse(*rotation), first_.certificate);
  std::filesystem::create_symlink("b", Path("data_new"));
  std::filesystem::rename(Path("data_new"), Path("data"));
  rotation->Refresh();
  EXPECT_EQ(InUse(*rotation), second_.certificate);
}

TEST_F(TlsRotationTest, BadFilesLeaveTheOldOnesInUseWithOneWarningForEachChange) {
  const auto rotation = Start();
  Write("cert", "nothing");
  for (int i = 0; i < 3; ++i) rotation->Refresh();
  EXPECT_EQ(InUse(*rotation), first_.certificate);
  ASSERT_EQ(Warnings(), 1u);
  EXPECT_THAT(notices_.back().text, HasSubstr(Path("cert")));
  std::filesystem::remove(Path("cert"));
  for (int i = 0; i < 3; ++i) rotation->Refresh();
  EXPECT_EQ(Warnings(), 2u);
  EXPECT_EQ(InUse(*rotation), first_.certificate);
  // One of the two comes first.
  Write("cert", second_.certificate);
  rotation->Refresh();
  EXPECT_EQ(Warnings(), 3u);
  EXPECT_EQ(InUse(*rotation), first_.certificate);
  Write("key", second_.key);
  rotation->Refresh();
  EXPECT_EQ(Warnings(), 3u);
  EXPECT_EQ(InUse(*rotation), second_.certificate);
}

TEST_F(TlsRotationTest, FilesThatCouldNotBeReadAreReadAgain) {
  const auto rotation = Start();
  const absl::Time start = absl::Now();
  Write("key", second_.key);
  Write("cert", second_.certificate);
  rlimit files{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &files), 0);
  const rlimit none{.rlim_cur = 0, .rlim_max = files.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
  for (int i = 0; i < 30; ++i) rotation->Refresh(start + absl::Seconds(i));
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &files), 0);
  EXPECT_EQ(InUse(*rotation), first_.certificate);
  ASSERT_EQ(Warnings(), 1u);
  EXPECT_THAT(notices_.back().text, HasSubstr("Too many open files"));
  rotation->Refresh(start + absl::Minutes(1));
  EXPECT_EQ(InUse(*rotation), second_.certificate);
  EXPECT_EQ(Warnings(), 1u);
}

// Puts a certificate, and more behind it, in the place of what is in use.
class TlsValidityTest : public TlsRotationTest {
 protected:
  void Replace(const TestCertificate& certificate, const std::string& more = "") {
    Write("key", certificate.key);
    Write("cert", certificate.certificate + more);
  }

  const TestCertificate expired_ = authority_.Issue("expired", -60);
  const TestCertificate later_ = authority_.IssueFrom("later", 1800);
};

TEST_F(TlsValidityTest, OneThatHasExpiredDoesNotReplaceOneThatIsValid) {
  const auto rotation = Start();
  const int64_t expiry = counters_.expiry();
  Replace(expired_);
  for (int i = 0; i < 3; ++i) rotation->Refresh();
  EXPECT_EQ(InUse(*rotation), first_.certificate);
  EXPECT_EQ(counters_.expiry(), expiry);
  ASSERT_EQ(Warnings(), 1u);
  EXPECT_THAT(notices_.back().text,
              testing::AllOf(HasSubstr("stays in use"), HasSubstr(Path("cert")),
                             HasSubstr("certificate 1 has expired")));
  Replace(second_);
  rotation->Refresh();
  EXPECT_EQ(InUse(*rotation), second_.certificate);
}

TEST_F(TlsValidityTest, OneThatIsNotYetValidComesIntoUseWhenItIs) {
  const auto rotation = Start();
  const absl::Time start = absl::Now();
  Replace(later_);
  for (int i = 0; i < 3; ++i) rotation->Refresh(start);
  EXPECT_EQ(InUse(*rotation), first_.certificate);
  ASSERT_EQ(Warnings(), 1u);
  EXPECT_THAT(notices_.back().text, HasSubstr("is not valid before"));
  rotation->Refresh(start + absl::Seconds(1900));
  EXPECT_EQ(InUse(*rotation), later_.certificate);
  EXPECT_EQ(Warnings(), 1u);
}

TEST_F(TlsValidityTest, AnIntermediateThatHasExpiredCountsAndARootDoesNot) {
  const auto rotation = Start();
  Replace(second_, expired_.certificate);
  rotation->Refresh();
  EXPECT_EQ(InUse(*rotation), first_.certificate);
  ASSERT_EQ(Warnings(), 1u);
  EXPECT_THAT(notices_.back().text, HasSubstr("certificate 2 has expired"));
  const TestAuthority root("root", -60);
  Replace(second_, root.certificate());
  rotation->Refresh();
  EXPECT_EQ(InUse(*rotation), second_.certificate);
  EXPECT_EQ(Warnings(), 1u);
}

TEST_F(TlsValidityTest, TheMetricIsOfTheFirstCertificateOfTheChainToExpire) {
  Replace(first_, authority_.Issue("intermediate", 600).certificate);
  const auto rotation = Start();
  EXPECT_LE(counters_.expiry() - absl::ToUnixSeconds(absl::Now()), 600);
}

TEST_F(TlsValidityTest, WhereNoneIsValidTheNewOneIsUsed) {
  Replace(expired_);
  const auto rotation = Start();
  EXPECT_EQ(Warnings(), 1u);
  Replace(later_);
  rotation->Refresh();
  EXPECT_EQ(InUse(*rotation), later_.certificate);
  EXPECT_EQ(Warnings(), 2u);
}

TEST_F(TlsValidityTest, OneThatWasRefusedComesIntoUseWhenTheOldOneHasExpired) {
  const auto rotation = Start();
  Replace(second_, expired_.certificate);
  rotation->Refresh();
  EXPECT_EQ(InUse(*rotation), first_.certificate);
  rotation->Refresh(absl::Now() + absl::Seconds(3700));
  EXPECT_EQ(InUse(*rotation), second_.certificate);
}

TEST_F(TlsValidityTest, SaysOnceThatTheOneInUseHasExpired) {
  const auto rotation = Start();
  const absl::Time later = absl::Now() + absl::Seconds(3700);
  for (int i = 0; i < 3; ++i) rotation->Refresh(later);
  ASSERT_EQ(Warnings(), 1u);
  EXPECT_THAT(notices_.back().text, HasSubstr("has expired"));
}

TEST_F(TlsValidityTest, AnAuthorityOfClientsMustBeValidUnlessAnotherIs) {
  const TestAuthority old("old", -60);
  Write("ca", authority_.certificate());
  const auto rotation =
      TlsRotation::Create({Path("cert"), Path("key"), Path("ca")}, &counters_,
                          [this](const TlsNotice& notice) { notices_.push_back(notice); })
          .value();
  const auto before = rotation->context();
  for (const std::string& bad : {std::string(), old.certificate()}) {
    Write("ca", bad);
    rotation->Refresh();
    EXPECT_EQ(rotation->context(), before);
    EXPECT_THAT(notices_.back().text, HasSubstr("--tls_client_ca_file"));
  }
  EXPECT_EQ(Warnings(), 2u);
  Write("ca", old.certificate() + authority_.certificate());
  rotation->Refresh();
  EXPECT_NE(rotation->context(), before);
  EXPECT_EQ(Warnings(), 2u);
}

TEST_F(TlsValidityTest, WhatWasRefusedForItsAuthoritiesComesIntoUseWhenOneIsValid) {
  const TestAuthority old("old", -60);
  const TestAuthority later("later", 7200, 1800);
  Write("ca", authority_.certificate());
  TlsFiles files = Files();
  files.client_ca_file = Path("ca");
  const auto rotation = Start(files);
  const auto before = rotation->context();
  const absl::Time start = absl::Now();
  Write("ca", old.certificate() + later.certificate());
  for (int i = 0; i < 3; ++i) rotation->Refresh(start + absl::Seconds(i));
  EXPECT_EQ(rotation->context(), before);
  EXPECT_EQ(Warnings(), 1u);
  rotation->Refresh(start + absl::Seconds(1900));
  EXPECT_NE(rotation->context(), before);
  EXPECT_EQ(Warnings(), 1u);
}

TEST_F(TlsValidityTest, WhatWasRefusedComesIntoUseWhenTheAuthoritiesInUseHaveExpired) {
  const TestAuthority brief("brief", 600);
  const TestAuthority old("old", -60);
  Write("ca", brief.certificate());
  TlsFiles files = Files();
  files.client_ca_file = Path("ca");
  const auto rotation = Start(files);
  const auto before = rotation->context();
  const absl::Time start = absl::Now();
  Write("ca", authority_.certificate());
  Replace(second_, expired_.certificate);  // which clients may do without
  rotation->Refresh(start);
  EXPECT_EQ(rotation->context(), before);
  EXPECT_EQ(Warnings(), 1u);
  rotation->Refresh(start + absl::Seconds(700));
  EXPECT_NE(rotation->context(), before);
}

TEST_F(TlsValidityTest, FilesThatAreHalfWrittenAreNotUsed) {
  Replace(first_);
  const auto rotation = Start();
  const auto before = rotation->context();
  const std::string chain = second_.certificate + authority_.certificate();
  Write("key", second_.key);
  for (size_t bytes = 0; bytes + 1 < chain.size(); ++bytes) {
    // Whole, but for what is behind it: nobody can tell.
    if (bytes + 1 == second_.certificate.size() || bytes == second_.certificate.size()) continue;
    Write("cert", chain.substr(0, bytes));
    rotation->Refresh();
    ASSERT_EQ(rotation->context(), before) << bytes << " bytes of " << chain.size();
  }
  Write("cert", chain);
  Write("key", second_.key.substr(0, second_.key.size() / 2));
  rotation->Refresh();
  EXPECT_EQ(rotation->context(), before);
  std::filesystem::remove(Path("key"));
  std::filesystem::create_directory(Path("key"));
  rotation->Refresh();
  EXPECT_EQ(rotation->context(), before);
  EXPECT_THAT(notices_.back().text, HasSubstr("Is a directory"));
  std::filesystem::remove(Path("key"));
  Write("key", second_.key);
  rotation->Refresh();
  EXPECT_EQ(InUse(*rotation), second_.certificate);
}

TEST_F(TlsValidityTest, ReloadReadsTheFilesAndSaysWhatCameOfIt) {
  const auto rotation = Start();
  const auto before = rotation->context();
  EXPECT_THAT(rotation->Reload().text, HasSubstr("is valid until"));
  EXPECT_NE(rotation->context(), before);
  Write("cert", "nothing");
  const TlsNotice refused = rotation->Reload();
  EXPECT_EQ(refused.severity, TlsNotice::Severity::kWarning);
  EXPECT_THAT(refused.text, HasSubstr("stays in use"));
  EXPECT_EQ(notices_.size(), 1u);
}

}  // namespace
}  // namespace larder::server
