#ifndef LARDER_CLUSTER_REGISTERS_PROTOCOL_FAULT_H_
#define LARDER_CLUSTER_REGISTERS_PROTOCOL_FAULT_H_

#include <array>
#include <cstdint>
#include <string_view>

namespace larder::cluster {

// Mistakes that the protocol could make, each with the rule that forbids it (cluster/README.md),
// planted to see that the simulator finds them. They are compiled in for that test alone
// (LARDER_PLANTED_FAULTS).
enum class ProtocolFault : uint8_t {
  kNone,
  kVoteTwice,             // a voter accepts below what it has promised
  kUnsavedVote,           // what must be durable is said before it is
  kSameBallotTwice,       // ballots of two processes of a node are alike
  kGossipedMajority,      // a majority of those who are known and alive, not of the list
  kNoWaitForGrants,       // an elected primary is lent to at once
  kGrantAfterVote,        // who was succeeded is lent to still
  kRestartedVoterLends,   // a voter that starts lends at once
  kLeaseFromAnswer,       // a lease begins when its grant arrives
  kNoDrift,               // a voter waits by its own clock as if that were right
  kNoEndorsement,         // a voter does not ask whether the able replicas have endorsed
  kBehindStands,          // nor whether somebody has more
  kNoFence,               // who has endorsed goes on with what he followed
  kUnableAcknowledge,     // acknowledgements of replicas count that were not asked before
  kAcknowledgeUnchecked,  // authority is not looked at again before an answer leaves
  kFailedAreUnable,       // a primary takes replicas out that are FAIL
  kPrimaryPassedOver,     // who led before an attempt that was not chosen is not asked
  kListForgetsGrants,     // a new voter does not wait for what was lent under the list before
  kListForgetsBallots,    // nor takes over what was promised and accepted
  kOldListActs,           // a voter that has accepted a successor acts on
  kFenceStays,            // a primary that meets a fence above its epoch goes on under that
  kEmptyNodeStands,       // who has no data passes over who was not able
  kEmptyNeverStands,      // nor stands when all are empty
  kForgetDoesNotHold,     // what a forgotten node says of itself beats that it is forgotten
  kDeadVotersStay,        // a voter that is FAIL keeps its place
  kHungIsWell,            // who says that his disk hangs is taken for well
  kTakeOverBelow,         // a TAKEOVER's terms and ballots go on from those that it knows
  kFirstFoundingBinds,    // who takes part in a founding takes part in no other
};

struct NamedProtocolFault {
  ProtocolFault fault;
  std::string_view name;
};
// Those that chance finds in some hundred seeds.
inline constexpr std::array<NamedProtocolFault, 7> kProtocolFaults = {{
    {ProtocolFault::kNoWaitForGrants, "no_wait_for_grants"},
    {ProtocolFault::kNoEndorsement, "no_endorsement"},
    {ProtocolFault::kBehindStands, "behind_stands"},
    {ProtocolFault::kNoFence, "no_fence"},
    {ProtocolFault::kAcknowledgeUnchecked, "acknowledge_unchecked"},
    {ProtocolFault::kFailedAreUnable, "failed_are_unable"},
    {ProtocolFault::kPrimaryPassedOver, "primary_passed_over"},
}};

#ifdef LARDER_PLANTED_FAULTS
inline ProtocolFault planted_protocol_fault = ProtocolFault::kNone;
inline bool HasFault(ProtocolFault fault) { return planted_protocol_fault == fault; }
#else
constexpr bool HasFault(ProtocolFault /*fault*/) { return false; }
#endif

}  // namespace larder::cluster

#endif  // LARDER_CLUSTER_REGISTERS_PROTOCOL_FAULT_H_
