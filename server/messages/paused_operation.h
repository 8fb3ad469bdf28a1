#ifndef LARDER_SERVER_MESSAGES_PAUSED_OPERATION_H_
#define LARDER_SERVER_MESSAGES_PAUSED_OPERATION_H_

#include <cstddef>

namespace larder::server {

// An operation over many items that was interrupted, so that others have their turn. GoOn or GiveUp
// is called, once, on the thread that it was paused on.
class PausedOperation {
 public:
  virtual void GoOn() = 0;
  // Its call has ended.
  virtual void GiveUp() = 0;
  // What its request and its answer take, about.
  virtual size_t bytes_held() const = 0;

 protected:
  ~PausedOperation() = default;
};

}  // namespace larder::server

#endif  // LARDER_SERVER_MESSAGES_PAUSED_OPERATION_H_
