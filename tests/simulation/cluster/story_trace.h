#ifndef LARDER_TESTS_SIMULATION_CLUSTER_STORY_TRACE_H_
#define LARDER_TESTS_SIMULATION_CLUSTER_STORY_TRACE_H_

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tests/simulation/cluster/cluster_world.h"

namespace larder::simulation {

// A story of a cluster as text to be read: what nodes decide and say to each other, but for pings,
// and who acts. Times are ms since the beginning of the world; nodes are their indexes.
class StoryTrace {
 public:
  // Takes the place of others who are told of the world's events and messages.
  explicit StoryTrace(ClusterWorld* world);

  // What the teller does, on a line of its own.
  void Say(const std::string& what);
  // Goes on, looking every ms who acts.
  void Run(Millis length);
  const std::string& text() const { return text_; }

 private:
  void Line(const std::string& what);
  void NoteWhoActs();
  std::string WithIndexes(const std::string& text) const;

  ClusterWorld* const world_;
  std::string text_;
  std::map<cluster::ShardId, std::optional<size_t>> acting_;
  std::vector<std::pair<std::string, std::string>> names_;  // of nodes: as the protocol has them
};

}  // namespace larder::simulation

#endif  // LARDER_TESTS_SIMULATION_CLUSTER_STORY_TRACE_H_
