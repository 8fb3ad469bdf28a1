#ifndef LARDER_SERVER_TLS_TLS_ROTATION_H_
#define LARDER_SERVER_TLS_TLS_ROTATION_H_

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "client/channel/channel_tls_context.h"
#include "server/tls/tls_context.h"
#include "server/tls/tls_counters.h"
#include "server/tls/tls_files.h"
#include "storage/mutex.h"

namespace larder::server {

// Something that whoever runs the node should read, in one line.
struct TlsNotice {
  enum class Severity : uint8_t { kInfo, kWarning };
  Severity severity = Severity::kInfo;
  std::string text;
};
using TlsListener = std::function<void(const TlsNotice&)>;

// The TLS context that new connections get: read from files at the start, and again when these were
// replaced, also by way of a symbolic link, or when the context is old. Thread-safe.
class TlsRotation {
 public:
  // How long one context is used. The keys of its tickets go with it, so who learns them later can
  // read no more than this of what was resumed with TLS 1.2.
  static constexpr absl::Duration kContextAgeMax = absl::Hours(12);

  // REQUIRES: files.is_on(). FAILED_PRECONDITION: as ReadTlsFiles and TlsContext::Create. A
  // certificate that has expired, or is not yet valid, is only a warning: the clock may be wrong,
  // and clients decide. The listener may be empty.
  static absl::StatusOr<std::unique_ptr<TlsRotation>> Create(TlsFiles files, TlsCounters* counters,
                                                             TlsListener listener);

  std::shared_ptr<const TlsContext> context() const ABSL_LOCKS_EXCLUDED(mutex_);
  // What channels to other nodes get: the node's own certificate, and whom it trusts as a node.
  // INVALID_ARGUMENT, INTERNAL: as ChannelTlsContext::Create.
  absl::StatusOr<std::shared_ptr<const ChannelTlsContext>> peer_context() const
      ABSL_LOCKS_EXCLUDED(mutex_);
  // Changes when the contexts have been replaced.
  uint64_t generation() const { return generation_.load(std::memory_order_acquire); }
  TlsCounters& counters() const { return *counters_; }

  // Looks whether the files have changed, or the context is old. New ones that are no good, or are
  // not valid while the old ones are, leave the context as it is, with one warning for each change;
  // they are read again when that may have become different. Says once when the certificate in use
  // has expired.
  void Refresh(absl::Time now = absl::Now()) ABSL_LOCKS_EXCLUDED(load_mutex_, mutex_);
  // Reads the files whether they have changed or not; returns what came of it.
  TlsNotice Reload(absl::Time now = absl::Now()) ABSL_LOCKS_EXCLUDED(load_mutex_, mutex_);

 private:
  // What tells a file from one that took its place.
  struct FileMark {
    uint64_t device = 0;
    uint64_t inode = 0;
    int64_t bytes = -1;  // -1: there is none
    int64_t modified_ns = 0;
    int64_t changed_ns = 0;
    bool operator==(const FileMark&) const = default;
  };
  using Marks = std::array<FileMark, 4>;
  using PeerContext = absl::StatusOr<std::shared_ptr<const ChannelTlsContext>>;

  TlsRotation(TlsFiles files, TlsCounters* counters, TlsListener listener);
  static FileMark Look(const std::string& path);
  Marks LookAtFiles() const;
  PeerContext CreatePeerContext(const TlsTexts& texts) const;
  absl::Status Load(absl::Time now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(load_mutex_);
  // How it is with the context that is in use.
  TlsNotice DescribeValidity(absl::Time now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(load_mutex_);
  void Tell(const TlsNotice& notice) const;

  const TlsFiles files_;
  TlsCounters* const counters_;
  const TlsListener listener_;
  storage::Mutex load_mutex_;                   // files are read under it, by one at a time
  Marks marks_ ABSL_GUARDED_BY(load_mutex_){};  // of what was read last
  absl::Time loaded_at_ ABSL_GUARDED_BY(load_mutex_) = absl::Now();
  // When what was refused may be of use.
  absl::Time retry_at_ ABSL_GUARDED_BY(load_mutex_) = absl::InfiniteFuture();
  // It was told that the context in use is.
  bool is_told_invalid_ ABSL_GUARDED_BY(load_mutex_) = false;
  mutable storage::Mutex mutex_;
  std::shared_ptr<const TlsContext> context_ ABSL_GUARDED_BY(mutex_);
  PeerContext peer_context_ ABSL_GUARDED_BY(mutex_) = nullptr;
  std::atomic<uint64_t> generation_{0};
};

}  // namespace larder::server

#endif  // LARDER_SERVER_TLS_TLS_ROTATION_H_
