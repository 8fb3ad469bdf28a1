#include "tests/simulation/scenario.h"

#include "absl/strings/str_cat.h"

namespace larder::simulation {

Scenario::Scenario(size_t nodes, NodeOptions options) {
  world_.violation = [this](const std::string& what) {
    if (!violation_.has_value()) violation_ = what;
  };
  network_ = std::make_unique<SimulatedNetwork>(&world_.events, 1);
  world_.network = network_.get();
  for (size_t index = 0; index < nodes; ++index) {
    nodes_.push_back(std::make_unique<SimulatedNode>(index, nodes, options, &world_, index + 1));
    network_->AddNode(nodes_.back().get());
  }
  for (const auto& node : nodes_) node->Start();
  Run(500);
}

void Scenario::Run(int64_t ms) {
  world_.events.RunUntil(world_.events.now() + Millis(ms), [] { return false; });
}

bool Scenario::RunUntil(const std::function<bool()>& done) {
  const Millis end = world_.events.now() + Millis(10000);
  world_.events.RunUntil(end, done);
  return done();
}

bool Scenario::Set(size_t at, const std::string& key, const std::string& value, size_t replicas) {
  ModelRecord record;
  record.key = key;
  record.slot = ModelKeyspace::SlotOf(key);
  record.value = value;
  return node(at).Write(record, replicas);
}

void Scenario::SetMany(size_t at, int count, const std::string& value) {
  for (int i = 0; i < count; ++i) {
    // A copy may hold writers for a while.
    const std::string key = absl::StrCat("m", i % 60);
    RunUntil([&] { return Set(at, key, absl::StrCat(value, i)); });
  }
}

std::string Scenario::Get(size_t at, const std::string& key) const {
  const ModelKeyspace::Entry* const entry = nodes_[at]->keyspace().Find(key);
  return entry == nullptr ? "" : entry->value;
}

bool Scenario::AreEqual(size_t a, size_t b) const {
  return nodes_[a]->position() == nodes_[b]->position() &&
         nodes_[a]->keyspace().digest() == nodes_[b]->keyspace().digest();
}

}  // namespace larder::simulation
