#include "tests/testing/history_load/load_run.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "tests/testing/history_load/event_line.h"

namespace larder::history {
namespace {

// A node that is down refuses at once; its clients need not ask more often.
constexpr absl::Duration kAfterFailure = absl::Milliseconds(5);

int64_t Now() {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

}  // namespace

absl::StatusOr<std::unique_ptr<LoadRun>> LoadRun::Start(LoadOptions options) {
  std::unique_ptr<LoadRun> run(new LoadRun(std::move(options)));
  for (const std::string& address : run->options_.addresses) {
    ClientOptions client;
    client.address = address;
    client.deadline = run->options_.deadline;
    client.connections = static_cast<int>(run->options_.connections);
    // One operation is to have one effect.
    client.retry.attempts_max = 1;
    absl::StatusOr<std::unique_ptr<Client>> node = Client::Create(std::move(client));
    if (!node.ok()) return node.status();
    run->nodes_.push_back(*std::move(node));
  }
  absl::StatusOr<std::unique_ptr<HistoryWriter>> writer = HistoryWriter::Create(run->options_.file);
  if (!writer.ok()) return writer.status();
  run->writer_ = *std::move(writer);
  for (uint32_t i = 0; i < run->options_.clients; ++i) {
    run->clients_.push_back(std::make_unique<HistoryClient>(
        run->options_, run->options_.first_client + i, run->nodes_, *run->writer_));
  }
  for (const auto& client : run->clients_) {
    run->threads_.emplace_back([&run = *run, &client = *client] { run.Work(client); });
  }
  return run;
}

LoadRun::~LoadRun() { Join(); }

void LoadRun::Work(HistoryClient& client) {
  const absl::Duration interval =
      options_.rate > 0 ? absl::Seconds(options_.clients / options_.rate) : absl::ZeroDuration();
  absl::Time due = absl::Now();
  while (!is_stopping_) {
    const bool is_good = client.DoOne();
    due += interval;
    const absl::Time now = absl::Now();
    if (!is_good) due = std::max(due, now + kAfterFailure);
    if (due > now) absl::SleepFor(std::min(due - now, absl::Milliseconds(100)));
  }
}

std::string LoadRun::Control(std::string_view text, bool& stop) {
  absl::StatusOr<EventLine> line = ParseEventLine(text);
  if (!line.ok()) return absl::StrCat("error: ", line.status().message(), "\n");
  LossEvent& event = line->event;
  stop = line->kind == EventLine::Kind::kStop;
  if (stop) return "ok\n";
  if (line->kind == EventLine::Kind::kBegin) {
    if (!events_.emplace(event.name, event).second) {
      return absl::StrCat("error: event '", event.name, "' has begun already\n");
    }
    event.begin = Now();
    writer_->EventBegins(event);
    return "ok\n";
  }
  if (events_.erase(event.name) == 0) {
    return absl::StrCat("error: event '", event.name, "' has not begun\n");
  }
  event.end = Now();
  writer_->EventEnds(event);
  return "ok\n";
}

void LoadRun::Join() {
  is_stopping_ = true;
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

absl::StatusOr<LoadRun::Result> LoadRun::Stop() {
  Join();
  Result result;
  for (const auto& client : clients_) {
    result.done += client->done();
    result.failed += client->failed();
    if (!client->last_failure().ok()) {
      result.a_failure = std::string(client->last_failure().message());
    }
  }
  const absl::Status status = writer_->Flush();
  if (!status.ok()) return status;
  return result;
}

}  // namespace larder::history
