#include "storage/cell_table.h"

#include <malloc.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <new>

#include "storage/entry.h"
#include "storage/entry_log.h"
#include "storage/key_hash.h"

namespace larder::storage {
namespace {

uint64_t HashAt(Location at, const EntryLog& log) { return HashKey(log.At(at)->key()); }

}  // namespace

CellTable& CellTable::operator=(CellTable&& other) noexcept {
  std::swap(cells_, other.cells_);
  std::swap(length_, other.length_);
  std::swap(count_, other.count_);
  std::swap(shrink_below_, other.shrink_below_);
  std::swap(prefix_bits_, other.prefix_bits_);
  return *this;
}

CellTable::~CellTable() { std::free(cells_); }

EntryRef CellTable::Find(uint64_t hash, std::string_view key, const EntryLog& log) const {
  if (count_ == 0) return {};
  const uint64_t tag = TagOf(hash);
  for (size_t i = HomeOf(tag); cells_[i] != 0 && TagOfCell(cells_[i]) <= tag; ++i) {
    if (TagOfCell(cells_[i]) != tag) continue;
    const EntryRef ref = log.At(location_at(i));
    if (ref->key() == key) return ref;
  }
  return {};
}

void CellTable::Insert(uint64_t hash, Location at, const EntryLog& log) {
  if (count_ + 1 > CountMax(length_)) Rebuild(GrownLength(length_));
  // The end may be crowded. A forged set of keys can do that; it makes the end longer, not more.
  while (!TryInsert(hash, at, log)) Rebuild(GrownLength(length_));
}

bool CellTable::TryInsert(uint64_t hash, Location at, const EntryLog& log) {
  const size_t place = PlaceOf(hash, log);
  size_t gap = place;
  while (cells_[gap] != 0) ++gap;
  if (gap + 1 >= length_) return false;
  std::memmove(&cells_[place + 1], &cells_[place], (gap - place) * sizeof(Cell));
  cells_[place] = TagOf(hash) << Location::kBits | at.value;
  ++count_;
  return true;
}

void CellTable::Erase(uint64_t hash, Location at) {
  size_t i = IndexOf(hash, at);
  for (; cells_[i + 1] != 0 && HomeOf(TagOfCell(cells_[i + 1])) <= i; ++i) {
    cells_[i] = cells_[i + 1];
  }
  cells_[i] = 0;
  --count_;
  if (count_ == 0) {
    Clear();
  } else if (length_ > 16 && count_ < shrink_below_) {
    Rebuild(count_ + count_ / 2);
  }
}

void CellTable::Clear() {
  std::free(cells_);
  cells_ = nullptr;
  length_ = 0;
  count_ = 0;
}

void CellTable::Replace(uint64_t hash, Location from, Location to) {
  Cell& cell = cells_[IndexOf(hash, from)];
  cell = (cell & ~kLocationMask) | to.value;
}

size_t CellTable::IndexOf(uint64_t hash, Location at) const {
  size_t i = HomeOf(TagOf(hash));
  while (location_at(i) != at) ++i;
  return i;
}

size_t CellTable::LowerBound(uint64_t hash, const EntryLog& log) const {
  return count_ == 0 ? length_ : PlaceOf(hash, log);
}

size_t CellTable::PlaceOf(uint64_t hash, const EntryLog& log) const {
  const uint64_t tag = TagOf(hash);
  size_t i = HomeOf(tag);
  while (cells_[i] != 0 && (TagOfCell(cells_[i]) < tag ||
                            (TagOfCell(cells_[i]) == tag && HashAt(location_at(i), log) < hash))) {
    ++i;
  }
  return i;
}

size_t CellTable::Occupied(size_t index) const {
  while (index < length_ && cells_[index] == 0) ++index;
  return index;
}

uint64_t CellTable::growth_bytes() const {
  if (count_ + 1 <= CountMax(length_)) return 0;
  // An allocator rounds up by an eighth at most, and Rebuild makes use of that.
  const size_t length = GrownLength(length_);
  return BytesOf(length + length / 8 + 2) - memory_bytes();
}

std::pair<CellTable, CellTable> CellTable::Split() {
  std::pair<CellTable, CellTable> halves{CellTable(prefix_bits_ + 1), CellTable(prefix_bits_ + 1)};
  const uint64_t upper_bit = uint64_t{1} << (kTagBits - 1 - prefix_bits_);
  size_t middle = 0;
  uint32_t lower_count = 0;
  for (size_t i = 0; i < length_; ++i) {
    if (cells_[i] == 0) continue;
    if ((TagOfCell(cells_[i]) & upper_bit) != 0) break;
    ++lower_count;
    middle = i + 1;
  }
  halves.first.count_ = lower_count;
  halves.second.count_ = count_ - lower_count;
  halves.first.Fill({{cells_, middle}}, LengthFor(halves.first.count_));
  halves.second.Fill({{cells_ + middle, length_ - middle}}, LengthFor(halves.second.count_));
  Clear();
  return halves;
}

CellTable CellTable::Join(CellTable lower, CellTable upper) {
  CellTable joined(lower.prefix_bits_ - 1);
  joined.count_ = lower.count_ + upper.count_;
  joined.Fill({{lower.cells_, lower.length_}, {upper.cells_, upper.length_}},
              LengthFor(joined.count_));
  return joined;
}

void CellTable::Rebuild(size_t length) {
  Cell* const old_cells = cells_;
  Fill({{old_cells, length_}}, length);
  std::free(old_cells);
}

void CellTable::Fill(std::initializer_list<std::span<const Cell>> sources, size_t length) {
  for (bool done = false; !done; length = GrownLength(length)) {
    cells_ = static_cast<Cell*>(std::malloc(length * sizeof(Cell)));
    if (cells_ == nullptr) throw std::bad_alloc();
    length = malloc_usable_size(cells_) / sizeof(Cell);
    std::memset(cells_, 0, length * sizeof(Cell));
    length_ = static_cast<uint32_t>(length);
    size_t next = 0;  // first cell that is free; the old cells come in order
    for (const std::span<const Cell> source : sources) {
      for (const Cell cell : source) {
        if (cell == 0) continue;
        const size_t place = std::max(next, HomeOf(TagOfCell(cell)));
        next = place + 1;
        if (next < length) cells_[place] = cell;
      }
    }
    done = next < length;
    if (!done) std::free(cells_);
  }
  // Entries that are removed in the order of their hashes leave the others crowded at the end, and
  // the table as long as it was: then the next try comes when a quarter of them is gone.
  shrink_below_ = std::min(length_ / 2, count_ - count_ / 4);
}

}  // namespace larder::storage
