#include <unistd.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "tests/bench/peer.h"

namespace larder::bench {
namespace {

constexpr absl::Duration kMemcachedRelativeTtlMax = absl::Hours(24 * 30);

class MemcachedPeer final : public Peer {
 public:
  std::string name() const override { return "memcached"; }

  std::vector<std::string> Command(uint16_t port, const std::string& /*folder*/,
                                   const MemoryFillOptions& options) const override {
    // Its slab classes waste up to a fifth, and each has a page of its own.
    const uint64_t bytes = options.keys * (options.key_bytes + options.value_bytes + 128);
    const uint64_t mebibytes = 256 + bytes * 3 / 2 / (1 << 20);
    std::vector<std::string> command = {"memcached",
                                        "-l",
                                        "127.0.0.1",
                                        "-p",
                                        absl::StrCat(port),
                                        "-U",
                                        "0",
                                        "-m",
                                        absl::StrCat(mebibytes)};
    if (geteuid() == 0) command.insert(command.end(), {"-u", "root"});
    return command;
  }

  absl::StatusOr<std::string> Version(LineConnection& connection) const override {
    return AskFor(connection, "version\r\n", "VERSION ");
  }

  void AppendSet(std::string_view key, std::string_view value, const MemoryFillOptions& options,
                 std::string& request) const override {
    request.append("set ").append(key);
    absl::StrAppend(&request, " 0 ", ExpiryOf(options), " ", value.size(), " noreply\r\n");
    request.append(value).append("\r\n");
  }

  // There are none with noreply, but for errors, which CountEntries finds out.
  absl::Status ReadAnswers(LineConnection& /*connection*/, uint64_t /*sets*/) const override {
    return absl::OkStatus();
  }

  absl::StatusOr<uint64_t> CountEntries(LineConnection& connection) const override {
    return AskForNumber(connection, "stats\r\n", "STAT curr_items ");
  }

 private:
  // Seconds from now on; when that is more than 30 days, since the Unix epoch. 0: never.
  static int64_t ExpiryOf(const MemoryFillOptions& options) {
    if (!options.ttl.has_value()) return 0;
    const int64_t seconds = std::max<int64_t>(1, absl::ToInt64Seconds(*options.ttl));
    return *options.ttl <= kMemcachedRelativeTtlMax ? seconds
                                                    : absl::ToUnixSeconds(absl::Now()) + seconds;
  }
};

}  // namespace

std::unique_ptr<Peer> MakeMemcachedPeer() { return std::make_unique<MemcachedPeer>(); }

}  // namespace larder::bench
