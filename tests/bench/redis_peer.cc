#include "absl/strings/str_cat.h"
#include "tests/bench/peer.h"

namespace larder::bench {
namespace {

class RedisPeer final : public Peer {
 public:
  std::string name() const override { return "redis-server"; }

  std::vector<std::string> Command(uint16_t port, const std::string& folder,
                                   const MemoryFillOptions& /*options*/) const override {
    return {"redis-server", "--port",    absl::StrCat(port), "--bind",      "127.0.0.1",
            "--save",       "",          "--appendonly",     "no",          "--dir",
            folder,         "--logfile", "/dev/null",        "--daemonize", "no"};
  }

  absl::StatusOr<std::string> Version(LineConnection& connection) const override {
    return AskFor(connection, "INFO server\r\n", "redis_version:");
  }

  void AppendSet(std::string_view key, std::string_view value, const MemoryFillOptions& options,
                 std::string& request) const override {
    absl::StrAppend(&request, options.ttl.has_value() ? "*5" : "*3", "\r\n$3\r\nSET\r\n");
    AppendBulk(key, request);
    AppendBulk(value, request);
    if (!options.ttl.has_value()) return;
    AppendBulk("PX", request);
    AppendBulk(std::to_string(absl::ToInt64Milliseconds(*options.ttl)), request);
  }

  absl::Status ReadAnswers(LineConnection& connection, uint64_t sets) const override {
    for (uint64_t i = 0; i < sets; ++i) {
      const auto line = connection.ReadLine();
      if (!line.ok()) return line.status();
      if (*line != "+OK") return Unexpected(name(), *line);
    }
    return absl::OkStatus();
  }

  absl::StatusOr<uint64_t> CountEntries(LineConnection& connection) const override {
    return AskForNumber(connection, "DBSIZE\r\n", ":");
  }

 private:
  static void AppendBulk(std::string_view bytes, std::string& request) {
    absl::StrAppend(&request, "$", bytes.size(), "\r\n");
    request.append(bytes).append("\r\n");
  }
};

}  // namespace

std::unique_ptr<Peer> MakeRedisPeer() { return std::make_unique<RedisPeer>(); }

}  // namespace larder::bench
