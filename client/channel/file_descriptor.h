#ifndef LARDER_CLIENT_CHANNEL_FILE_DESCRIPTOR_H_
#define LARDER_CLIENT_CHANNEL_FILE_DESCRIPTOR_H_

#include <unistd.h>

#include <utility>

namespace larder {

// Owns an open file descriptor, or none (-1).
class FileDescriptor {
 public:
  FileDescriptor() = default;
  explicit FileDescriptor(int number) : number_(number) {}
  FileDescriptor(FileDescriptor&& other) noexcept : number_(other.Release()) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  ~FileDescriptor() { Close(); }

  int number() const { return number_; }
  bool is_open() const { return number_ >= 0; }
  int Release() { return std::exchange(number_, -1); }

  void Close() {
    if (is_open()) ::close(Release());
  }

 private:
  int number_ = -1;
};

}  // namespace larder

#endif  // LARDER_CLIENT_CHANNEL_FILE_DESCRIPTOR_H_
