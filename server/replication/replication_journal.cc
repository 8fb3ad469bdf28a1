#include "server/replication/replication_journal.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "server/handlers/replication_status.h"

namespace larder::server {
namespace {

// Of a line. What other nodes say of themselves is no longer.
constexpr size_t kTextBytesMax = 2000;

std::string ShortNode(const cluster::NodeId& node) { return node.ToText().substr(0, 8); }

std::string TimeText(cluster::Millis time) {
  return absl::FormatDuration(absl::Milliseconds(time.count()));
}

std::string TroubleOf(const cluster::SinkReport& sink) {
  ReplicationStatus status;
  status.sink = sink;
  return status.Trouble();
}

std::string SourceText(const cluster::SinkReport& sink) {
  return absl::StrCat(
      sink.source_endpoint,
      sink.source.has_value() ? absl::StrCat(" (node ", ShortNode(*sink.source), ")") : "",
      ", in epoch ", sink.source_epoch.ToText());
}

}  // namespace

void ReplicationJournal::Follows(const std::string& source, bool commanded) {
  source_ = source;
  is_welcome_ = false;
  Say(Severity::kInfo, absl::StrCat("follows the node with the bus ", source,
                                    commanded ? ", as it was told to" : ", as before its restart"));
}

void ReplicationJournal::Leads(const cluster::Epoch& epoch, uint64_t first) {
  source_.clear();
  Say(Severity::kInfo, absl::StrCat("leads from now on, in epoch ", epoch.ToText(),
                                    first > 0 ? absl::StrCat(" from sequence ", first) : ""));
}

void ReplicationJournal::CannotLead(const absl::Status& why) {
  Say(Severity::kWarning,
      absl::StrCat("should lead, since its source has less, and cannot: ", why.message()));
}

void ReplicationJournal::OpensLog(const cluster::Epoch& epoch, uint64_t first) {
  Say(Severity::kInfo, absl::StrCat("keeps a log for replicas from now on, in epoch ",
                                    epoch.ToText(), " from sequence ", first));
}

void ReplicationJournal::ExceedsFence(const cluster::Epoch& fence, const cluster::Epoch& epoch,
                                      uint64_t first) {
  Say(Severity::kInfo,
      absl::StrCat("leads on in epoch ", epoch.ToText(), " from sequence ", first,
                   ", since a replica that was told to follow is bound to ", fence.ToText()));
}

void ReplicationJournal::IsFenced(const cluster::Epoch& epoch) {
  Say(Severity::kWarning, absl::StrCat("fenced by epoch ", epoch.ToText(),
                                       ", of which a replica knows: gives up its authority and "
                                       "takes no writes until an operator says what it is "
                                       "(larder replica of HOST:PORT | none)"));
}

void ReplicationJournal::Waits(cluster::Millis time) {
  Say(Severity::kInfo,
      absl::StrCat("led before its restart and has no data: waits ", TimeText(time),
                   " (--restart_wait) for replicas that have it, and serves nothing meanwhile"));
}

void ReplicationJournal::LeadsAgain() {
  Say(Severity::kWarning,
      "the wait after its restart is over: no replica with its data came, so it leads with none");
}

void ReplicationJournal::HandsOver(const cluster::ReplicationSource::Ahead& to) {
  Say(Severity::kInfo,
      absl::StrCat("the wait after its restart is over: hands over to node ", ShortNode(to.node),
                   " with the bus ", to.bus_endpoint, ", which is at ", to.position.ToText()));
}

void ReplicationJournal::CannotPersist(const absl::Status& why) {
  SayOf("", Severity::kWarning,
        absl::StrCat("its state cannot be written to disk, and until it is nothing is done or said "
                     "that depends on it: ",
                     why.message()));
}

void ReplicationJournal::See(cluster::SinkReport sink) {
  if (!parts_.listener) return;
  const bool is_lost = sink.streams_lost != seen_.streams_lost;
  // The end of a stream comes before the beginning of the next one.
  if (is_lost && sink.is_connected) SeeLost(sink);
  SeeWelcome(sink);
  if (is_lost && !sink.is_connected) SeeLost(sink);
  if (sink.copies_installed != seen_.copies_installed) {
    Say(Severity::kInfo, absl::StrCat("installed the copy, ", parts_.entries(), " entries, ",
                                      TimeText(parts_.now() - copy_began_at_), " after it began"));
  }
  seen_ = std::move(sink);
}

void ReplicationJournal::SeeWelcome(const cluster::SinkReport& sink) {
  std::string how;
  if (sink.continued != seen_.continued) how = "goes on from where this node is";
  if (sink.copies_begun != seen_.copies_begun) {
    copy_began_at_ = parts_.now();
    how = absl::StrCat("a full copy begins, since ", sink.why_copied);
  }
  if (sink.copies_resumed != seen_.copies_resumed) {
    how = absl::StrCat("the copy that was cut goes on at ", sink.copied_bytes, " bytes");
  }
  if (how.empty()) return;
  is_welcome_ = true;
  SayOf(source_, Severity::kInfo,
        absl::StrCat("connected to its source ", SourceText(sink), ": ", how));
}

void ReplicationJournal::SeeLost(const cluster::SinkReport& sink) {
  const bool was_welcome = std::exchange(is_welcome_, false);
  SayOf(source_, Severity::kWarning,
        absl::StrCat(
            was_welcome ? "lost the source with the bus " : "cannot follow the node with the bus ",
            source_, ": ", TroubleOf(sink), "; goes on trying"));
}

void ReplicationJournal::Hears(cluster::LinkId link, const std::string& peer,
                               const cluster::ReplicaMessage& message) {
  const auto* hello = std::get_if<cluster::Hello>(&message);
  if (hello == nullptr || !parts_.listener) return;
  replicas_[link] = {.node = hello->node.ToText(),
                     .name = absl::StrCat("replica ", hello->endpoint, " (node ",
                                          ShortNode(hello->node), ", by ", peer, ")")};
}

void ReplicationJournal::Says(cluster::LinkId link, const cluster::SourceMessage& message) {
  const auto* welcome = std::get_if<cluster::Welcome>(&message);
  const auto* refuse = std::get_if<cluster::Refuse>(&message);
  const auto found = replicas_.find(link);
  if ((welcome == nullptr && refuse == nullptr) || found == replicas_.end()) return;
  Replica& replica = found->second;
  if (refuse != nullptr) {
    replica.is_refused = true;
    const std::string reason(cluster::RefuseReasonText(refuse->reason));
    return SayOf(replica.node, Severity::kWarning,
                 absl::StrCat("refused ", replica.name, ": ", reason, ": ", refuse->detail));
  }
  using Kind = cluster::Welcome::Kind;
  std::string how = absl::StrCat("goes on from ", welcome->from);
  if (welcome->kind == Kind::kCopyAnew) {
    how = absl::StrCat("takes a full copy of ", parts_.entries(), " entries, since ",
                       welcome->detail);
  } else if (welcome->kind == Kind::kCopyOnward) {
    how = "goes on with a copy that was cut";
  } else if (welcome->kind == Kind::kCopyAgain) {
    how = "goes once more over a copy that was cut, for what has changed";
  }
  SayOf(replica.node, Severity::kInfo, absl::StrCat(replica.name, " came: ", how));
}

void ReplicationJournal::Ends(cluster::LinkId link, const absl::Status& why) {
  const auto found = replicas_.find(link);
  if (found == replicas_.end()) return;
  const Replica replica = std::move(found->second);
  replicas_.erase(found);
  if (replica.is_refused) return;  // all is said
  const std::string reason = why.ok() ? "it ended the stream" : std::string(why.message());
  SayOf(replica.node, Severity::kWarning, absl::StrCat("lost ", replica.name, ": ", reason));
}

void ReplicationJournal::Say(Severity severity, std::string text) {
  if (!parts_.listener) return;
  // A reason may be another node's words.
  text.resize(std::min(text.size(), kTextBytesMax));
  std::replace_if(text.begin(), text.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
  parts_.listener({severity, absl::StrCat("replication: ", text)});
}

void ReplicationJournal::SayOf(const std::string& subject, Severity severity, std::string text) {
  const auto left_out = throttle_.Admit(subject, text, parts_.now());
  if (!left_out.has_value()) return;
  if (*left_out > 0)
    absl::StrAppend(&text, " (and ", *left_out, " times more since this was said)");
  Say(severity, std::move(text));
}

}  // namespace larder::server
