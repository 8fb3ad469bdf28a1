#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <ctime>
#include <string>

#include "absl/strings/str_cat.h"
#include "tests/testing/link_proxy/link_proxy.h"

// The control connection of LinkProxy.
namespace larder::link_proxy {
namespace {

constexpr size_t kLineBytesMax = 4096;

bool WriteAll(int to, std::string_view text) {
  while (!text.empty()) {
    const ssize_t bytes = write(to, text.data(), text.size());
    if (bytes < 0 && errno != EINTR) return false;
    if (bytes > 0) text.remove_prefix(static_cast<size_t>(bytes));
  }
  return true;
}

}  // namespace

bool LinkProxy::ReadControl() {
  char buffer[kLineBytesMax];
  const ssize_t bytes = read(options_.control_in, buffer, sizeof buffer);
  if (bytes < 0) return errno == EINTR || errno == EAGAIN;
  if (bytes == 0) return false;
  control_input_.append(buffer, static_cast<size_t>(bytes));
  for (size_t end = control_input_.find('\n'); end != std::string::npos && !has_quit_;
       end = control_input_.find('\n')) {
    const std::string answer = Execute(std::string_view(control_input_).substr(0, end));
    control_input_.erase(0, end + 1);
    if (!WriteAll(options_.control_out, answer)) return false;
  }
  return control_input_.size() <= kLineBytesMax;
}

std::string LinkProxy::Execute(std::string_view line) {
  const absl::StatusOr<LinkCommand> command = ParseLinkCommand(line);
  if (!command.ok()) return absl::StrCat("error: ", command.status().message(), "\n");
  if (command->kind == LinkCommand::Kind::kStats) return Stats();
  Apply(*command);
  return "ok\n";
}

void LinkProxy::Apply(const LinkCommand& command) {
  using Kind = LinkCommand::Kind;
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  const int64_t now = int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
  const bool is_heal = command.kind == Kind::kHeal;
  if (command.kind == Kind::kQuit) has_quit_ = true;
  if (command.kind == Kind::kRefuse) is_refusing_ = true;
  if (command.kind == Kind::kAccept || is_heal) is_refusing_ = false;
  const auto apply = [&](bool is_meant, LinkRule& rule, LinkFault& later, Flow Link::* flow) {
    if (!is_meant && !is_heal) return;
    if (is_heal) {
      rule = {};
      later = {};
    }
    if (command.delay_ns) rule.delay_ns = *command.delay_ns;
    if (command.bytes_per_second) rule.bytes_per_second = *command.bytes_per_second;
    if (command.kind == Kind::kCut && command.fault.unit != LinkFault::Unit::kNow) {
      later = command.fault;
    }
    for (auto& [number, link] : links_) {
      if (!link.is_open) continue;
      (link.*flow).SetRule(rule);
      if (is_heal) (link.*flow).Heal(now);
      if (command.kind == Kind::kCut) (link.*flow).Arm(command.fault);
    }
  };
  apply(command.forward, forward_rule_, forward_fault_, &Link::forward);
  apply(command.backward, backward_rule_, backward_fault_, &Link::backward);
  // At once means before the answer.
  for (auto& [number, link] : links_) {
    const bool is_cut = command.kind == Kind::kCut && command.fault.unit == LinkFault::Unit::kNow &&
                        command.fault.kind != LinkFault::Kind::kStall;
    if (link.is_open && is_cut) End(link, command.fault.kind == LinkFault::Kind::kReset);
  }
}

std::string LinkProxy::Stats() const {
  std::string text;
  for (const auto& [number, link] : links_) {
    absl::StrAppend(&text, "connection ", number, link.is_open ? " open" : " closed");
    for (const auto& [name, flow] : {std::pair<const char*, const Flow*>{"forward", &link.forward},
                                     {"backward", &link.backward}}) {
      const MessageCounter& passed = flow->passed();
      absl::StrAppend(&text, " ", name, "_bytes=", passed.bytes(), " ", name,
                      "_frames=", passed.frames(), " ", name, "_messages=", passed.messages());
    }
    text += '\n';
  }
  return text + "ok\n";
}

}  // namespace larder::link_proxy
