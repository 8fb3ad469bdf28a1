#include "storage/eviction/expiry_heap.h"

namespace larder::storage {

void ExpiryHeap::Add(EntryRef ref, TimePoint expires_at) {
  const Node node{expires_at, ref.at};
  heap_.push_back(node);
  SiftUp(heap_.size() - 1, node);
}

void ExpiryHeap::Remove(EntryRef ref) {
  const size_t index = Place::Get(ref.entry);
  const TimePoint removed = heap_[index].expires_at;
  const Node last = heap_.back();
  heap_.pop_back();
  if (last.at == ref.at) return;
  if (last.expires_at < removed) {
    SiftUp(index, last);
  } else {
    SiftDown(index, last);
  }
}

void ExpiryHeap::Put(size_t index, const Node& node) {
  heap_[index] = node;
  Place::Set(log_->At(node.at).entry, index);
}

void ExpiryHeap::SiftUp(size_t index, const Node& node) {
  while (index > 0) {
    const size_t parent = (index - 1) / 2;
    if (heap_[parent].expires_at <= node.expires_at) break;
    Put(index, heap_[parent]);
    index = parent;
  }
  Put(index, node);
}

void ExpiryHeap::SiftDown(size_t index, const Node& node) {
  const size_t size = heap_.size();
  for (;;) {
    size_t child = 2 * index + 1;
    if (child >= size) break;
    if (child + 1 < size && heap_[child + 1].expires_at < heap_[child].expires_at) ++child;
    if (node.expires_at <= heap_[child].expires_at) break;
    Put(index, heap_[child]);
    index = child;
  }
  Put(index, node);
}

}  // namespace larder::storage
