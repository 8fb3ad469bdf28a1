#include "server/tls/tls_rotation.h"

#include <sys/stat.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"

namespace larder::server {
namespace {

int64_t NanosecondsOf(const timespec& time) {
  return int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

}  // namespace

absl::StatusOr<std::unique_ptr<TlsRotation>> TlsRotation::Create(TlsFiles files,
                                                                 TlsCounters* counters,
                                                                 TlsListener listener) {
  std::unique_ptr<TlsRotation> rotation(
      new TlsRotation(std::move(files), counters, std::move(listener)));
  const absl::Time now = absl::Now();
  const absl::Status status = rotation->Load(now);
  if (!status.ok()) return status;
  rotation->TellValidity(now);
  return rotation;
}

TlsRotation::TlsRotation(TlsFiles files, TlsCounters* counters, TlsListener listener)
    : files_(std::move(files)), counters_(counters), listener_(std::move(listener)) {}

std::shared_ptr<const TlsContext> TlsRotation::context() const {
  const storage::MutexLock lock(mutex_);
  return context_;
}

TlsRotation::FileMark TlsRotation::Look(const std::string& path) {
  struct stat status;
  if (path.empty() || stat(path.c_str(), &status) != 0) return {};
  return {.device = status.st_dev,
          .inode = status.st_ino,
          .bytes = status.st_size,
          .modified_ns = NanosecondsOf(status.st_mtim),
          .changed_ns = NanosecondsOf(status.st_ctim)};
}

absl::Status TlsRotation::Load(absl::Time now) {
  loaded_at_ = now;
  retry_at_ = absl::InfiniteFuture();
  // Before they are read, so that a change in between is seen the next time.
  marks_ = {Look(files_.cert_file), Look(files_.key_file), Look(files_.client_ca_file)};
  const absl::StatusOr<TlsTexts> texts = ReadTlsFiles(files_);
  if (!texts.ok()) return texts.status();
  auto loaded = TlsContext::Create(files_, *texts);
  if (!loaded.ok()) return loaded.status();
  const absl::Status validity = (*loaded)->CheckValidity(now);
  const std::shared_ptr<const TlsContext> in_use = context();
  if (!validity.ok() && in_use != nullptr && in_use->CheckValidity(now).ok()) {
    const absl::Time valid_at = (*loaded)->not_before();
    retry_at_ = in_use->not_after() + absl::Seconds(1);
    if (valid_at > now) retry_at_ = std::min(retry_at_, valid_at);
    return validity;
  }
  counters_->SetExpiry(absl::ToUnixSeconds((*loaded)->not_after()));
  is_told_invalid_ = false;
  const storage::MutexLock lock(mutex_);
  context_ = *std::move(loaded);
  return absl::OkStatus();
}

void TlsRotation::TellValidity(absl::Time now) {
  const std::shared_ptr<const TlsContext> in_use = context();
  if (const absl::Status validity = in_use->CheckValidity(now); !validity.ok()) {
    is_told_invalid_ = true;
    return Tell(TlsNotice::Severity::kWarning,
                absl::StrCat("TLS: clients will refuse what is in use: ", validity.message()));
  }
  Tell(TlsNotice::Severity::kInfo,
       absl::StrCat("TLS: the certificate in ", files_.cert_file, " is valid until ",
                    absl::FormatTime(absl::RFC3339_sec, in_use->not_after(), absl::UTCTimeZone())));
}

void TlsRotation::Refresh(absl::Time now) {
  const Marks marks = {Look(files_.cert_file), Look(files_.key_file), Look(files_.client_ca_file)};
  const bool has_changed = marks != marks_;
  if (has_changed || now >= retry_at_ || now - loaded_at_ >= kContextAgeMax) {
    const bool is_retried = now >= retry_at_;
    if (const absl::Status status = Load(now); !status.ok()) {
      TellRefusal("the files have changed", status);
    } else if (has_changed || is_retried) {
      TellValidity(now);
    }
  }
  if (is_told_invalid_ || context()->CheckValidity(now).ok()) return;
  TellValidity(now);
}

void TlsRotation::Reload(absl::Time now) {
  if (const absl::Status status = Load(now); !status.ok()) {
    TellRefusal("the files were read again", status);
  } else {
    TellValidity(now);
  }
}

void TlsRotation::TellRefusal(const char* what, const absl::Status& status) const {
  Tell(TlsNotice::Severity::kWarning,
       absl::StrCat("TLS: ", what,
                    ", but the certificate of before stays in use: ", status.message()));
}

void TlsRotation::Tell(TlsNotice::Severity severity, std::string text) const {
  if (listener_) listener_({severity, std::move(text)});
}

}  // namespace larder::server
