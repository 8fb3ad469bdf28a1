#include "tests/bench/peer_fill.h"

#include <algorithm>
#include <memory>
#include <optional>

#include "absl/strings/str_cat.h"
#include "tests/bench/bench_keys.h"
#include "tests/bench/child_process.h"
#include "tests/bench/line_connection.h"
#include "tests/bench/peer.h"
#include "tests/bench/resident_memory.h"
#include "tests/bench/server_start.h"
#include "tests/bench/temporary_folder.h"

namespace larder::bench {
namespace {

constexpr uint64_t kBatch = 500;  // sets before the answers are read
constexpr size_t kMemcachedKeyBytesMax = 250;
constexpr size_t kPeerValueBytesMax = 1000000;  // memcached takes no larger ones by default

absl::Status SendAll(const Peer& peer, const MemoryFillOptions& options,
                     LineConnection& connection) {
  const std::string value(options.value_bytes, 'v');
  ScratchKey key(options.key_bytes);
  std::string request;
  for (uint64_t done = 0; done < options.keys;) {
    const uint64_t batch = std::min(kBatch, options.keys - done);
    request.clear();
    for (uint64_t i = 0; i < batch; ++i) peer.AppendSet(key(done + i).key, value, options, request);
    absl::Status status = connection.Send(request);
    if (status.ok()) status = peer.ReadAnswers(connection, batch);
    if (!status.ok()) return status;
    done += batch;
  }
  return absl::OkStatus();
}

absl::StatusOr<PeerReport> Fill(const Peer& peer, const MemoryFillOptions& options) {
  PeerReport report;
  report.name = peer.name();
  report.is_installed = !FindProgram(peer.name()).empty();
  if (!report.is_installed) return report;
  std::optional<TemporaryFolder> folder(std::in_place);
  if (!folder->ok()) return absl::InternalError("cannot make a folder in /tmp");
  const auto port = FreePort();
  if (!port.ok()) return port.status();
  const auto server = ChildProcess::Start(peer.Command(*port, folder->path(), options));
  if (!server.ok()) return server.status();
  const auto connection = WaitUntilReady(**server, *port);
  if (!connection.ok()) return connection.status();
  // Nothing is written there. Gone already, it does not stay behind however this process ends.
  folder.reset();
  const auto version = peer.Version(**connection);
  if (!version.ok()) return version.status();
  report.version = *version;

  const auto before = ResidentBytesOf((*server)->pid());
  if (!before.ok()) return before.status();
  // Redis' answer about its version has lines left, which nobody is to take for other answers.
  const auto filler = LineConnection::Open(*port);
  if (!filler.ok()) return filler.status();
  const absl::Status filled = SendAll(peer, options, **filler);
  if (!filled.ok()) return filled;
  const auto entries = peer.CountEntries(**filler);
  if (!entries.ok()) return entries.status();
  const auto after = ResidentBytesOf((*server)->pid());
  if (!after.ok()) return after.status();
  if (*entries == 0) return absl::InternalError("no entry is left after the fill");
  report.entries = *entries;
  report.resident_bytes = *after - *before;
  return report;
}

}  // namespace

absl::Status CheckPeerOptions(const MemoryFillOptions& options) {
  if (options.key_bytes > kMemcachedKeyBytesMax) {
    return absl::InvalidArgumentError(absl::StrCat("--key_bytes=", options.key_bytes,
                                                   ": with --compare 250 at most, for memcached"));
  }
  if (options.value_bytes > kPeerValueBytesMax) {
    return absl::InvalidArgumentError(absl::StrCat("--value_bytes=", options.value_bytes,
                                                   ": with --compare ", kPeerValueBytesMax,
                                                   " at most, for memcached"));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<PeerReport>> FillPeers(const MemoryFillOptions& options) {
  const std::unique_ptr<Peer> peers[] = {MakeRedisPeer(), MakeMemcachedPeer()};
  std::vector<PeerReport> reports;
  for (const auto& peer : peers) {
    const auto report = Fill(*peer, options);
    if (!report.ok()) {
      return absl::Status(report.status().code(),
                          absl::StrCat(peer->name(), ": ", report.status().message()));
    }
    reports.push_back(*report);
  }
  return reports;
}

}  // namespace larder::bench
