#include "server/larderd/process_log.h"

#include <google/protobuf/stubs/logging.h>
#include <grpc/support/log.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <ctime>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace larder::server {
namespace {

constexpr absl::Duration kFatalLineWithin = absl::Seconds(1);
constexpr unsigned kFatalEndSeconds = 3;

std::string DescribeLoss(uint64_t lines) {
  const google::LogMessageTime now(std::time(nullptr),
                                   absl::ToDoubleSeconds(absl::Now() - absl::UnixEpoch()));
  const std::string text = absl::StrCat(
      lines,
      " log lines were lost: stderr did not take them (--max_log_bytes bounds those that wait)");
  return google::LogSink::ToString(google::GLOG_WARNING, "process_log.cc", __LINE__, now,
                                   text.data(), text.size()) +
         "\n";
}

void LogOfGrpc(gpr_log_func_args* args) {
  const google::LogSeverity severity =
      args->severity == GPR_LOG_SEVERITY_ERROR ? google::GLOG_ERROR : google::GLOG_INFO;
  google::LogMessage(args->file, args->line, severity).stream() << "gRPC: " << args->message;
}

void LogOfProtobuf(google::protobuf::LogLevel level, const char* file, int line,
                   const std::string& text) {
  google::LogSeverity severity = google::GLOG_INFO;
  if (level == google::protobuf::LOGLEVEL_WARNING) severity = google::GLOG_WARNING;
  if (level == google::protobuf::LOGLEVEL_ERROR) severity = google::GLOG_ERROR;
  if (level == google::protobuf::LOGLEVEL_FATAL) severity = google::GLOG_FATAL;
  google::LogMessage(file, line, severity).stream() << "protobuf: " << text;
}

}  // namespace

ProcessLog::ProcessLog(ServerConfig::LogLevel level, size_t bytes_max)
    : writer_(
          {.descriptor = STDERR_FILENO, .bytes_max = bytes_max, .describe_loss = DescribeLoss}) {
  FLAGS_minloglevel = static_cast<int>(level);
  FLAGS_logtostderr = false;
  FLAGS_stderrthreshold = google::NUM_SEVERITIES;  // glog itself writes nothing
  for (int severity = 0; severity < google::NUM_SEVERITIES; ++severity) {
    google::SetLogDestination(severity, "");
  }
  google::InitGoogleLogging("larderd");
  google::AddLogSink(this);
  gpr_set_log_function(LogOfGrpc);
  google::protobuf::SetLogHandler(LogOfProtobuf);
}

ProcessLog::~ProcessLog() {
  google::RemoveLogSink(this);
  google::ShutdownGoogleLogging();
}

void ProcessLog::send(google::LogSeverity severity, const char* /*path*/, const char* file,
                      int line, const google::LogMessageTime& time, const char* text,
                      size_t text_bytes) {
  if (severity == google::GLOG_FATAL) is_fatal_ = true;
  writer_.Append(ToString(severity, file, line, time, text, text_bytes) + "\n");
}

void ProcessLog::WaitTillSent() {
  if (!is_fatal_) return;
  // Where it failed glog writes to stderr itself, for which it may wait for ever.
  // Other threads come here, too, while it does: they are not to set the time anew.
  if (!is_ending_.exchange(true)) {
    std::signal(SIGALRM, [](int) { std::abort(); });
    ::alarm(kFatalEndSeconds);
  }
  writer_.Flush(kFatalLineWithin);
}

}  // namespace larder::server
