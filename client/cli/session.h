#ifndef LARDER_CLIENT_CLI_SESSION_H_
#define LARDER_CLIENT_CLI_SESSION_H_

#include <cstdio>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "client/cli/output.h"
#include "client/client.h"

namespace larder::cli {

// What scripts can rely on.
inline constexpr int kExitOk = 0;
inline constexpr int kExitNo = 1;     // a miss, or a condition that did not hold
inline constexpr int kExitUsage = 2;  // the command line, or an argument that the node refuses
inline constexpr int kExitError = 3;  // node or network

struct Streams {
  std::FILE* in = stdin;
  std::FILE* out = stdout;
  std::FILE* err = stderr;
};

// One run of the program: the global flags, the streams, and the command that the command line
// chose.
class Session {
 public:
  explicit Session(const Streams& streams)
      : in_(streams.in), out_(streams.out), err_(streams.err) {}

  // Global flags.
  std::string address = "127.0.0.1:7600";
  bool json = false;
  std::optional<absl::Duration> timeout;
  bool tls = false;
  TlsOptions tls_options;  // any of them: tls

  std::function<int()> command;  // what to run, once flags are parsed; returns the exit code

  std::FILE* in() { return in_; }
  Output& out() { return out_; }
  Output& err() { return err_; }

  // What is in the files of the flags --tls..., which are read once: they may be pipes. Nothing:
  // plaintext. INVALID_ARGUMENT: a file is no good.
  absl::StatusOr<std::optional<TlsMaterial>> Tls();

  absl::StatusOr<std::unique_ptr<Client>> Connect(
      absl::Duration default_timeout = absl::Seconds(1));

  // Say on stderr what went wrong, in one line, and return the exit code for it. With --json also
  // as an object on stdout, but for FailItem: one of many things that were asked for, and the
  // output says itself which.
  int Fail(const absl::Status& status);
  int FailItem(const absl::Status& status);
  int FailUsage(std::string_view message);

  // Says something on stderr, in one line, after what is on stdout.
  void Complain(std::string_view message);

  // An aside for people: on stderr, unless --json says it on stdout anyway.
  void Note(std::string_view message);

 private:
  // Absent: plaintext.
  std::optional<TlsOptions> GivenTls() const;

  std::optional<TlsMaterial> tls_material_;
  std::FILE* in_;
  Output out_;
  Output err_;
};

}  // namespace larder::cli

#endif  // LARDER_CLIENT_CLI_SESSION_H_
