#include "server/replication/task_thread.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <vector>

namespace larder::server {
namespace {

using std::chrono::hours;

// Behind all that was posted before.
void Await(TaskThread& thread) {
  std::promise<void> done;
  thread.Post([&done] { done.set_value(); });
  done.get_future().wait();
}

TEST(TaskThreadTest, WhatHasTimeWakesNobodyWhileItRests) {
  std::atomic<int> turns = 0;
  std::vector<int> ran;
  TaskThread* itself = nullptr;
  TaskThread thread(hours(1), [&] {
    ++turns;
    if (itself != nullptr) itself->Rest(TaskThread::Clock::now() + hours(1));
  });
  thread.Post([&] { itself = &thread; });
  Await(thread);
  const int before = turns;
  for (int i = 0; i < 1000; ++i) {
    thread.PostInTime([&ran, i] { ran.push_back(i); });
    thread.WakeInTime();
  }
  Await(thread);
  ASSERT_EQ(ran.size(), 1000u);
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(ran[static_cast<size_t>(i)], i);
  // The turn behind the first wait, one that saw some of it before it rested, and the last.
  EXPECT_LE(turns, before + 3);
}

TEST(TaskThreadTest, WhatHasTimeComesAtOnceWhenItDoesNotRest) {
  TaskThread thread(hours(1), [] {});
  for (int i = 0; i < 100; ++i) {
    std::promise<void> done;
    thread.PostInTime([&done] { done.set_value(); });
    done.get_future().wait();
  }
}

TEST(TaskThreadTest, ARestEndsByItself) {
  TaskThread* itself = nullptr;
  TaskThread thread(hours(1), [&] {
    if (itself != nullptr) itself->Rest(TaskThread::Clock::now() + std::chrono::milliseconds(1));
  });
  thread.Post([&] { itself = &thread; });
  Await(thread);
  for (int i = 0; i < 10; ++i) {
    std::promise<void> done;
    thread.PostInTime([&done] { done.set_value(); });
    done.get_future().wait();
  }
}

TEST(TaskThreadTest, ARestThatIsOverBeforeItBeginsHasItsTurn) {
  std::promise<void> third;
  int turns = 0;
  TaskThread* itself = nullptr;
  TaskThread thread(hours(1), [&] {
    if (itself == nullptr) return;
    if (++turns <= 3) itself->Rest(TaskThread::Clock::now() - std::chrono::microseconds(1));
    if (turns == 3) third.set_value();
  });
  thread.Post([&] { itself = &thread; });
  third.get_future().wait();
}

TEST(TaskThreadTest, TurnsByWhenItWasToldTo) {
  std::promise<void> third;
  int turns = 0;
  TaskThread* itself = nullptr;
  TaskThread thread(hours(1), [&] {
    if (itself == nullptr) return;
    if (++turns == 3) third.set_value();
    itself->TurnBy(TaskThread::Clock::now() + std::chrono::milliseconds(turns < 3 ? 1 : 1'000'000));
  });
  thread.Post([&] { itself = &thread; });
  third.get_future().wait();
  Await(thread);  // as soon as that comes, all the same
}

TEST(TaskThreadTest, TurnsAfterAPeriodInAnyCase) {
  std::promise<void> third;
  std::atomic<int> turns = 0;
  TaskThread* itself = nullptr;
  TaskThread thread(std::chrono::milliseconds(1), [&] {
    if (itself != nullptr) itself->Rest(TaskThread::Clock::now() + hours(1));
    if (++turns == 3) third.set_value();
  });
  thread.Post([&] { itself = &thread; });
  third.get_future().wait();
}

}  // namespace
}  // namespace larder::server
