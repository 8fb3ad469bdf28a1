#ifndef LARDER_CLUSTER_WIRE_FIELD_DECODER_H_
#define LARDER_CLUSTER_WIRE_FIELD_DECODER_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "cluster/replication/epoch.h"
#include "cluster/replication/history.h"
#include "cluster/replication/node_id.h"
#include "cluster/replication/position.h"

namespace larder::peer::v1 {
class Epoch;
class History;
class Position;
}  // namespace larder::peer::v1

namespace larder::cluster {

// Reads the fields of one message that another node, or a disk, has given. The first field that is
// not what it may be makes status() INVALID_ARGUMENT, "Hello.node_id: 3 bytes; a node id has 16";
// what is returned from then on is of no use.
class FieldDecoder {
 public:
  // `message`: its name, which outlives this.
  explicit FieldDecoder(std::string_view message) : message_(message) {}

  const absl::Status& status() const { return status_; }
  bool ok() const { return status_.ok(); }

  NodeId Node(std::string_view field, const std::string& bytes);
  Epoch ReadEpoch(std::string_view field, const peer::v1::Epoch& epoch);
  // An epoch that may be none.
  Epoch ReadEpochIf(bool is_there, std::string_view field, const peer::v1::Epoch& epoch);
  Position ReadPosition(std::string_view field, const peer::v1::Position& position);
  History ReadHistory(std::string_view field, const peer::v1::History& history);
  // Text that goes into logs: of at most `bytes_max`, in printable ASCII.
  std::string Text(std::string_view field, std::string* text, size_t bytes_max);
  std::string Bytes(std::string_view field, std::string* bytes, size_t bytes_max);
  uint64_t Number(std::string_view field, uint64_t number, uint64_t max);

  void Refuse(std::string_view field, const std::string& why);

 private:
  const std::string_view message_;
  absl::Status status_;
};

}  // namespace larder::cluster

#endif  // LARDER_CLUSTER_WIRE_FIELD_DECODER_H_
