#include "server/tls/tls_rotation.h"

#include <sys/stat.h>

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
  const absl::Status status = rotation->Load();
  if (!status.ok()) return status;
  rotation->TellExpiry();
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

absl::Status TlsRotation::Load() {
  // Before they are read, so that a change in between is seen the next time.
  marks_ = {Look(files_.cert_file), Look(files_.key_file), Look(files_.client_ca_file)};
  const absl::StatusOr<TlsTexts> texts = ReadTlsFiles(files_);
  if (!texts.ok()) return texts.status();
  auto context = TlsContext::Create(files_, *texts);
  if (!context.ok()) return context.status();
  counters_->SetExpiry(absl::ToUnixSeconds((*context)->not_after()));
  const storage::MutexLock lock(mutex_);
  context_ = *std::move(context);
  return absl::OkStatus();
}

void TlsRotation::TellExpiry() const {
  const absl::Time not_after = context()->not_after();
  const bool has_expired = absl::Now() > not_after;
  Tell(has_expired ? TlsNotice::Severity::kWarning : TlsNotice::Severity::kInfo,
       absl::StrCat("TLS: the certificate in ", files_.cert_file,
                    has_expired ? " has expired: it was valid until " : " is valid until ",
                    absl::FormatTime(absl::RFC3339_sec, not_after, absl::UTCTimeZone())));
}

void TlsRotation::Refresh(absl::Time now) {
  const Marks marks = {Look(files_.cert_file), Look(files_.key_file), Look(files_.client_ca_file)};
  const bool has_changed = marks != marks_;
  if (!has_changed && now - loaded_at_ < kContextAgeMax) return;
  loaded_at_ = now;
  if (const absl::Status status = Load(); !status.ok()) {
    Tell(TlsNotice::Severity::kWarning,
         absl::StrCat("TLS: the files have changed, but the certificate of before stays in use: ",
                      status.message()));
  } else if (has_changed) {
    TellExpiry();
  }
}

void TlsRotation::Tell(TlsNotice::Severity severity, std::string text) const {
  if (listener_) listener_({severity, std::move(text)});
}

}  // namespace larder::server
