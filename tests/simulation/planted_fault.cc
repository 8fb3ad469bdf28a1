#include "tests/simulation/planted_fault.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace larder::simulation {

using cluster::Ack;
using cluster::Epoch;
using cluster::Hello;
using cluster::History;
using cluster::Position;
using cluster::ReplicationState;
using cluster::Welcome;

namespace {

// The position is taken for one of the source's own history.
void Relabel(const ReplicationState& source, uint64_t end, Position* position) {
  if (!source.has_data() || position->sequence > end) return;
  *position = source.PositionAt(position->sequence);
}

// A history that lets a position of `own` continue, whatever the truth is.
History MadeToFit(const History& own, const History& source, uint64_t from) {
  History::Parts parts = own.parts();
  for (const History::Beginning& next : source.beginnings()) {
    if (parts.beginnings.empty() || next.epoch > parts.beginnings.back().epoch) {
      parts.beginnings.push_back({next.epoch, std::max(next.first, from)});
    }
  }
  return History::Create(std::move(parts)).value_or(source);
}

bool IsOfDecision(PlantedFault fault) {
  return fault == PlantedFault::kContinuePastPromotion ||
         fault == PlantedFault::kLabelOfTheFollowed ||
         fault == PlantedFault::kEpochMissingFromHistory;
}

}  // namespace

std::optional<PlantedFault> PlantedFaultByName(std::string_view name) {
  if (name == "none") return PlantedFault::kNone;
  for (const NamedFault& named : kPlantedFaults) {
    if (named.name == name) return named.fault;
  }
  return std::nullopt;
}

void PlantInHello(PlantedFault fault, const ReplicationState& source, uint64_t end, Hello* hello) {
  if (fault == PlantedFault::kCopyFromAnotherSource && hello->copy.has_value()) {
    Relabel(source, end, &hello->copy->position);
    hello->copy->older_position.reset();
    hello->copy->exact_from = hello->copy->position;
  }
  if (!hello->position.has_value()) return;
  Position* const position = &*hello->position;
  const bool is_known = source.history().Contains(position->epoch);
  if (fault == PlantedFault::kLabelOfTheFollowed && source.history().Contains(hello->fence)) {
    position->epoch = hello->fence;
    hello->history = MadeToFit(hello->history, source.history(), position->sequence);
  }
  if ((fault == PlantedFault::kContinuePastPromotion && is_known) ||
      (fault == PlantedFault::kEpochMissingFromHistory && !is_known)) {
    Relabel(source, end, position);
    hello->history = MadeToFit(hello->history, source.history(), position->sequence);
    if (!hello->history.Contains(position->epoch)) hello->history = source.history();
  }
}

void PlantInWelcome(PlantedFault fault, const ReplicationState& replica,
                    const std::optional<cluster::CopyProgress>& copy, Welcome* welcome) {
  const bool is_copy = welcome->kind != Welcome::Kind::kContinue;
  if (!is_copy && IsOfDecision(fault)) {
    welcome->history = MadeToFit(replica.history(), welcome->history, welcome->from);
    const Epoch last = welcome->history.beginnings().back().epoch;
    welcome->epoch = std::max(welcome->epoch, last);
  }
  const bool goes_on = is_copy && welcome->kind != Welcome::Kind::kCopyAnew;
  if (fault == PlantedFault::kCopyFromAnotherSource && goes_on && copy.has_value() &&
      !welcome->history.Continues(copy->exact_from, UINT64_MAX)) {
    History own;
    own.Begin(copy->exact_from.epoch, 0);
    welcome->history = MadeToFit(own, welcome->history, copy->exact_from.sequence);
    welcome->epoch = std::max(welcome->epoch, copy->exact_from.epoch);
  }
}

void PlantInAck(PlantedFault fault, const ReplicationState& source, Ack* ack) {
  const bool is_of_copy = fault == PlantedFault::kCopyFromAnotherSource;
  if ((IsOfDecision(fault) || is_of_copy) && ack->applied.has_value() && source.has_data()) {
    *ack->applied = source.PositionAt(ack->applied->sequence);
  }
}

}  // namespace larder::simulation
