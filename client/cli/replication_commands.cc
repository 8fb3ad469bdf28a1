#include <algorithm>
#include <array>
#include <memory>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/cli/commands.h"
#include "client/cli/json.h"
#include "client/flags/arguments.h"
#include "client/flags/units.h"

namespace larder::cli {
namespace {

constexpr char kNobody[] = "none";
constexpr absl::Duration kDigestTimeout = absl::Minutes(10);

int RunReplicaOf(Session& session, const std::string& whom) {
  // An empty word is a variable that nobody has set, not a wish to lead.
  if (whom.empty()) return session.FailUsage("replica of: say HOST:PORT, or none");
  const bool leads = whom == kNobody;
  absl::StatusOr<std::unique_ptr<Client>> client = session.Connect();
  if (!client.ok()) return session.Fail(client.status());
  const absl::StatusOr<ReplicaOfResult> result = (*client)->ReplicaOf(leads ? "" : whom);
  if (!result.ok()) return session.Fail(result.status());
  if (session.json) {
    session.out().Write(ToLine({{"address", (*client)->address()},
                                {"replica_of", leads ? Json() : Json(BytesToJson(whom))}}));
  } else {
    session.out().Write(absl::StrCat(
        (*client)->address(), leads ? " leads now" : " is a replica now, of ", leads ? "" : whom,
        leads ? "\n" : "; larder replication shows how far it is\n"));
  }
  return kExitOk;
}

// Names and numbers in two columns.
class Lines {
 public:
  void Add(const char* name, const std::string& value) {
    absl::StrAppendFormat(&text_, "%-14s %s\n", name, value);
  }
  void Append(const std::string& text) { text_ += text; }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

// What a node says of another one may be any text.
std::string Plain(const std::string& text) { return absl::Utf8SafeCEscape(text); }

std::string PositionText(const LogPosition& position) {
  return Plain(absl::StrCat(position.epoch.ToText(), "/", position.sequence));
}

std::string TimeText(const std::optional<absl::Duration>& time) {
  return time ? absl::FormatDuration(*time) : "-";
}

std::string LagText(const ReplicationLag& lag) {
  std::string text =
      absl::StrCat(FormatBytes(lag.bytes), " of the log (", lag.sequences, " sequences)");
  if (lag.time) absl::StrAppend(&text, ", ", TimeText(lag.time));
  return text;
}

std::string LogText(const ReplicationResult::Log& log) {
  const std::string limit = FormatBytes(log.bytes);
  if (!log.is_open) return absl::StrCat("not open; may hold ", limit);
  const uint64_t sequences = log.end_sequence - std::min(log.oldest_sequence, log.end_sequence);
  std::string text = absl::StrCat("sequences ", log.oldest_sequence, " to ", log.end_sequence, ", ",
                                  FormatBytes(sequences * log.sequence_bytes), " of ", limit);
  if (log.held_bytes > 0) {
    absl::StrAppend(&text, ", with ", FormatBytes(log.held_bytes),
                    " of values that no entry has any more");
  }
  return text;
}

// In a whole sentence, since it is what one looks for in haste.
std::string LossText(const ReplicationResult& result) {
  const FailoverLoss& loss = result.failover_loss;
  if (result.source) {
    if (loss.everything) {
      return "everything would be lost if this node took over: it has no part of its source's data";
    }
    if (loss.sequences == 0) return "nothing that this node has heard of, if it took over";
    return absl::StrCat("at least ", FormatBytes(loss.bytes), " of the log (", loss.sequences,
                        " sequences) would be lost if this node took over");
  }
  if (loss.everything) return "everything would be lost: no replica has a copy that could lead";
  if (loss.at_least) {
    return absl::StrCat(
        "at least ", FormatBytes(loss.bytes), " of the log (", loss.sequences,
        " sequences) would be lost: the replica that has most is not connected, and "
        "had the rest when it was");
  }
  if (loss.sequences == 0) return "nothing would be lost: a replica has acknowledged all";
  return absl::StrCat(FormatBytes(loss.bytes), " of the log (", loss.sequences,
                      " sequences) would be lost: no replica has acknowledged it");
}

void AddSource(const ReplicationSource& source, Lines& lines) {
  std::string name = Plain(source.client_endpoint);
  absl::StrAppend(&name, name.empty() ? "the node with the bus " : ", with the bus ",
                  Plain(source.endpoint));
  lines.Add("source", name);
  if (!source.node.empty()) lines.Add("source node", Plain(source.node));
  lines.Add("state", std::string(ReplicaStateName(source.state)));
  if (source.state == ReplicaState::kCopying) lines.Add("copied", FormatBytes(source.copied_bytes));
  if (source.lag) lines.Add("lag", LagText(*source.lag));
  lines.Add("staleness", source.staleness ? TimeText(source.staleness) : "not known");
  if (!source.trouble.empty()) lines.Add("last trouble", Plain(source.trouble));
}

// A table of texts, each column as wide as it must be.
template <size_t kColumns>
std::string TableText(const std::vector<std::array<std::string, kColumns>>& rows) {
  std::array<size_t, kColumns> widths{};
  for (const auto& row : rows) {
    for (size_t i = 0; i < kColumns; ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string text;
  for (const auto& row : rows) {
    std::string line = " ";
    for (size_t i = 0; i < kColumns; ++i) {
      absl::StrAppendFormat(&line, " %-*s", static_cast<int>(widths[i]), row[i]);
    }
    absl::StrAppend(&text, line.substr(0, line.find_last_not_of(' ') + 1), "\n");
  }
  return text;
}

void AddReplicas(const ReplicationResult& result, Lines& lines) {
  lines.Add("replicas",
            absl::StrCat(result.replicas.size(), ", ", result.replicas_in_time, " in time"));
  if (result.replicas.empty()) return;
  std::vector<std::array<std::string, 9>> rows = {{"endpoint", "node", "state", "in_time",
                                                   "applied", "lag", "lag_time", "since_ack",
                                                   "copied"}};
  for (const ReplicaStatus& replica : result.replicas) {
    rows.push_back({replica.endpoint.empty() ? "-" : Plain(replica.endpoint),
                    replica.node.empty() ? "-" : Plain(replica.node.substr(0, 8)),
                    std::string(ReplicaStateName(replica.state)), replica.in_time ? "yes" : "no",
                    replica.applied ? PositionText(*replica.applied) : "-",
                    replica.lag ? FormatBytes(replica.lag->bytes) : "-",
                    replica.lag ? TimeText(replica.lag->time) : "-", TimeText(replica.since_ack),
                    FormatBytes(replica.copied_bytes)});
  }
  lines.Append(TableText(rows));
}

void AddCounts(const ReplicationCounts& counts, Lines& lines) {
  lines.Add("resyncs",
            absl::StrCat(counts.partial_resyncs, " partial, ", counts.full_copies, " full, ",
                         counts.resumed_copies, " resumed, ", counts.repeated_copies, " repeated; ",
                         counts.refused, " refused, ", counts.fell_behind, " fell behind the log"));
  lines.Add("copies sent",
            absl::StrCat(counts.completed_copies, " whole, ", FormatBytes(counts.copied_bytes),
                         ", with ", FormatBytes(counts.copy_log_bytes), " of the log"));
  lines.Add(
      "as a replica",
      absl::StrCat(counts.own_partial_resyncs, " partial, ", counts.own_full_copies, " full, ",
                   counts.own_resumed_copies, " resumed; ", counts.own_installed_copies,
                   " copies installed, ", counts.own_dropped_copies, " given up"));
}

// What an operator has to know before all else.
std::string RoleText(const ReplicationResult& result) {
  using Role = ReplicationResult::Role;
  switch (result.role) {
    case Role::kPrimary:
      return "primary";
    case Role::kReplica:
      return "replica";
    case Role::kStopped:
      return absl::StrCat(
          "stopped: it led, and heard of a higher epoch",
          result.epoch ? absl::StrCat(", ", Plain(result.epoch->ToText())) : "",
          "; it serves nothing until an operator says `replica of HOST:PORT | none`");
    case Role::kWaiting:
      return "waiting: it led, was started again, and serves nothing until it is known whether a "
             "replica has its data";
    case Role::kUnknown:
      break;
  }
  return "unknown";
}

std::string WritersText(const ReplicationResult& result) {
  return absl::StrCat(result.counts.writers_held, ", ", result.counts.writers_refused,
                      " refused; now ", result.log.writers_waiting, " (",
                      FormatBytes(result.log.writers_waiting_bytes), ")");
}

std::string ReplicationText(const ReplicationResult& result) {
  Lines lines;
  lines.Add("role", RoleText(result));
  lines.Add("failover now", LossText(result));
  lines.Add("node", Plain(result.node));
  if (result.epoch) lines.Add("epoch", Plain(result.epoch->ToText()));
  lines.Add("position", result.position ? PositionText(*result.position) : "none yet");
  lines.Add("log", LogText(result.log));
  if (result.source) AddSource(*result.source, lines);
  AddReplicas(result, lines);
  AddCounts(result.counts, lines);
  lines.Add("writers held", WritersText(result));
  if (!result.history.empty()) {
    std::string history = result.history_forgot ? "older ones, " : "";
    for (const ReplicationResult::History& epoch : result.history) {
      absl::StrAppend(&history, &epoch == &result.history.front() ? "" : ", ",
                      Plain(epoch.epoch.ToText()), " from ", epoch.first_sequence);
    }
    lines.Add("history", history);
  }
  return lines.text();
}

int RunReplication(Session& session) {
  absl::StatusOr<std::unique_ptr<Client>> client = session.Connect();
  if (!client.ok()) return session.Fail(client.status());
  const absl::StatusOr<ReplicationResult> result = (*client)->Replication();
  if (!result.ok()) return session.Fail(result.status());
  session.out().Write(session.json ? ToLine(ToJson(*result)) : ReplicationText(*result));
  return kExitOk;
}

int RunDigest(Session& session, const std::optional<uint32_t>& slot) {
  absl::StatusOr<std::unique_ptr<Client>> client = session.Connect(kDigestTimeout);
  if (!client.ok()) return session.Fail(client.status());
  const absl::StatusOr<DigestResult> result = (*client)->Digest({.slot = slot});
  if (!result.ok()) return session.Fail(result.status());
  const std::string digest = FormatHex(result->digest);
  session.out().Write(session.json ? ToLine({{"digest", digest}, {"entries", result->entries}})
                                   : absl::StrCat(digest, " of ", result->entries, " entries\n"));
  return kExitOk;
}

}  // namespace

void AddReplicationCommands(CLI::App& app, Session& session) {
  CLI::App& replica = *app.add_subcommand("replica", "Make a node a replica, or let it lead");
  replica.require_subcommand(1);
  replica.footer("Example: larder --addr=cache-2:7600 replica of cache-1:7600");

  auto whom = std::make_shared<std::string>();
  CLI::App& of = *replica.add_subcommand("of", "Follow another node, or nobody");
  AddPositional(of, "HOST:PORT", *whom,
                "Where that node's clients connect, HOST:PORT@BUS_PORT if its bus is not at port + "
                "10000; or none")
      ->required();
  of.fallthrough();
  of.footer(
      "What the node has is given up for what the other one has, once a copy of that is whole. "
      "With none\nit leads, with what it has: promotion by hand, after its source is lost.\n"
      "Example: larder --addr=cache-2:7600 replica of cache-1:7600\n"
      "Example: larder --addr=cache-2:7600 replica of none");
  of.callback([&session, whom] {
    session.command = [&session, whom] { return RunReplicaOf(session, *whom); };
  });

  CLI::App& replication = *app.add_subcommand(
      "replication", "Print where a node stands, how far replicas are, what a failover would lose");
  replication.footer("Example: larder replication --json | jq .failover_loss");
  replication.callback(
      [&session] { session.command = [&session] { return RunReplication(session); }; });

  auto slot = std::make_shared<std::optional<uint32_t>>();
  CLI::App& digest =
      *app.add_subcommand("digest", "Print a digest of a node's entries, to compare nodes by");
  AddWhole<uint32_t>(digest, "--slot", *slot, {0, 16383}, "Only of this slot, 0..16383");
  digest.footer(
      "Equal at nodes that have the same entries. Compare while nothing is written.\n"
      "Example: larder --addr=cache-1:7600 digest; larder --addr=cache-2:7600 digest");
  digest.callback([&session, slot] {
    session.command = [&session, slot] { return RunDigest(session, *slot); };
  });
}

}  // namespace larder::cli
