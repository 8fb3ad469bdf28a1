#include "client/cli/program.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <sstream>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "client/cli/commands.h"
#include "client/flags/arguments.h"

namespace larder::cli {
namespace {

void AddTlsFlags(CLI::App& app, Session& session) {
  const auto add = [&app](const std::string& name, std::string& target, const char* type,
                          const std::string& description) {
    const std::string variable = absl::StrCat("LARDER_", absl::AsciiStrToUpper(name));
    AddText(app, absl::StrCat("--", name), type, target,
            absl::StrCat(description, "; else $", variable))
        ->envname(variable);
  };
  app.add_flag("--tls", session.tls, "Speak TLS; else $LARDER_TLS. The flags below imply it")
      ->envname("LARDER_TLS");
  TlsOptions& tls = session.tls_options;
  add("tls_ca_file", tls.ca_file, "FILE", "Who signs nodes, in PEM, instead of the system's list");
  add("tls_cert_file", tls.cert_file, "FILE", "A certificate of one's own, for nodes that ask");
  add("tls_key_file", tls.key_file, "FILE", "The key of the certificate");
  add("tls_server_name", tls.server_name, "NAME", "In the node's certificate, if not its address");
}

// What is wrong with a command line, in one line.
std::string Explain(const CLI::App& app, const CLI::ParseError& error) {
  const CLI::App* chosen = &app;
  std::string command;  // with the one inside it: "config set"
  while (!chosen->get_subcommands().empty()) {
    chosen = chosen->get_subcommands()[0];
    absl::StrAppend(&command, command.empty() ? "" : " ", chosen->get_name());
  }
  const std::vector<std::string> left = app.remaining(true);
  const auto flag = std::find_if(left.begin(), left.end(), [](const std::string& word) {
    return word.size() > 2 && word.substr(0, 2) == "--";
  });
  std::string problem = UnguardMessage(error.what());
  if (flag != left.end()) {
    problem = absl::StrCat("there is no flag ", flag->substr(0, flag->find('=')),
                           "; a word that begins with -- goes after --");
  } else if (error.get_name() == "RequiredError" && !left.empty() &&
             chosen->get_require_subcommand_min() > 0) {
    problem = absl::StrCat("there is no command '", UnguardMessage(left[0]), "'");
  } else if (error.get_exit_code() == static_cast<int>(CLI::ExitCodes::ExtrasError) &&
             !left.empty()) {
    problem = absl::StrCat("'", UnguardMessage(left[0]), "' is one word too many");
  }
  if (command.empty()) return absl::StrCat(problem, " (see larder --help)");
  return absl::StrCat(command, ": ", problem, " (see larder ", command, " --help)");
}

// Parses; nullopt: there is a command to run.
std::optional<int> Parse(CLI::App& app, std::vector<std::string> arguments, Session& session) {
  try {
    std::reverse(arguments.begin(), arguments.end());  // as CLI11 wants them
    app.parse(std::move(arguments));
    return std::nullopt;
  } catch (const CLI::ParseError& error) {
    std::ostringstream out;
    if (error.get_exit_code() == static_cast<int>(CLI::ExitCodes::Success)) {
      app.exit(error, out, out);  // --help or --version
      session.out().Write(out.str());
      return kExitOk;
    }
    session.json = app.get_option("--json")->count() > 0;  // which may not have been read yet
    return session.FailUsage(Explain(app, error));
  }
}

}  // namespace

void AddCommands(CLI::App& app, Session& session) {
  app.name("larder");
  app.description("Talks to a Larder cache: read, write, look after and measure a node.");
  app.set_version_flag("--version", std::string("larder " LARDER_VERSION), "Print the version");
  AddText(app, "--addr", "HOST:PORT", session.address,
          "Address of a node; else $LARDER_ADDR, else 127.0.0.1:7600")
      ->envname("LARDER_ADDR");
  app.add_flag("--json", session.json, "Print JSON");
  AddDuration(app, "--timeout", session.timeout,
              "Of each operation; else 1s, for bench and replay 5s");
  AddTlsFlags(app, session);
  app.require_subcommand(1);
  app.footer(
      "Exit codes: 0 done, 1 not found or condition not met, 2 wrong usage, 3 node or network "
      "failed.\nFlags begin with --, but for -h, and may stand before or after the command; a "
      "lone -- ends\nthem. With --json an error is an object with `error` and `message`, too.\n"
      "Example: larder set greeting hello --ttl=1h && larder get greeting");
  app.get_formatter()->column_width(34);
  AddReadCommands(app, session);
  AddWriteCommands(app, session);
  AddKeyCommands(app, session);
  AddNodeCommands(app, session);
  AddReplicationCommands(app, session);
  AddConfigCommands(app, session);
  AddLoadCommands(app, session);
  AddCompletionCommand(app, session);
  for (CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    command->fallthrough();
  }
}

int RunProgram(std::vector<std::string> arguments, const Streams& streams) {
  Session session(streams);
  absl::StatusOr<std::vector<std::string>> guarded = GuardArguments(std::move(arguments));
  if (!guarded.ok()) return session.FailUsage(std::string(guarded.status().message()));
  CLI::App app;
  AddCommands(app, session);
  int code = kExitOk;
  if (const std::optional<int> parsed = Parse(app, *std::move(guarded), session)) {
    code = *parsed;
  } else if (session.timeout == absl::ZeroDuration()) {
    code = session.FailUsage("--timeout must be more than 0");
  } else {
    code = session.command();
  }
  session.out().Flush();
  // A reader that has seen enough closes the pipe: no reason to complain.
  if (session.out().error() == 0 || session.out().error() == EPIPE) return code;
  return session.Fail(
      absl::UnknownError(absl::StrCat("cannot write: ", std::strerror(session.out().error()))));
}

}  // namespace larder::cli
