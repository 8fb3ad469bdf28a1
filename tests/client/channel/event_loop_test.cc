#include "client/channel/event_loop.h"

#include <gtest/gtest.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "client/channel/task_mailbox.h"

namespace larder {
namespace {

class Member final : public LoopMember {
 public:
  explicit Member(EventLoop* loop) : loop_(loop) { loop_->Add(*this); }
  ~Member() override {
    loop_->RunAndWait([this] { loop_->Remove(*this); });
  }

  void OnTurn() override {
    ++turns;
    if (on_turn) on_turn();
  }
  void OnSecond(uint32_t seconds) override {
    seconds_told += seconds;
    if (on_second) on_second();
  }

  int turns = 0;
  uint32_t seconds_told = 0;
  std::function<void()> on_turn;
  std::function<void()> on_second;

 private:
  EventLoop* const loop_;
};

class EventLoopTest : public testing::Test {
 protected:
  // Returns when what was begun on the loop before is done, and the turns that it has asked for.
  void WaitForTurns() {
    for (int i = 0; i < 2; ++i) loop_->RunAndWait([] {});
  }
  // Counts those of the process.
  static int ArmedTimers() {
    int armed = 0;
    for (const auto& file : std::filesystem::directory_iterator("/proc/self/fd")) {
      std::error_code gone;
      if (std::filesystem::read_symlink(file, gone) != "anon_inode:[timerfd]") continue;
      std::ifstream info("/proc/self/fdinfo/" + file.path().filename().string());
      for (std::string line; std::getline(info, line);) {
        if (line.starts_with("it_interval:")) armed += line.find("(0, 0)") == std::string::npos;
      }
    }
    return armed;
  }

  std::unique_ptr<EventLoop> loop_ = EventLoop::Create().value();
};

TEST_F(EventLoopTest, TasksOfManyThreadsAreRunOnTheLoopInTheirOrder) {
  constexpr int kThreads = 4;
  constexpr int kTasks = 2000;
  std::vector<int> next(kThreads);
  int wrong = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] {
      for (int task = 0; task < kTasks; ++task) {
        loop_->Post([&, i, task] {
          const bool is_right = next[i]++ == task && loop_->IsOnThread();
          wrong += is_right ? 0 : 1;
        });
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  loop_->RunAndWait([] {});
  EXPECT_EQ(next, std::vector<int>(kThreads, kTasks));
  EXPECT_EQ(wrong, 0);
  EXPECT_FALSE(loop_->IsOnThread());
}

TEST_F(EventLoopTest, OnTheLoopATaskThatIsWaitedForIsRunAtOnce) {
  std::string order;
  loop_->RunAndWait([&] {
    loop_->Post([&] { order += "3"; });
    loop_->RunAndWait([&] { order += "1"; });
    order += "2";
  });
  WaitForTurns();
  EXPECT_EQ(order, "123");
}

TEST_F(EventLoopTest, AMemberHasOneTurnForAllThatCameTogether) {
  Member told(loop_.get());
  const Member untold(loop_.get());
  loop_->RunAndWait([&] {
    for (int i = 0; i < 3; ++i) loop_->Notify(told);
    loop_->RequestTurn(told);
  });
  WaitForTurns();
  EXPECT_EQ(told.turns, 1);
  EXPECT_EQ(untold.turns, 0);
  loop_->Notify(told);
  WaitForTurns();
  EXPECT_EQ(told.turns, 2);
}

TEST_F(EventLoopTest, AnotherTurnComesWhenOthersHadTheirs) {
  Member greedy(loop_.get());
  Member other(loop_.get());
  std::promise<void> done;
  std::string order;
  greedy.on_turn = [&] {
    order += "g";
    if (greedy.turns < 3) return loop_->RequestTurn(greedy);
    done.set_value();
  };
  other.on_turn = [&] {
    order += "o";
    if (other.turns < 3) loop_->Notify(other);
  };
  loop_->RunAndWait([&] {
    loop_->RequestTurn(greedy);
    loop_->RequestTurn(other);
  });
  done.get_future().wait();
  WaitForTurns();
  EXPECT_EQ(order, "gogogo");
}

TEST_F(EventLoopTest, ADeadlineGivesATurnNotBeforeItsTime) {
  Member member(loop_.get());
  std::promise<LoopTime> had_turn;
  member.on_turn = [&] { had_turn.set_value(loop_->now()); };
  LoopTime deadline;
  loop_->RunAndWait([&] {
    deadline = loop_->now() + std::chrono::milliseconds(5);
    loop_->SetDeadline(member, deadline + std::chrono::hours(1));
    loop_->SetDeadline(member, deadline);
  });
  EXPECT_GE(had_turn.get_future().get(), deadline);
  WaitForTurns();
  EXPECT_EQ(member.turns, 1) << "once";
}

TEST_F(EventLoopTest, ADeadlineThatIsTakenBackGivesNoTurn) {
  Member member(loop_.get());
  loop_->RunAndWait([&] {
    loop_->SetDeadline(member, loop_->now());
    loop_->SetDeadline(member, kNoTime);
  });
  WaitForTurns();
  EXPECT_EQ(member.turns, 0);
}

TEST_F(EventLoopTest, SecondsAreToldOnlyWhileTheyAreWanted) {
  Member wants(loop_.get());
  Member hears(loop_.get());
  EXPECT_EQ(ArmedTimers(), 0);
  std::promise<void> told;
  wants.on_second = [&] { told.set_value(); };
  loop_->RunAndWait([&] { loop_->WantSecond(); });
  EXPECT_EQ(ArmedTimers(), 1);
  told.get_future().wait();
  WaitForTurns();
  EXPECT_EQ(ArmedTimers(), 0);
  EXPECT_GE(wants.seconds_told, 1u);
  EXPECT_EQ(wants.seconds_told, hears.seconds_told);
  // Who goes on to want them goes on to get them.
  told = {};
  wants.on_second = [&, times = 0]() mutable {
    if (++times < 2) return loop_->WantSecond();
    told.set_value();
  };
  loop_->RunAndWait([&] { loop_->WantSecond(); });
  told.get_future().wait();
}

// Or a connection that has just begun would be as old as its loop was idle.
TEST_F(EventLoopTest, SecondsThatNobodyWantedAreNotTold) {
  const std::unique_ptr<EventLoop> clock_loop = EventLoop::Create().value();
  Member clock(clock_loop.get());
  std::promise<void> is_later;
  clock.on_second = [&, times = 0]() mutable {
    if (++times < 3) return clock_loop->WantSecond();
    is_later.set_value();
  };
  clock_loop->RunAndWait([&] { clock_loop->WantSecond(); });
  is_later.get_future().wait();
  Member member(loop_.get());
  std::promise<void> told;
  member.on_second = [&] { told.set_value(); };
  loop_->RunAndWait([&] { loop_->WantSecond(); });
  told.get_future().wait();
  EXPECT_LT(member.seconds_told, 3u);
}

TEST_F(EventLoopTest, TasksThatWereNotRunAreDropped) {
  const auto held = std::make_shared<int>();
  std::promise<void> go;
  loop_->Post([&] { go.get_future().wait(); });
  for (int i = 0; i < 100; ++i) loop_->Post([held] {});
  std::thread releaser([&] { go.set_value(); });
  loop_.reset();
  releaser.join();
  EXPECT_EQ(held.use_count(), 1);
}

TEST_F(EventLoopTest, AMailboxThatIsClosedDropsWhatItHas) {
  const auto mailbox = std::make_shared<TaskMailbox>(loop_.get());
  std::string order;
  loop_->RunAndWait([&] {
    mailbox->Post([&] { order += "late"; });
    mailbox->Close();
    mailbox->Post([&] { order += "later"; });
  });
  WaitForTurns();
  loop_.reset();
  mailbox->Post([&] { order += "too late"; });
  EXPECT_EQ(order, "");
}

// Notes that its end of a connection can be read, and then stops watching both ends.
class Watcher final : public SocketWatcher {
 public:
  Watcher(EventLoop* loop, int file) : loop_(loop), file_(file) {}
  void OnReady(uint32_t events) override {
    ready += (events & EPOLLIN) != 0 ? 1 : 0;
    loop_->Unwatch(file_, this);
    loop_->Unwatch(other->file_, other);
  }
  Watcher* other = nullptr;
  int ready = 0;

 private:
  EventLoop* const loop_;
  const int file_;
};

TEST_F(EventLoopTest, WhoIsNotWatchedAnyMoreHearsNothingOfWhatEpollSawBefore) {
  int ends[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
  const FileDescriptor one(ends[0]);
  const FileDescriptor two(ends[1]);
  Watcher watchers[] = {{loop_.get(), ends[0]}, {loop_.get(), ends[1]}};
  watchers[0].other = &watchers[1];
  watchers[1].other = &watchers[0];
  loop_->RunAndWait([&] {
    for (const int i : {0, 1}) {
      EXPECT_TRUE(loop_->Watch(ends[i], EPOLLIN, &watchers[i]));
      EXPECT_EQ(send(ends[i], "x", 1, 0), 1);
    }
  });
  WaitForTurns();
  EXPECT_EQ(watchers[0].ready + watchers[1].ready, 1);
}

}  // namespace
}  // namespace larder
