#include "tests/testing/history/order_check.h"

#include <algorithm>
#include <map>
#include <string>

#include "absl/strings/str_cat.h"

namespace larder::history {
namespace {

constexpr uint32_t kNoBlock = UINT32_MAX;

FindingKind KindOf(const Operation& older, const Operation& newer) {
  if (older.is_final) return FindingKind::kLost;
  return newer.is_mutation() ? FindingKind::kResurrected : FindingKind::kOutOfOrder;
}

void AddContradiction(CheckContext& context, const Zone& older, const Zone& newer) {
  const Operation& seen = context.operation(older.last_operation);
  const Operation& proof = context.operation(newer.first_operation);
  const bool is_miss = newer.what == kNoBlock;
  const bool is_removal = is_miss && proof.kind == OperationKind::kDelete && proof.done;
  const FindingKind kind = is_removal ? FindingKind::kResurrected
                           : is_miss  ? FindingKind::kOutOfOrder
                                      : KindOf(seen, proof);
  std::string message = absl::StrCat(
      context.Describe(older.last_operation), " has what ", context.Describe(older.first_operation),
      " had, but in between came ", context.Describe(newer.first_operation));
  std::vector<uint32_t> operations = {older.last_operation, older.first_operation,
                                      newer.first_operation};
  if (newer.last_operation != newer.first_operation) {
    absl::StrAppend(&message, ", which was not there before ",
                    context.Describe(newer.last_operation));
    operations.push_back(newer.last_operation);
  }
  context.Add(kind, std::move(message), std::move(operations));
}

void AddMoments(const std::vector<KeyView::Moment>& moments,
                std::vector<std::vector<Zone>>& zones) {
  for (const KeyView::Moment& moment : moments) {
    if (!moment.eras.is_one()) continue;
    zones[moment.eras.low].push_back(
        {moment.end, moment.begin, moment.operation, moment.operation, kNoBlock});
  }
}

// `one` is what a value with fewer pieces was.
bool IsPrefix(const std::string& one, const std::string& other) {
  return other.size() > one.size() && other.compare(0, one.size(), one) == 0 &&
         other[one.size()] == ',';
}

void CheckPieces(CheckContext& context, const KeyEras::Stay& stay) {
  const KeyView::Sighting* last = nullptr;
  for (const KeyView::Sighting* sighting : stay.sightings) {
    const std::string& state = context.operation(sighting->moment.operation).state;
    if (state.empty() || state.front() == '#') continue;
    if (last != nullptr) {
      const std::string& before = context.operation(last->moment.operation).state;
      const bool is_good = last->rank == sighting->rank ? before == state : IsPrefix(before, state);
      if (!is_good) {
        context.Add(FindingKind::kLost,
                    absl::StrCat("an append is gone: ", context.Describe(last->moment.operation),
                                 " and ", context.Describe(sighting->moment.operation),
                                 " do not continue one another"),
                    {last->moment.operation, sighting->moment.operation});
      }
    }
    last = sighting;
  }
}

void AddStateContradiction(CheckContext& context, const KeyView::Sighting& older,
                           const KeyView::Sighting& newer) {
  const Operation& read = context.operation(older.moment.operation);
  const Operation& proof = context.operation(newer.moment.operation);
  const uint32_t one = older.moment.operation;
  const uint32_t other = newer.moment.operation;
  if (older.rank == newer.rank) {
    context.Add(FindingKind::kPhantom,
                absl::StrCat(context.Describe(other),
                             " found what was not written yet: ", context.Describe(one)),
                {other, one});
    return;
  }
  const bool is_counter = !read.state.empty() && read.state.front() == '#';
  context.Add(is_counter ? FindingKind::kCounter : KindOf(read, proof),
              absl::StrCat(context.Describe(one), " is behind ", context.Describe(other),
                           ", which had ended before"),
              {one, other});
}

}  // namespace

void CheckRow(CheckContext& context, const KeyView& view, const KeyEras& eras) {
  std::vector<std::vector<Zone>> zones(context.windows().windows().size() + 1);
  for (const KeyEras::Stay& stay : eras.stays()) zones[stay.era].push_back(stay.zone);
  AddMoments(view.absences(), zones);
  AddMoments(view.removals(), zones);
  for (std::vector<Zone>& era : zones) {
    for (const auto& [older, newer] : FindContradictions(std::move(era))) {
      // Two that came back: CheckRestored says so.
      const auto is_restored = [&eras](const Zone& zone) {
        return zone.what != kNoBlock && eras.stays()[zone.what].is_restored;
      };
      if (is_restored(older) && is_restored(newer)) continue;
      AddContradiction(context, older, newer);
    }
  }
}

void CheckStates(CheckContext& context, const KeyEras& eras) {
  for (const KeyEras::Stay& stay : eras.stays()) {
    CheckPieces(context, stay);
    // Sorted by rank, what made a state before who saw it.
    const KeyView::Sighting* latest = nullptr;   // of lower ranks, and the maker of this
    const KeyView::Sighting* pending = nullptr;  // of this rank
    for (const KeyView::Sighting* sighting : stay.sightings) {
      if (pending != nullptr && pending->rank != sighting->rank) {
        if (latest == nullptr || pending->moment.begin > latest->moment.begin) latest = pending;
        pending = nullptr;
      }
      if (latest != nullptr && sighting->moment.end < latest->moment.begin) {
        AddStateContradiction(context, *latest, *sighting);
      }
      if (sighting->is_step) {
        if (latest == nullptr || sighting->moment.begin > latest->moment.begin) latest = sighting;
      } else if (pending == nullptr || sighting->moment.begin > pending->moment.begin) {
        pending = sighting;
      }
    }
  }
}

void CheckRestored(CheckContext& context, const KeyView& view, const KeyEras& eras) {
  const KeyEras::Stay* last = nullptr;
  for (const KeyEras::Stay& stay : eras.stays()) {
    if (!stay.is_restored) continue;
    const KeyView::Block& block = view.blocks()[stay.block];
    const uint32_t seen = stay.sightings.front()->moment.operation;
    const bool is_known = context.operation(block.write).outcome == Outcome::kOk;
    if (is_known && block.moment.eras.high < stay.era &&
        context.windows().AllIsLostBetween(block.moment.eras.high, stay.era)) {
      context.Add(FindingKind::kResurrected,
                  absl::StrCat(context.Describe(seen), " found ", context.Describe(block.write),
                               ", after which everything was lost"),
                  {seen, block.write});
    }
    if (last != nullptr && last->era == stay.era) {
      const uint32_t other = last->sightings.front()->moment.operation;
      context.Add(FindingKind::kResurrected,
                  absl::StrCat("after a loss two values of before it were there: ",
                               context.Describe(other), " and ", context.Describe(seen)),
                  {other, seen});
    }
    last = &stay;
  }
}

void CheckReplaced(CheckContext& context, const KeyView& view,
                   const std::vector<uint32_t>& operations) {
  std::map<std::pair<uint64_t, uint32_t>, uint32_t> replaced;  // by version and era
  for (const uint32_t number : operations) {
    const Operation& operation = context.operation(number);
    if (operation.condition_version == 0 || operation.outcome != Outcome::kOk || !operation.done) {
      continue;
    }
    const KeyView::Sighting* made = view.SightingOf(number);
    const LossWindows::Eras eras =
        made != nullptr
            ? made->moment.eras
            : context.windows().ErasOf(operation.begin, operation.end, operation.position);
    if (!eras.is_one()) continue;
    const auto [at, is_new] =
        replaced.emplace(std::make_pair(operation.condition_version, eras.low), number);
    if (is_new) continue;
    context.Add(FindingKind::kOutOfOrder,
                absl::StrCat("both replaced the same version: ", context.Describe(at->second),
                             " and ", context.Describe(number)),
                {at->second, number});
  }
}

void CheckMinPositions(CheckContext& context, const KeyView& view, const KeyEras& eras,
                       const std::vector<uint32_t>& operations) {
  std::map<std::pair<uint32_t, uint32_t>, const KeyEras::Stay*> stays;  // by era and block
  for (const uint32_t number : operations) {
    const Operation& read = context.operation(number);
    if (!read.min_position.is_known() || read.outcome != Outcome::kOk) continue;
    const uint32_t write = context.FindWrite(read.min_position);
    if (write == CheckContext::kNoOperation || context.operation(write).key != read.key) continue;
    const KeyView::Sighting* wrote = view.SightingOf(write);
    const KeyView::Sighting* seen = view.SightingOf(number);
    if (wrote == nullptr || seen == nullptr || !seen->moment.eras.is_one()) continue;
    if (!wrote->moment.eras.is_one() || wrote->moment.eras.low != seen->moment.eras.low) continue;
    if (stays.empty()) {
      for (const KeyEras::Stay& stay : eras.stays()) stays[{stay.era, stay.block}] = &stay;
    }
    const Zone& zone = stays[{seen->moment.eras.low, seen->block}]->zone;
    const bool is_older = seen->block == wrote->block ? seen->rank < wrote->rank
                                                      : zone.first_end < wrote->moment.begin;
    if (!is_older) continue;
    context.Add(FindingKind::kOutOfOrder,
                absl::StrCat(context.Describe(number), " is older than ", context.Describe(write),
                             ", which it asked for"),
                {number, write});
  }
}

}  // namespace larder::history
