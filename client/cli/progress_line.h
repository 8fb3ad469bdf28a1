#ifndef LARDER_CLIENT_CLI_PROGRESS_LINE_H_
#define LARDER_CLIENT_CLI_PROGRESS_LINE_H_

#include <functional>
#include <optional>
#include <string>

#include "absl/time/time.h"
#include "client/cli/output.h"
#include "client/load/report.h"

namespace larder::cli {

// Shows how far a load is: on a terminal in one line that is written over and over and gone at the
// end; elsewhere, if `plain_interval` is given, in a line of its own each time that it has passed.
class ProgressLine {
 public:
  ProgressLine(Output& err, std::optional<absl::Duration> plain_interval)
      : err_(err), plain_interval_(plain_interval) {}
  ~ProgressLine();
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  // What a load is to call; empty when there is nothing to show. Must not outlive this.
  std::function<void(const load::Progress&)> Callback();

 private:
  void ShowBar(const load::Progress& progress);
  void ShowPlain(const load::Progress& progress);
  std::string Figures(const load::Progress& progress);
  double RateSinceLast(const load::Progress& progress);

  Output& err_;
  const std::optional<absl::Duration> plain_interval_;
  load::Progress last_;  // that was shown
  bool bar_shown_ = false;
};

}  // namespace larder::cli

#endif  // LARDER_CLIENT_CLI_PROGRESS_LINE_H_
