#include "client/load/engine.h"

namespace larder::load {

std::unique_ptr<Engine> Engine::Create(const EngineOptions& options) {
  return options.api == Api::kUnary ? CreateUnaryEngine(options) : CreatePipelineEngine(options);
}

Operation* Engine::Acquire() {
  MutexLock lock(mutex_);
  if (free_.empty()) return nullptr;
  Operation* operation = free_.front();
  free_.pop_front();
  return operation;
}

Operation* Engine::AcquireWait() {
  MutexLock lock(mutex_);
  while (free_.empty() && !closed_) changed_.Wait(mutex_);
  if (closed_) return nullptr;
  Operation* operation = free_.front();
  free_.pop_front();
  return operation;
}

void Engine::Close() {
  MutexLock lock(mutex_);
  closed_ = true;
  changed_.SignalAll();
}

void Engine::Release(Operation& operation) {
  MutexLock lock(mutex_);
  free_.push_back(&operation);
  if (free_.size() == 1) changed_.SignalAll();
}

}  // namespace larder::load
