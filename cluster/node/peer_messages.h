#ifndef LARDER_CLUSTER_NODE_PEER_MESSAGES_H_
#define LARDER_CLUSTER_NODE_PEER_MESSAGES_H_

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "cluster/members/table_updates.h"
#include "cluster/node/election_proof.h"
#include "cluster/registers/cluster_id.h"
#include "cluster/registers/register_value.h"
#include "cluster/replication/boot_time.h"
#include "cluster/replication/epoch.h"
#include "cluster/replication/node_id.h"
#include "cluster/replication/position.h"

// What the members of a cluster say to each other. Each message may be lost, doubled and late.
namespace larder::cluster {

// ---- Pings.

struct GrantRequest {
  ShardId shard{};
  Epoch epoch;
};

// From the sender's ping on, for `lease`.
struct Grant {
  ShardId shard{};
  Epoch epoch;
  uint64_t list_epoch = 0;
  uint64_t slot_map_version = 0;
  Millis lease{0};
};

// Of a node's data, to the others of its shard.
struct DataSummary {
  ShardId shard{};
  std::optional<Position> position;
  Epoch fence;
};

// What every ping and every answer to one tells.
struct Gossip {
  bool is_well = true;
  uint64_t list_epoch = 0;
  bool is_voting = false;  // the sender acts as a voter of that list
  uint64_t slot_map_version = 0;
  uint64_t digest = 0;   // of the sender's table
  TableCursor has;       // how far the sender's own table is
  TableCursor seen;      // how far it has the receiver's
  TableUpdates updates;  // of the sender's
  std::optional<DataSummary> data;
};

struct Ping {
  uint64_t number = 0;  // of the sender's to this receiver; rises
  // The highest of the sender's numbers that the receiver has answered and the sender has heard.
  uint64_t heard = 0;
  Gossip gossip;
  std::optional<GrantRequest> request;
};

struct Pong {
  uint64_t number = 0;  // of the ping
  Gossip gossip;
  std::optional<Grant> grant;
};

// The sender, a voter, holds these for dead; and of these it does not any more.
struct Suspect {
  std::vector<FailMark> suspects;
  std::vector<NodeId> withdrawn;
};

// A majority of the voters does: FAIL. From a voter.
struct Failed {
  std::vector<FailMark> failed;
};

// ---- Registers.

struct Prepare {
  RegisterKey key;
  uint64_t list_epoch = 0;
  Ballot ballot;
  std::optional<ElectionKind> election;
};

struct Promise {
  RegisterKey key;
  Ballot ballot;
  Ballot accepted;
  RegisterValue value;
};

struct Accept {
  RegisterKey key;
  uint64_t list_epoch = 0;
  Ballot ballot;
  RegisterValue value;
  std::optional<ElectionProof> proof;  // of a shard's new epoch
};

struct Accepted {
  RegisterKey key;
  Ballot ballot;
};

struct Refused {
  enum class Reason : uint8_t {
    kBallot,        // it has promised `promised`
    kList,          // it does not act under this list
    kPrimaryLives,  // it does not hold the primary for FAIL
    kNotEndorsed,   // `about` is neither FAIL nor in the proof
    kBehind,        // `about` is ahead of the candidate
    kValue,         // the value does not follow from the one underneath
  };
  RegisterKey key;
  Ballot ballot;
  Reason reason = Reason::kBallot;
  Ballot promised;
  NodeId about;
};

struct Chosen {
  RegisterKey key;
  Ballot ballot;
  RegisterValue value;
};

// ---- Elections.

struct Endorse {
  ShardId shard{};
  Epoch epoch;  // the candidate's
  ElectionKind kind = ElectionKind::kFailed;
  std::optional<Position> position;  // the candidate's now
};

struct Endorsed {
  ShardId shard{};
  Epoch epoch;
  std::optional<Position> position;
};

struct NotEndorsed {
  enum class Reason : uint8_t {
    kFenced,  // it has met `fence`, which is not below
    kAhead,   // it has more: `position`
    kLeads,   // it is the primary, and has not agreed
    kNotOfShard,
  };
  ShardId shard{};
  Epoch epoch;
  Reason reason = Reason::kFenced;
  Epoch fence;
  std::optional<Position> position;
};

// The receiver should stand: it has more than the sender, or the sender wants to hand over.
struct Stand {
  ShardId shard{};
  ElectionKind kind = ElectionKind::kFailed;
  Ballot ballot;  // the highest that the sender knows of: it should be above that
};

// A planned failover: the receiver, the primary, is to hand over to the sender.
struct HandOver {
  ShardId shard{};
};

// ---- Voter lists.

// The receiver was a voter before this list, or is one: the sender, who is to be one, wants what it
// holds.
struct VoterStateRequest {
  uint64_t list_epoch = 0;
  std::optional<RegisterKey> after;  // absent: from the first register on
};

struct VoterState {
  struct Lent {
    ShardId shard{};
    Epoch epoch;
    Millis rest{0};         // of what was lent to it
    Millis others_rest{0};  // of what was lent to others
  };
  uint64_t list_epoch = 0;
  // It acts under this list; else it acts under none before it any more.
  bool is_acting = false;
  std::optional<RegisterKey> after;  // of the request
  std::vector<std::pair<RegisterKey, RegisterState>> registers;
  std::vector<Lent> lent;
  bool has_more = false;
};

// ---- The slot map.

struct SlotMapRequest {
  uint64_t version = 0;  // 0: whatever is newest
  uint32_t from = 0;     // the slot
};

struct SlotMapPage {
  uint64_t version = 0;
  uint32_t from = 0;
  uint32_t to = 0;  // the slot behind the last one of the page
  std::vector<SlotMap::Run> runs;
};

// ---- Joining.

// The sender is of no cluster yet, or does not know how to reach one that is.
struct Join {
  Member member;
  bool wants_to_join = true;  // false: it has a cluster, and tells who it is
  uint64_t list_epoch = 0;    // of the voters that it knows; 0: none
};

// The receiver may take part: the sender's cluster, in the envelope, and whom to ping. With the
// receiver's record alone: it was forgotten.
struct JoinAnswer {
  VoterList voters;
  std::vector<Member> members;  // the voters' records, the receiver's, and the sender's
};

using PeerMessage =
    std::variant<Ping, Pong, Suspect, Failed, Prepare, Promise, Accept, Accepted, Refused, Chosen,
                 Endorse, Endorsed, NotEndorsed, Stand, HandOver, VoterStateRequest, VoterState,
                 SlotMapRequest, SlotMapPage, Join, JoinAnswer>;

struct Envelope {
  ClusterId cluster;  // unset: of none yet
  NodeId from;
  PeerMessage message;
};

// Its name, for traces and counts.
const char* PeerMessageName(const PeerMessage& message);
// About how many bytes they take.
size_t EncodedBytes(const RegisterValue& value);
size_t EncodedBytes(const Envelope& envelope);

}  // namespace larder::cluster

#endif  // LARDER_CLUSTER_NODE_PEER_MESSAGES_H_
