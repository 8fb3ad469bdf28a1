#ifndef LARDER_SERVER_REPLICATION_REPLICATION_JOURNAL_H_
#define LARDER_SERVER_REPLICATION_REPLICATION_JOURNAL_H_

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "cluster/replication/boot_time.h"
#include "cluster/replication/epoch.h"
#include "cluster/replication/messages.h"
#include "cluster/replication/replication_source.h"
#include "cluster/replication/sink_effects.h"
#include "cluster/replication/source_options.h"
#include "server/replication/line_throttle.h"

namespace larder::server {

// A line for who runs the node.
struct ReplicationNotice {
  enum class Severity : uint8_t { kInfo, kWarning };
  Severity severity = Severity::kInfo;
  std::string text;
};
using ReplicationListener = std::function<void(const ReplicationNotice&)>;

// Makes lines of what happens to the replication of a node: none has data or a secret in it, and
// what streams do again and again is said once in a while (LineThrottle). Not thread-safe.
class ReplicationJournal {
 public:
  struct Parts {
    ReplicationListener listener;  // may be empty
    std::function<cluster::BootTime()> now;
    std::function<uint64_t()> entries;  // of what is served
  };
  explicit ReplicationJournal(Parts parts) : parts_(std::move(parts)) {}

  // ---- What the node is. `source` is the bus of whom it follows.
  void Follows(const std::string& source, bool commanded);
  // Its epoch begins at `first`; 0: nobody has had its data yet.
  void Leads(const cluster::Epoch& epoch, uint64_t first);
  void CannotLead(const absl::Status& why);
  void OpensLog(const cluster::Epoch& epoch, uint64_t first);
  void ExceedsFence(const cluster::Epoch& fence, const cluster::Epoch& epoch, uint64_t first);
  void IsFenced(const cluster::Epoch& epoch);
  void Waits(cluster::Millis time);
  void LeadsAgain();
  void HandsOver(const cluster::ReplicationSource::Ahead& to);
  void CannotPersist(const absl::Status& why);

  // ---- Of its source: what has changed since the last time.
  void See(cluster::SinkReport sink);

  // ---- Of its replicas. `peer`: as PeerStream has it.
  void Hears(cluster::LinkId link, const std::string& peer, const cluster::ReplicaMessage& message);
  void Says(cluster::LinkId link, const cluster::SourceMessage& message);
  void Ends(cluster::LinkId link, const absl::Status& why);

 private:
  using Severity = ReplicationNotice::Severity;
  struct Replica {
    std::string node;
    std::string name;
    bool is_refused = false;
  };

  void SeeWelcome(const cluster::SinkReport& sink);
  void SeeLost(const cluster::SinkReport& sink);
  void Say(Severity severity, std::string text);
  // Unless the same was said of the subject moments ago.
  void SayOf(const std::string& subject, Severity severity, std::string text);

  const Parts parts_;
  LineThrottle throttle_;
  std::map<cluster::LinkId, Replica> replicas_;
  std::string source_;
  cluster::SinkReport seen_;
  bool is_welcome_ = false;  // by its source
  cluster::BootTime copy_began_at_;
};

}  // namespace larder::server

#endif  // LARDER_SERVER_REPLICATION_REPLICATION_JOURNAL_H_
