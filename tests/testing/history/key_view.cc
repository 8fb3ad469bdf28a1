#include "tests/testing/history/key_view.h"

#include "absl/strings/str_cat.h"

namespace larder::history {
namespace {

constexpr int64_t kNanosecondsPerMillisecond = 1'000'000;

}  // namespace

KeyView::KeyView(CheckContext& context, const std::vector<uint32_t>& operations)
    : context_(context) {
  ReadStates(operations);
  for (const uint32_t operation : operations) AddOperation(operation);
}

const KeyView::Sighting* KeyView::SightingOf(uint32_t operation) const {
  const auto found = sighting_of_.find(operation);
  return found == sighting_of_.end() ? nullptr : &sightings_[found->second];
}

KeyView::Moment KeyView::MomentOf(uint32_t number) const {
  const Operation& operation = context_.operation(number);
  Moment moment{number, context_.EffectiveBegin(operation), context_.EffectiveEnd(operation), {}};
  moment.eras = context_.windows().ErasOf(moment.begin, moment.end, operation.position);
  return moment;
}

uint32_t KeyView::BlockOf(uint32_t write) {
  const auto [at, is_new] = block_of_write_.emplace(write, static_cast<uint32_t>(blocks_.size()));
  if (is_new) blocks_.push_back({write, MomentOf(write), {}});
  return at->second;
}

void KeyView::ReadStates(const std::vector<uint32_t>& operations) {
  for (const uint32_t number : operations) {
    const Operation& operation = context_.operation(number);
    if (operation.outcome != Outcome::kOk) continue;
    if (operation.state.empty()) {
      if (operation.kind != OperationKind::kSet || !operation.done) continue;
      LearnVersion(number, {BlockOf(number), 1});
      continue;
    }
    const std::optional<State> state = ReadState(number);
    if (!state) continue;
    states_[number] = *state;
    // A stale value has the version of the write that it is from, too.
    if (!operation.is_stale) LearnVersion(number, *state);
  }
}

std::optional<KeyView::State> KeyView::ReadState(uint32_t number) {
  const std::string& text = context_.operation(number).state;
  const std::optional<ValueState> state = ParseState(text);
  if (!state) {
    context_.Add(FindingKind::kTorn,
                 absl::StrCat(context_.Describe(number), " found what was never written so"),
                 {number});
    return std::nullopt;
  }
  if (!CheckWriters(number, *state)) return std::nullopt;
  const uint32_t block = BlockOf(context_.Find(state->writers.front()));
  if (state->is_counter) return State{block, state->sum};
  if (state->writers.size() > 1 && !LocatePieces(number, *state)) return std::nullopt;
  return State{block, static_cast<int64_t>(state->writers.size())};
}

bool KeyView::CheckWriters(uint32_t number, const ValueState& state) {
  for (const OperationId& id : state.writers) {
    const uint32_t write = context_.Find(id);
    const char* problem = nullptr;
    if (write == CheckContext::kNoOperation) {
      problem = ", which nobody wrote";
    } else if (context_.operation(write).key != context_.operation(number).key) {
      problem = ", which was written to another key";
    } else if (const Operation& by = context_.operation(write);
               by.outcome == Outcome::kNotApplied || (by.outcome == Outcome::kOk && !by.done)) {
      problem = ", which was refused or not stored";
    } else if (context_.operation(number).end < by.begin) {
      problem = ", which was not written yet";
    } else if (by.kind != OperationKind::kSet && by.kind != OperationKind::kAppend &&
               by.kind != OperationKind::kIncrement) {
      problem = ", which wrote nothing";
    } else if ((by.kind == OperationKind::kIncrement) != state.is_counter ||
               (by.kind == OperationKind::kIncrement && by.outcome == Outcome::kOk &&
                !by.is_created)) {
      problem = ", which did not create it";
    }
    if (problem == nullptr) continue;
    std::string message = absl::StrCat(context_.Describe(number), " found ", ToText(id), problem);
    std::vector<uint32_t> operations = {number};
    if (write != CheckContext::kNoOperation) {
      absl::StrAppend(&message, ": ", context_.Describe(write));
      operations.push_back(write);
    }
    context_.Add(FindingKind::kPhantom, std::move(message), std::move(operations));
    return false;
  }
  return true;
}

bool KeyView::LocatePieces(uint32_t number, const ValueState& state) {
  const uint32_t block = BlockOf(context_.Find(state.writers.front()));
  for (size_t i = 1; i < state.writers.size(); ++i) {
    const uint32_t write = context_.Find(state.writers[i]);
    const State place{block, static_cast<int64_t>(i + 1)};
    const auto [at, is_new] = pieces_.emplace(write, place);
    const bool is_append = context_.operation(write).kind == OperationKind::kAppend;
    if (is_append && (is_new || (at->second.block == block && at->second.rank == place.rank))) {
      continue;
    }
    context_.Add(FindingKind::kPhantom,
                 absl::StrCat(context_.Describe(number), " found ", ToText(state.writers[i]),
                              is_append ? " at another place than others did: "
                                        : " as if it had been appended: ",
                              context_.Describe(write)),
                 {number, write});
    return false;
  }
  return true;
}

void KeyView::LearnVersion(uint32_t number, const State& state) {
  const uint64_t version = context_.operation(number).version;
  if (version == 0) return;
  const auto [at, is_new] = versions_.emplace(version, std::make_pair(state, number));
  const auto& [known, by] = at->second;
  if (is_new || (known.block == state.block && known.rank == state.rank)) return;
  context_.Add(FindingKind::kDuplicate,
               absl::StrCat("version ", version, " is of two values: ", context_.Describe(by),
                            " and ", context_.Describe(number)),
               {by, number});
}

void KeyView::AddOperation(uint32_t number) {
  const Operation& operation = context_.operation(number);
  if (operation.outcome == Outcome::kNotApplied) return;
  const bool is_known = operation.outcome == Outcome::kOk;
  switch (operation.kind) {
    case OperationKind::kSet:
      return AddSet(number);
    case OperationKind::kDelete:
      return AddDelete(number);
    case OperationKind::kTouch:
      return AddTouch(number);
    case OperationKind::kIncrement:
      return AddIncrement(number);
    case OperationKind::kAppend:
      return AddAppend(number);
    case OperationKind::kGet:
    case OperationKind::kLease:
      if (!is_known) return;
      // Who is granted a lease early is told the value that still lives.
      const bool is_present = !operation.is_stale && (operation.done || !operation.state.empty());
      if (!is_present) {
        absences_.push_back(MomentOf(number));
      } else if (const auto state = states_.find(number); state != states_.end()) {
        AddSighting(number, state->second, false);
      }
  }
}

void KeyView::AddSet(uint32_t number) {
  const Operation& operation = context_.operation(number);
  if (operation.outcome == Outcome::kOk && !operation.done) {
    return AddByVersion(number, operation.version);
  }
  writes_.push_back(MomentOf(number));
  const bool is_known = operation.outcome == Outcome::kOk;
  if (!is_known && !block_of_write_.contains(number)) return;  // nobody has seen it
  const uint32_t block = BlockOf(number);
  AddSighting(number, {block, 1}, true);
  AddLifetime(number, block);
  if (is_known && operation.condition == SetCondition::kIfAbsent) {
    absences_.push_back(MomentOf(number));
  }
}

void KeyView::AddDelete(uint32_t number) {
  const Operation& operation = context_.operation(number);
  if (operation.outcome == Outcome::kUnknown) {
    doubtful_removals_.push_back(MomentOf(number));
  } else if (operation.done) {
    removals_.push_back(MomentOf(number));
  } else {
    AddByVersion(number, operation.version);
  }
}

void KeyView::AddTouch(uint32_t number) {
  const Operation& operation = context_.operation(number);
  if (operation.outcome == Outcome::kUnknown) {
    doubtful_touches_.push_back({MomentOf(number), operation.ttl_ms * kNanosecondsPerMillisecond});
    return;
  }
  AddByVersion(number, operation.done ? operation.version : 0);
  if (!operation.done) return;
  if (const auto known = versions_.find(operation.version); known != versions_.end()) {
    AddLifetime(number, known->second.first.block);
  } else {
    stray_touches_.push_back({MomentOf(number), operation.ttl_ms * kNanosecondsPerMillisecond});
  }
}

void KeyView::AddIncrement(uint32_t number) {
  const Operation& operation = context_.operation(number);
  if (operation.outcome == Outcome::kUnknown) {
    doubtful_increments_.push_back(MomentOf(number));
    writes_.push_back(MomentOf(number));
    if (!block_of_write_.contains(number)) return;
    const uint32_t block = BlockOf(number);
    AddSighting(number, {block, 0}, true);
    AddLifetime(number, block);
    return;
  }
  if (!operation.done) {
    absences_.push_back(MomentOf(number));
    return;
  }
  writes_.push_back(MomentOf(number));
  if (operation.is_created) absences_.push_back(MomentOf(number));
  const auto state = states_.find(number);
  if (state == states_.end()) return;
  AddSighting(number, state->second, true);
  if (operation.is_created || operation.ttl_ms != 0) AddLifetime(number, state->second.block);
}

void KeyView::AddAppend(uint32_t number) {
  const Operation& operation = context_.operation(number);
  const bool is_known = operation.outcome == Outcome::kOk;
  if (is_known && !operation.done) {
    absences_.push_back(MomentOf(number));
    return;
  }
  writes_.push_back(MomentOf(number));
  if (const auto piece = pieces_.find(number); piece != pieces_.end()) {
    AddSighting(number, piece->second, true);
    if (block_of_write_.contains(number)) {
      context_.Add(FindingKind::kPhantom,
                   absl::StrCat(context_.Describe(number),
                                " was seen as the first of a value and as "
                                "appended to another"),
                   {number});
    }
  } else if (is_known || block_of_write_.contains(number)) {
    // It has created the key, or its piece was never seen.
    // Who is seen as the first has found nothing to append to.
    if (is_known && block_of_write_.contains(number)) absences_.push_back(MomentOf(number));
    const uint32_t block = BlockOf(number);
    AddSighting(number, {block, 1}, true);
    // Whether its ttl counts is known only when it created the key; if not, nobody sees the block.
    AddLifetime(number, block);
  }
}

void KeyView::AddByVersion(uint32_t number, uint64_t version) {
  if (version == 0) {
    absences_.push_back(MomentOf(number));
    return;
  }
  const auto known = versions_.find(version);
  if (known != versions_.end()) AddSighting(number, known->second.first, false);
}

void KeyView::AddSighting(uint32_t number, const State& state, bool is_step) {
  Sighting sighting{MomentOf(number), state.block, state.rank, is_step};
  // Who is not known to have ended gives no bound.
  if (context_.operation(number).outcome == Outcome::kUnknown) sighting.moment.end = kNever;
  sighting_of_.emplace(number, static_cast<uint32_t>(sightings_.size()));
  sightings_.push_back(sighting);
}

void KeyView::AddLifetime(uint32_t number, uint32_t block) {
  blocks_[block].lifetimes.push_back(
      {MomentOf(number), context_.operation(number).ttl_ms * kNanosecondsPerMillisecond});
}

}  // namespace larder::history
