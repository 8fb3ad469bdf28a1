#ifndef LARDER_STORAGE_WRITE_AUTHORITY_H_
#define LARDER_STORAGE_WRITE_AUTHORITY_H_

namespace larder::storage {

// The right of this node to change what it holds, which others may end. Thread-safe. Asked under a
// stripe lock, just before each change: must not wait.
class WriteAuthority {
 public:
  virtual bool Holds() const = 0;

 protected:
  ~WriteAuthority() = default;
};

}  // namespace larder::storage

#endif  // LARDER_STORAGE_WRITE_AUTHORITY_H_
