#include "tests/testing/history/key_eras.h"

#include <algorithm>
#include <tuple>
#include <utility>

namespace larder::history {
namespace {

// What a read saw has this piece.
bool HasPiece(const std::string& state, OperationId writer) {
  const std::string piece = "," + ToText(writer);
  for (size_t at = state.find(piece); at != std::string::npos; at = state.find(piece, at + 1)) {
    const size_t end = at + piece.size();
    if (end == state.size() || state[end] == ',') return true;
  }
  return false;
}

}  // namespace

KeyEras::KeyEras(const CheckContext& context, const KeyView& view) {
  Place(context, view);
  for (Stay& stay : stays_) MakeZone(context, view, stay);
}

void KeyEras::Place(const CheckContext& context, const KeyView& view) {
  using Placed = std::pair<uint32_t, const KeyView::Sighting*>;  // era
  std::vector<Placed> placed;
  std::vector<const KeyView::Sighting*> floating;
  placed.reserve(view.sightings().size());
  for (const KeyView::Sighting& sighting : view.sightings()) {
    const Operation& operation = context.operation(sighting.moment.operation);
    if (operation.outcome == Outcome::kOk && sighting.moment.eras.is_one()) {
      placed.emplace_back(sighting.moment.eras.low, &sighting);
    } else if (sighting.is_step) {
      floating.push_back(&sighting);
    }
  }
  // By block, then era: where the blocks were surely seen.
  const auto by_block = [](const Placed& one, const Placed& other) {
    return std::tie(one.second->block, one.first) < std::tie(other.second->block, other.first);
  };
  std::sort(placed.begin(), placed.end(), by_block);
  const auto sure = static_cast<ptrdiff_t>(placed.size());
  for (const KeyView::Sighting* write : floating) {
    const auto seen = std::lower_bound(placed.begin(), placed.begin() + sure,
                                       Placed{write->moment.eras.low, write}, by_block);
    for (auto at = seen; at != placed.begin() + sure; ++at) {
      if (at->second->block != write->block || at->first > write->moment.eras.high) break;
      const Operation& made = context.operation(write->moment.operation);
      const bool is_seen =
          view.blocks()[write->block].write == write->moment.operation ||
          (made.kind == OperationKind::kAppend &&
           HasPiece(context.operation(at->second->moment.operation).state, made.id));
      if (!is_seen) continue;
      placed.emplace_back(at->first, write);
      break;
    }
  }
  std::sort(placed.begin(), placed.end(), [](const Placed& one, const Placed& other) {
    return std::make_tuple(one.first, one.second->block, one.second->rank, !one.second->is_step) <
           std::make_tuple(other.first, other.second->block, other.second->rank,
                           !other.second->is_step);
  });
  for (const auto& [era, sighting] : placed) {
    if (stays_.empty() || stays_.back().era != era || stays_.back().block != sighting->block) {
      stays_.push_back({era, sighting->block, false, {}, {}});
    }
    stays_.back().sightings.push_back(sighting);
  }
}

void KeyEras::MakeZone(const CheckContext& context, const KeyView& view, Stay& stay) {
  Zone& zone = stay.zone;
  zone = {kNever, kAlways, CheckContext::kNoOperation, CheckContext::kNoOperation,
          static_cast<uint32_t>(&stay - stays_.data())};
  const auto add = [&zone](int64_t begin, int64_t end, uint32_t operation) {
    if (end < zone.first_end) {
      zone.first_end = end;
      zone.first_operation = operation;
    }
    if (begin > zone.last_begin) {
      zone.last_begin = begin;
      zone.last_operation = operation;
    }
  };
  const uint32_t write = view.blocks()[stay.block].write;
  bool has_write = false;
  for (const KeyView::Sighting* sighting : stay.sightings) {
    add(sighting->moment.begin, sighting->moment.end, sighting->moment.operation);
    has_write = has_write || sighting->moment.operation == write;
  }
  stay.is_restored = stay.era > 0 && !has_write;
  if (stay.is_restored) {
    // It came back in the window before.
    const LossWindows::Window& window = context.windows().windows()[stay.era - 1];
    add(window.begin, window.end, write);
  }
  if (zone.first_operation == CheckContext::kNoOperation) zone.first_operation = write;
}

}  // namespace larder::history
