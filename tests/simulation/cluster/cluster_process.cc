#include "tests/simulation/cluster/cluster_process.h"

#include <chrono>
#include <utility>

namespace larder::simulation {

using cluster::BootTime;
using cluster::ClusterInput;

ClusterProcess::ClusterProcess(ProcessOptions options, cluster::DurableCluster disk, uint64_t seed,
                               EventQueue* events, DataSide* data, Send send, OnStep on_step)
    : options_(std::move(options)),
      disk_(std::move(disk)),
      random_(seed),
      events_(events),
      data_(data),
      send_(std::move(send)),
      on_step_(std::move(on_step)) {}

BootTime ClusterProcess::BootNow() const {
  return BootTime(options_.clock_begin + events_->now() * options_.clock_permille / 1000);
}

bool ClusterProcess::MayAct() const {
  return node_ != nullptr && !is_paused_ && may_act_until_.has_value() &&
         BootNow() < *may_act_until_;
}

void ClusterProcess::Later(Millis delay, std::function<void()> what) {
  events_->After(delay, [this, number = process_number_, what = std::move(what)]() mutable {
    if (node_ == nullptr || number != process_number_) return;
    what();
  });
}

void ClusterProcess::Start() {
  ++process_number_;
  is_paused_ = false;
  disk_hangs_ = false;
  is_well_ = true;
  saved_ = 0;
  data_->Start();
  node_ = std::make_unique<cluster::ClusterNode>(options_.config, disk_, random_.Next(), BootNow());
  Later(Millis(random_.Below(5)), [this] { Tick(); });
}

void ClusterProcess::Crash() {
  ++process_number_;
  node_.reset();
  data_->Crash();
  waiting_.clear();
  to_save_.reset();
  is_saving_ = false;
  outbox_.clear();
  may_act_until_.reset();
  is_paused_ = false;
}

void ClusterProcess::Pause() {
  is_paused_ = true;
  data_->Pause();
}

void ClusterProcess::Resume() {
  if (!is_paused_) return;
  is_paused_ = false;
  data_->Resume();
  Step(std::exchange(waiting_, {}));
}

void ClusterProcess::set_disk_hangs(bool hangs) {
  disk_hangs_ = hangs;
  if (!hangs && node_ != nullptr && !is_saving_) SaveNext();
}

void ClusterProcess::Tick() {
  if (!is_paused_) Step({});
  const Millis delay =
      options_.step_delay_max.count() == 0
          ? Millis(0)
          : Millis(random_.Below(static_cast<uint64_t>(options_.step_delay_max.count())));
  Later(options_.config.node_timeout / 40 + delay, [this] { Tick(); });
}

void ClusterProcess::Receive(ClusterInput input) {
  if (node_ == nullptr) return;
  if (is_paused_) {
    // What a socket holds is bounded.
    if (waiting_.size() < 1000) waiting_.push_back(std::move(input));
    return;
  }
  if (options_.step_delay_max.count() == 0) {
    std::vector<ClusterInput> inputs;
    inputs.push_back(std::move(input));
    return Step(std::move(inputs));
  }
  Later(Millis(random_.Below(static_cast<uint64_t>(options_.step_delay_max.count()))),
        [this, input = std::move(input)] {
          if (!is_paused_) Step({input});
        });
}

void ClusterProcess::Step(std::vector<ClusterInput> inputs) {
  cluster::DataStatus status = data_->Status();
  status.is_well = is_well_;
  inputs.emplace_back(std::move(status));
  const auto began = std::chrono::steady_clock::now();
  cluster::ClusterEffects effects = node_->Step(BootNow(), inputs);
  step_nanoseconds_ += static_cast<uint64_t>(
      std::chrono::nanoseconds(std::chrono::steady_clock::now() - began).count());
  ++steps_;
  may_act_until_ = effects.may_act_until;
  data_->CarryOut(*node_);
  if (effects.save != nullptr) to_save_ = Save{effects.save_number, effects.save};
  for (cluster::Sending& sending : effects.sends) outbox_.push_back(std::move(sending));
  effects.sends.clear();
  if (!is_saving_) SaveNext();
  SendReady();
  on_step_(effects);
}

void ClusterProcess::SaveNext() {
  if (!to_save_.has_value() || disk_hangs_) return;
  is_saving_ = true;
  const auto spread = static_cast<uint64_t>((options_.save_max - options_.save_min).count()) + 1;
  Later(options_.save_min + Millis(random_.Below(spread)),
        [this, save = *std::exchange(to_save_, std::nullopt)] {
          is_saving_ = false;
          if (disk_hangs_) {
            if (!to_save_.has_value()) to_save_ = save;
            return;
          }
          disk_ = *save.state;
          saved_ = save.number;
          SendReady();
          SaveNext();
        });
}

void ClusterProcess::SendReady() {
  std::deque<cluster::Sending> later;
  for (cluster::Sending& sending : outbox_) {
    if (sending.after_save <= saved_) {
      send_(sending);
    } else {
      later.push_back(std::move(sending));
    }
  }
  outbox_ = std::move(later);
}

}  // namespace larder::simulation
