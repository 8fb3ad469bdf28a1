#include "server/tls/tls_rotation.h"

#include <sys/stat.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"

namespace larder::server {
namespace {

constexpr absl::Duration kReadAgainAfter = absl::Seconds(10);

int64_t NanosecondsOf(const timespec& time) {
  return int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

TlsNotice Refusal(const char* what, const absl::Status& status) {
  return {TlsNotice::Severity::kWarning,
          absl::StrCat("TLS: ", what,
                       ", but the certificate of before stays in use: ", status.message())};
}

}  // namespace

absl::StatusOr<std::unique_ptr<TlsRotation>> TlsRotation::Create(TlsFiles files,
                                                                 TlsCounters* counters,
                                                                 TlsListener listener) {
  std::unique_ptr<TlsRotation> rotation(
      new TlsRotation(std::move(files), counters, std::move(listener)));
  const absl::Time now = absl::Now();
  const storage::MutexLock lock(rotation->load_mutex_);
  const absl::Status status = rotation->Load(now);
  if (!status.ok()) return status;
  rotation->Tell(rotation->DescribeValidity(now));
  return rotation;
}

TlsRotation::TlsRotation(TlsFiles files, TlsCounters* counters, TlsListener listener)
    : files_(std::move(files)), counters_(counters), listener_(std::move(listener)) {}

TlsRotation::FileMark TlsRotation::Look(const std::string& path) {
  struct stat status;
  if (path.empty() || stat(path.c_str(), &status) != 0) return {};
  return {.device = status.st_dev,
          .inode = status.st_ino,
          .bytes = status.st_size,
          .modified_ns = NanosecondsOf(status.st_mtim),
          .changed_ns = NanosecondsOf(status.st_ctim)};
}

TlsRotation::Marks TlsRotation::LookAtFiles() const {
  return {Look(files_.cert_file), Look(files_.key_file), Look(files_.client_ca_file),
          Look(files_.peer_ca_file)};
}

TlsRotation::PeerContext TlsRotation::CreatePeerContext(const TlsTexts& texts) const {
  const bool has_own = !files_.peer_ca_file.empty();
  const std::string& ca_file = has_own ? files_.peer_ca_file : files_.client_ca_file;
  return ChannelTlsContext::Create(
      {.authorities = {absl::StrCat(has_own ? "--tls_peer_ca_file: " : "--tls_client_ca_file: ",
                                    ca_file),
                       has_own ? texts.peer_ca : texts.client_ca},
       .certificates = {absl::StrCat("--tls_cert_file: ", files_.cert_file), texts.certificates},
       .key = {absl::StrCat("--tls_key_file: ", files_.key_file), texts.key}});
}

std::shared_ptr<const TlsContext> TlsRotation::context() const {
  const storage::MutexLock lock(mutex_);
  return context_;
}

TlsRotation::PeerContext TlsRotation::peer_context() const {
  const storage::MutexLock lock(mutex_);
  return peer_context_;
}

absl::Status TlsRotation::Load(absl::Time now) {
  loaded_at_ = now;
  retry_at_ = absl::InfiniteFuture();
  // Before they are read, so that a change in between is seen the next time.
  marks_ = LookAtFiles();
  const absl::StatusOr<TlsTexts> texts = ReadTlsFiles(files_);
  if (!texts.ok()) {
    // What has no file left to read with, for one, changes without the files.
    retry_at_ = now + kReadAgainAfter;
    return texts.status();
  }
  auto loaded = TlsContext::Create(files_, *texts);
  if (!loaded.ok()) return loaded.status();
  PeerContext for_peers = CreatePeerContext(*texts);
  if (!for_peers.ok() && !files_.peer_ca_file.empty()) {
    return absl::FailedPreconditionError(for_peers.status().message());
  }
  const absl::Status validity = (*loaded)->CheckValidity(now);
  const std::shared_ptr<const TlsContext> in_use = context();
  if (!validity.ok() && in_use != nullptr && in_use->CheckValidity(now).ok()) {
    retry_at_ = std::min((*loaded)->NextChange(now), in_use->NextChange(now));
    return validity;
  }
  counters_->SetExpiry(absl::ToUnixSeconds((*loaded)->not_after()));
  is_told_invalid_ = false;
  const storage::MutexLock lock(mutex_);
  context_ = *std::move(loaded);
  peer_context_ = std::move(for_peers);
  generation_.fetch_add(1, std::memory_order_release);
  return absl::OkStatus();
}

TlsNotice TlsRotation::DescribeValidity(absl::Time now) {
  const std::shared_ptr<const TlsContext> in_use = context();
  if (const absl::Status validity = in_use->CheckValidity(now); !validity.ok()) {
    is_told_invalid_ = true;
    return {TlsNotice::Severity::kWarning,
            absl::StrCat("TLS: clients will refuse what is in use: ", validity.message())};
  }
  return {
      TlsNotice::Severity::kInfo,
      absl::StrCat("TLS: the certificate in ", files_.cert_file, " is valid until ",
                   absl::FormatTime(absl::RFC3339_sec, in_use->not_after(), absl::UTCTimeZone()))};
}

void TlsRotation::Refresh(absl::Time now) {
  const storage::MutexLock lock(load_mutex_);
  const Marks marks = LookAtFiles();
  const bool has_changed = marks != marks_;
  const bool has_news = has_changed || now >= retry_at_;
  const bool is_old = now - loaded_at_ >= kContextAgeMax;
  if (has_news || is_old) {
    if (const absl::Status status = Load(now); !status.ok()) {
      if (has_changed || is_old) Tell(Refusal("the files have changed", status));
    } else if (has_news) {
      Tell(DescribeValidity(now));
    }
  }
  if (!is_told_invalid_ && !context()->CheckValidity(now).ok()) Tell(DescribeValidity(now));
}

TlsNotice TlsRotation::Reload(absl::Time now) {
  const storage::MutexLock lock(load_mutex_);
  const absl::Status status = Load(now);
  return status.ok() ? DescribeValidity(now) : Refusal("the files were read again", status);
}

void TlsRotation::Tell(const TlsNotice& notice) const {
  if (listener_) listener_(notice);
}

}  // namespace larder::server
