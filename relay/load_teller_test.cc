#include "relay/load_teller.h"

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <vector>

namespace asya::relay {
namespace {

constexpr std::chrono::milliseconds kSoon{1};
constexpr std::chrono::minutes kNever{10};

// What is told; the test goes on from there until it calls it done.
class LoadTellerTest : public testing::Test {
 protected:
  void Make(const LoadPauses& pauses) {
    teller_ = std::make_unique<LoadTeller>(
        reactor_,
        [this](std::size_t in_flight) {
          told_.push_back(in_flight);
          if (on_told_) on_told_(told_.size());
        },
        pauses);
  }
  void Run() {
    limit_.After(std::chrono::seconds(20), [this] {
      ADD_FAILURE() << "told only " << told_.size() << " times";
      reactor_.Stop();
    });
    reactor_.Run();
  }

  Reactor reactor_;
  Timer limit_{reactor_};
  std::vector<std::size_t> told_;
  std::function<void(std::size_t count)> on_told_;
  std::unique_ptr<LoadTeller> teller_;
};

TEST_F(LoadTellerTest, TellsOfNoWorkAtTheStart) {
  Make({kSoon, kSoon, kNever});
  teller_->Start();
  EXPECT_EQ(told_, std::vector<std::size_t>{0});
}

TEST_F(LoadTellerTest, TellsOfWorkThatLastsAndOfItsEnd) {
  Make({kSoon, kSoon, kNever});
  on_told_ = [this](std::size_t count) {
    if (count == 2) return reactor_.Stop();
    teller_->Changed(1);
    teller_->Changed(0);
  };
  teller_->Changed(3);
  Run();
  EXPECT_EQ(told_, (std::vector<std::size_t>{3, 0}));
}

TEST_F(LoadTellerTest, WorkThatIsOverSoonIsNotToldOf) {
  Make({kSoon, kSoon, kNever});
  teller_->Changed(1);
  teller_->Changed(0);
  Timer later(reactor_);  // timers go off in their order
  later.After(10 * kSoon, [this] { reactor_.Stop(); });
  Run();
  EXPECT_TRUE(told_.empty());
}

TEST_F(LoadTellerTest, AStreamOfShortWorkIsToldOfOnce) {
  constexpr std::chrono::milliseconds kIdle{100};
  Make({kSoon, kIdle, kNever});
  // A break now and then, each much shorter than what idle means; in all they last longer than that.
  int left = 101;
  Timer beat(reactor_);
  const std::function<void()> work = [&] {
    teller_->Changed(static_cast<std::size_t>(left % 2));
    if (--left == 0) return reactor_.Stop();
    beat.After(kIdle / 25, work);
  };
  on_told_ = [&](std::size_t count) {
    if (count == 1) work();
  };
  teller_->Changed(1);
  Run();
  EXPECT_EQ(told_, std::vector<std::size_t>{1});
}

TEST_F(LoadTellerTest, WorkThatGoesOnIsToldAnew) {
  Make({kSoon, kSoon, kSoon});
  on_told_ = [this](std::size_t count) {
    if (count == 3) teller_->Changed(0);
    if (count > 3 && told_.back() == 0) reactor_.Stop();
  };
  teller_->Changed(2);
  Run();
  EXPECT_EQ(std::vector<std::size_t>(told_.begin(), told_.begin() + 3), (std::vector<std::size_t>{2, 2, 2}));
}

}  // namespace
}  // namespace asya::relay
