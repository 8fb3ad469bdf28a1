#ifndef LARDER_TESTS_SIMULATION_PLANTED_FAULT_H_
#define LARDER_TESTS_SIMULATION_PLANTED_FAULT_H_

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "cluster/replication/messages.h"
#include "cluster/replication/replication_state.h"

namespace larder::simulation {

// Mistakes that replication could make, each with the rule of ordering.md that forbids it. They
// stand in the simulated shell and in what it does to messages on their way, not in the machines.
enum class PlantedFault : uint8_t {
  kNone,
  kApplyByVersion,           // 3: a record is passed over if its key has a higher version
  kContinuePastPromotion,    // 2: who has more of an epoch than the source continues
  kReuseSequences,           // 1: a primary goes on after a restart under the same epoch
  kAckBeforeApply,           // 13: records are acknowledged as they come
  kLabelOfTheFollowed,       // 2: a position has the epoch of the primary followed
  kEpochMissingFromHistory,  // 2: who has records of an epoch unknown to the source continues
  kLogOffAndOn,              // 2: the history outlives writes that had no numbers
  kCopyFromAnotherSource,    // 4: a cut copy goes on wherever
  kReadAheadUnsaid,          // 4: of what a chunk has from behind its position nobody is told
  kFailedWriteForgotten,     // 12: what could not be written is taken for written
  kPartForgotten,            // 2: what was applied of a batch that failed does not count
  kDroppedDataClaimed,       // 1: what made way for a copy is still said to be there
  kLargeValueReadLate,       // design 4a: a record is sent with its key's value as it is by then
};

struct NamedFault {
  PlantedFault fault;
  std::string_view name;
};
// Those that chance finds in some thousand seeds; the others have a story.
inline constexpr std::array<NamedFault, 12> kPlantedFaults = {{
    {PlantedFault::kApplyByVersion, "apply_by_version"},
    {PlantedFault::kContinuePastPromotion, "continue_past_promotion"},
    {PlantedFault::kReuseSequences, "reuse_sequences"},
    {PlantedFault::kAckBeforeApply, "ack_before_apply"},
    {PlantedFault::kLabelOfTheFollowed, "label_of_the_followed"},
    {PlantedFault::kEpochMissingFromHistory, "epoch_missing_from_history"},
    {PlantedFault::kLogOffAndOn, "log_off_and_on"},
    {PlantedFault::kCopyFromAnotherSource, "copy_from_another_source"},
    {PlantedFault::kReadAheadUnsaid, "read_ahead_unsaid"},
    {PlantedFault::kFailedWriteForgotten, "failed_write_forgotten"},
    {PlantedFault::kPartForgotten, "part_forgotten"},
    {PlantedFault::kLargeValueReadLate, "large_value_read_late"},
}};

std::optional<PlantedFault> PlantedFaultByName(std::string_view name);

// Makes both ends of a stream believe what a faulty pair of them would. `end`: of the source's
// data.
void PlantInHello(PlantedFault fault, const cluster::ReplicationState& source, uint64_t end,
                  cluster::Hello* hello);
void PlantInWelcome(PlantedFault fault, const cluster::ReplicationState& replica,
                    const std::optional<cluster::CopyProgress>& copy, cluster::Welcome* welcome);
void PlantInAck(PlantedFault fault, const cluster::ReplicationState& source, cluster::Ack* ack);

}  // namespace larder::simulation

#endif  // LARDER_TESTS_SIMULATION_PLANTED_FAULT_H_
