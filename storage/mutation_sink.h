#ifndef LARDER_STORAGE_MUTATION_SINK_H_
#define LARDER_STORAGE_MUTATION_SINK_H_

#include <cstddef>
#include <cstdint>

#include "storage/mutation.h"

namespace larder::storage {

class SharedValues;

// Who keeps a log of a keyspace: is told of every mutation, those of one stripe in their order.
// Room for a record is reserved before a stripe is locked, so that nothing which can fail or wait
// stands between a change and its record. Thread-safe. Sizes in bytes of the log.
class MutationSink {
 public:
  // What a record with this key and value takes, at most.
  virtual uint64_t RoomFor(size_t key_bytes, size_t value_bytes) const = 0;
  // The most that can ever be reserved at a time.
  virtual uint64_t RoomMax() const = 0;
  // False: there is no such room now. Never waits.
  virtual bool TryReserve(uint64_t bytes) = 0;
  // Gives back what was reserved and not used. Called when no stripe is locked.
  virtual void Release(uint64_t bytes) = 0;
  // False: there may be such room, so that it should be asked for again. Else there is none, and
  // who keeps the log will let know when there is. Never waits.
  virtual bool AwaitRoom(uint64_t /*bytes*/) { return false; }
  // Whoever was told to await room, and gives up before there is some, must say so: others may wait
  // behind him that need less.
  virtual void StopAwaitingRoom(uint64_t /*bytes*/) {}

  // Takes a record into the log, in room that was reserved. Called under a stripe lock: must not
  // fail, wait or allocate. Returns where the next one comes at the earliest: who has applied all
  // before has applied this.
  virtual uint64_t Append(const Mutation& mutation) = 0;
  // Lets readers know; called when no stripe is locked any more.
  virtual void OnUnlocked() {}
  // Records may share values from now on, or nullptr: none may any more, and none that is there is
  // read. Called while no keyspace appends.
  virtual void ShareValues(SharedValues* /*shared*/) {}
  // Where the next record comes. Called under a stripe lock: all that this stripe has appended lies
  // before.
  virtual uint64_t position() const = 0;

 protected:
  ~MutationSink() = default;
};

}  // namespace larder::storage

#endif  // LARDER_STORAGE_MUTATION_SINK_H_
