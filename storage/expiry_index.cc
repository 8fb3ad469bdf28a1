#include "storage/expiry_index.h"

namespace larder::storage {

void ExpiryIndex::Update(Entry& entry) {
  if (entry.expires_at == kNever) {
    Remove(entry);
    return;
  }
  const Node node{entry.expires_at, &entry};
  if (entry.expiry_index == Entry::kNotIndexed) {
    heap_.push_back(node);
    SiftUp(heap_.size() - 1, node);
    return;
  }
  const size_t index = entry.expiry_index;
  if (node.expires_at < heap_[index].expires_at) {
    SiftUp(index, node);
  } else {
    SiftDown(index, node);
  }
}

void ExpiryIndex::Remove(Entry& entry) {
  if (entry.expiry_index == Entry::kNotIndexed) return;
  const size_t index = entry.expiry_index;
  const TimePoint removed = heap_[index].expires_at;
  const Node last = heap_.back();
  entry.expiry_index = Entry::kNotIndexed;
  heap_.pop_back();
  if (last.entry == &entry) return;
  if (last.expires_at < removed) {
    SiftUp(index, last);
  } else {
    SiftDown(index, last);
  }
}

void ExpiryIndex::Moved(Entry& to) {
  if (to.expiry_index != Entry::kNotIndexed) heap_[to.expiry_index].entry = &to;
}

void ExpiryIndex::Place(size_t index, const Node& node) {
  heap_[index] = node;
  node.entry->expiry_index = static_cast<uint32_t>(index);
}

void ExpiryIndex::SiftUp(size_t index, const Node& node) {
  while (index > 0) {
    const size_t parent = (index - 1) / 2;
    if (heap_[parent].expires_at <= node.expires_at) break;
    Place(index, heap_[parent]);
    index = parent;
  }
  Place(index, node);
}

void ExpiryIndex::SiftDown(size_t index, const Node& node) {
  const size_t size = heap_.size();
  for (;;) {
    size_t child = 2 * index + 1;
    if (child >= size) break;
    if (child + 1 < size && heap_[child + 1].expires_at < heap_[child].expires_at) ++child;
    if (node.expires_at <= heap_[child].expires_at) break;
    Place(index, heap_[child]);
    index = child;
  }
  Place(index, node);
}

}  // namespace larder::storage
