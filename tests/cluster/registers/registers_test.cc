// Voters and proposers of registers together: whatever is lost, doubled and late, what was chosen
// once stays underneath all that is chosen after it.

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <vector>

#include "cluster/registers/register_acceptor.h"
#include "cluster/registers/register_round.h"

namespace larder::cluster {
namespace {

const RegisterKey kKey = RegisterKey::OfShard(ShardId(3));

NodeId Node(uint64_t number) { return {0, number}; }

VoterList ListOf(size_t voters) {
  VoterList list;
  list.epoch = 1;
  for (size_t i = 1; i <= voters; ++i) list.voters.push_back(Node(i));
  return list;
}

ShardRegister Value(uint64_t version, uint64_t term) {
  ShardRegister value;
  value.version = version;
  value.epoch = {term, 0, Node(term)};
  return value;
}

TEST(RegisterAcceptorTest, PromisesAndAcceptsNothingBelowWhatItPromised) {
  RegisterAcceptor voter;
  EXPECT_TRUE(voter.Prepare(kKey, {5, Node(1)}));
  EXPECT_TRUE(voter.Prepare(kKey, {5, Node(1)})) << "the same again";
  EXPECT_FALSE(voter.Prepare(kKey, {4, Node(9)}));
  EXPECT_FALSE(voter.Accept(kKey, {4, Node(9)}, Value(1, 1)));
  EXPECT_TRUE(voter.Prepare(kKey, {5, Node(2)}));
  EXPECT_FALSE(voter.Accept(kKey, {5, Node(1)}, Value(1, 1)));
  EXPECT_TRUE(voter.Accept(kKey, {5, Node(2)}, Value(1, 2)));
  EXPECT_EQ(std::get<ShardRegister>(voter.At(kKey).value).epoch.term, 2u);
  EXPECT_TRUE(voter.Prepare(RegisterKey::OfShard(ShardId(4)), {1, Node(1)})) << "another register";
}

TEST(RegisterAcceptorTest, TellsBallotsOfTwoProcessesOfANodeApart) {
  RegisterAcceptor voter;
  EXPECT_TRUE(voter.Prepare(kKey, {5, Node(1), 2}));
  EXPECT_FALSE(voter.Accept(kKey, {5, Node(1), 1}, Value(1, 1)));
}

TEST(RegisterAcceptorTest, LearnsWhatIsNewerAndKeepsItsPromise) {
  RegisterAcceptor voter;
  ASSERT_TRUE(voter.Prepare(kKey, {9, Node(1)}));
  EXPECT_TRUE(voter.Learn(kKey, {5, Node(2)}, Value(4, 4)));
  EXPECT_FALSE(voter.Learn(kKey, {5, Node(2)}, Value(4, 4)));
  EXPECT_FALSE(voter.Learn(kKey, {4, Node(2)}, Value(3, 3)));
  EXPECT_EQ(voter.At(kKey).promised, (Ballot{9, Node(1)}));
  EXPECT_EQ(std::get<ShardRegister>(voter.At(kKey).value).version, 4u);
  EXPECT_FALSE(voter.Prepare(kKey, {8, Node(3)}));
}

TEST(RegisterAcceptorTest, MergesWhatEitherHas) {
  RegisterAcceptor voter;
  ASSERT_TRUE(voter.Prepare(kKey, {9, Node(1)}));
  voter.Merge(kKey, {{7, Node(1)}, {7, Node(1)}, Value(2, 2)});
  EXPECT_EQ(voter.At(kKey).promised, (Ballot{9, Node(1)}));
  EXPECT_EQ(voter.At(kKey).accepted, (Ballot{7, Node(1)}));
  voter.Merge(kKey, {{12, Node(1)}, {6, Node(1)}, Value(1, 1)});
  EXPECT_EQ(voter.At(kKey).promised, (Ballot{12, Node(1)}));
  EXPECT_EQ(std::get<ShardRegister>(voter.At(kKey).value).version, 2u);
}

TEST(RegisterRoundTest, TakesTheHighestThatAMajorityTells) {
  RegisterRound round(kKey, {9, Node(1)}, ListOf(5));
  round.OnPromise(Node(1), {{9, Node(1)}, {3, Node(2)}, Value(3, 3)});
  round.OnPromise(Node(1), {{9, Node(1)}, {3, Node(2)}, Value(3, 3)});
  round.OnPromise(Node(8), {});  // no voter
  round.OnPromise(Node(2), {{9, Node(1)}, {4, Node(2)}, Value(4, 4)});
  EXPECT_EQ(round.phase(), RegisterRound::Phase::kPreparing);
  EXPECT_EQ(round.Unanswered(), (std::vector<NodeId>{Node(3), Node(4), Node(5)}));
  round.OnPromise(Node(5), {});
  ASSERT_EQ(round.phase(), RegisterRound::Phase::kPrepared);
  EXPECT_EQ(std::get<ShardRegister>(round.Underneath().value).version, 4u);
}

TEST(RegisterRoundTest, IsLostAsSoonAsNoMajorityIsLeft) {
  RegisterRound round(kKey, {2, Node(1)}, ListOf(5));
  round.OnRefused(Node(1), {7, Node(3)});
  round.OnRefused(Node(1), {7, Node(3)});
  round.OnRefused(Node(2), {});
  EXPECT_EQ(round.phase(), RegisterRound::Phase::kPreparing);
  round.OnRefused(Node(3), {5, Node(3)});
  EXPECT_EQ(round.phase(), RegisterRound::Phase::kLost);
  EXPECT_EQ(round.highest_seen(), (Ballot{7, Node(3)}));
}

TEST(RegisterRoundTest, CountsAcceptancesAnew) {
  RegisterRound round(kKey, {2, Node(1)}, ListOf(3));
  round.OnPromise(Node(1), {});
  round.OnPromise(Node(2), {});
  round.OnAccepted(Node(1));  // before anything was proposed
  round.Propose(Value(1, 1));
  round.OnAccepted(Node(1));
  EXPECT_EQ(round.phase(), RegisterRound::Phase::kAccepting);
  EXPECT_EQ(round.Unanswered(), (std::vector<NodeId>{Node(2), Node(3)}));
  round.OnAccepted(Node(3));
  EXPECT_EQ(round.phase(), RegisterRound::Phase::kChosen);
}

// Proposers that each write one more than what is underneath, over a network that does anything.
class CountingRegister {
 public:
  CountingRegister(size_t voters, uint32_t seed)
      : random_(seed), list_(ListOf(voters)), voters_(voters) {}

  void Step() {
    if (in_flight_.empty() || random_() % 20 == 0) return Begin();
    const size_t at = random_() % in_flight_.size();
    const Message message = in_flight_[at];
    if (random_() % 4 != 0) in_flight_.erase(in_flight_.begin() + static_cast<std::ptrdiff_t>(at));
    if (random_() % 6 != 0) Deliver(message);
  }
  // Of each value that was chosen: its version and its ballot.
  const std::vector<std::pair<uint64_t, Ballot>>& chosen() const { return chosen_; }

 private:
  struct Message {
    size_t round;
    size_t voter;
    bool is_accept;
  };
  struct Attempt {
    RegisterRound round;
  };

  void Begin() {
    const Ballot ballot{1 + random_() % 4 + rounds_.size() / 2, Node(1 + rounds_.size())};
    rounds_.push_back(std::make_unique<Attempt>(Attempt{RegisterRound(kKey, ballot, list_)}));
    Send(rounds_.size() - 1, false);
  }
  void Send(size_t round, bool is_accept) {
    for (size_t voter = 0; voter < voters_.size(); ++voter) {
      in_flight_.push_back({round, voter, is_accept});
      if (random_() % 8 == 0) in_flight_.push_back({round, voter, is_accept});
    }
  }
  void Deliver(const Message& message) {
    RegisterRound& round = rounds_[message.round]->round;
    RegisterAcceptor& voter = voters_[message.voter];
    const NodeId node = list_.voters[message.voter];
    const auto before = round.phase();
    if (!message.is_accept) {
      voter.Prepare(kKey, round.ballot()) ? round.OnPromise(node, voter.At(kKey))
                                          : round.OnRefused(node, voter.At(kKey).promised);
      if (before == RegisterRound::Phase::kPreparing &&
          round.phase() == RegisterRound::Phase::kPrepared) {
        const auto* const value = std::get_if<ShardRegister>(&round.Underneath().value);
        round.Propose(Value(value == nullptr ? 1 : value->version + 1, round.ballot().number));
        Send(message.round, true);
      }
      return;
    }
    voter.Accept(kKey, round.ballot(), round.proposed())
        ? round.OnAccepted(node)
        : round.OnRefused(node, voter.At(kKey).promised);
    if (before == RegisterRound::Phase::kAccepting &&
        round.phase() == RegisterRound::Phase::kChosen) {
      chosen_.emplace_back(std::get<ShardRegister>(round.proposed()).version, round.ballot());
    }
  }

  std::mt19937 random_;
  const VoterList list_;
  std::vector<RegisterAcceptor> voters_;
  std::vector<std::unique_ptr<Attempt>> rounds_;
  std::vector<Message> in_flight_;
  std::vector<std::pair<uint64_t, Ballot>> chosen_;
};

TEST(RegisterTest, EachChosenValueFollowsFromTheOnesBefore) {
  size_t chosen = 0;
  for (uint32_t seed = 1; seed <= 300; ++seed) {
    CountingRegister cluster(seed % 2 == 0 ? 3 : 5, seed);
    for (int step = 0; step < 3000; ++step) cluster.Step();
    auto values = cluster.chosen();
    chosen += values.size();
    // By ballot the versions rise strictly: none was chosen without all before it.
    std::sort(values.begin(), values.end(),
              [](const auto& a, const auto& b) { return a.second < b.second; });
    for (size_t i = 1; i < values.size(); ++i) {
      ASSERT_GT(values[i].first, values[i - 1].first) << "seed " << seed;
    }
  }
  EXPECT_GT(chosen, 1000u);
}

}  // namespace
}  // namespace larder::cluster
