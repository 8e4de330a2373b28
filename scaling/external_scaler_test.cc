#include "scaling/external_scaler.h"

#include <gtest/gtest.h>

#include "scaling/own_step.h"

namespace asya::scaling {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

const ActorKey kInfer{"vision", "infer"};

ScaledObjectRef Ref(const std::string& actor = "infer") { return {actor, "vision", {{"actor", actor}}}; }

class ExternalScalerTest : public testing::Test {
 protected:
  ExternalScalerTest() {
    scaler_.Add(kInfer);
    scaler_.Complete();
  }
  void Look(bool active, std::int64_t present, std::int64_t desired) {
    scaler_.Look({"vision", "infer", active, present, desired});
  }
  std::shared_ptr<void> Listen() {
    auto stream = scaler_.Subscribe(Ref(), {[this] { ++told_; }, [this] { ++gone_; }});
    EXPECT_TRUE(stream.ok());
    return stream.ok() ? *stream : nullptr;
  }

  FakeClock clock_;
  observe::Metrics metrics_;
  Status ready_ = Ok();
  ExternalScaler scaler_{clock_, metrics_, [this] { return ready_; }};
  int told_ = 0;
  int gone_ = 0;
};

TEST_F(ExternalScalerTest, AnswersWhatTheLastLookCameTo) {
  Look(true, 2, 7);
  EXPECT_EQ(*scaler_.Replicas(Ref(), kMetricName), 7);
  EXPECT_TRUE(*scaler_.IsActive(Ref()));
  Look(false, 7, 7);
  EXPECT_EQ(*scaler_.Replicas(Ref(), kMetricName), 7) << "what cools is still there";
  EXPECT_FALSE(*scaler_.IsActive(Ref()));
}

TEST_F(ExternalScalerTest, APausedActorWithWorkIsNotActive) {
  Look(true, 1, 0);
  EXPECT_FALSE(*scaler_.IsActive(Ref()));
}

TEST_F(ExternalScalerTest, TellsWhatIsWrong) {
  EXPECT_EQ(scaler_.IsActive(Ref()).error().code, ErrorCode::kUnavailable) << "not looked at yet";
  EXPECT_EQ(scaler_.Replicas(Ref("other"), kMetricName).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(scaler_.Replicas(Ref("other"), kMetricName).error().field, "scalerMetadata.actor");
  Look(true, 0, 1);
  EXPECT_EQ(scaler_.Replicas(Ref(), "s0-replicas").error().field, "metricName");
  EXPECT_EQ(scaler_.IsActive({"infer", "vision", {{"actor", "infer"}, {"depth", "1"}}}).error().code,
            ErrorCode::kInvalid);
  EXPECT_FALSE(scaler_.Subscribe(Ref("other"), {}).ok());
  ready_ = Fail(ErrorCode::kUnavailable, "the database is of another cluster");
  EXPECT_EQ(scaler_.IsActive(Ref()).error().code, ErrorCode::kUnavailable);
}

TEST_F(ExternalScalerTest, AnActorIsNotDeniedBeforeAllAreKnown) {
  ExternalScaler young(clock_, metrics_, [] { return Ok(); });
  EXPECT_EQ(young.IsActive(Ref()).error().code, ErrorCode::kUnavailable);
  young.Complete();
  EXPECT_EQ(young.IsActive(Ref()).error().code, ErrorCode::kNotFound);
}

TEST_F(ExternalScalerTest, TellsFirstWorkAtOnceAndAgainEachFiveSecondsWhileNoReplicaIsThere) {
  const auto stream = Listen();
  Look(false, 0, 0);
  EXPECT_EQ(told_, 0);
  Look(true, 0, 1);
  EXPECT_EQ(told_, 1);
  for (int i = 0; i < 9; ++i) {
    clock_.Advance(milliseconds(500));
    Look(true, 0, 1);
  }
  EXPECT_EQ(told_, 1) << "after 4.5 s";
  clock_.Advance(milliseconds(500));
  Look(true, 0, 1);
  EXPECT_EQ(told_, 2);
  clock_.Advance(seconds(60));
  Look(true, 1, 3);
  EXPECT_EQ(told_, 2) << "once there is a replica the value says the rest";
}

TEST_F(ExternalScalerTest, NewWorkOfWaitingReplicasIsToldAtMostEachFiveSeconds) {
  const auto stream = Listen();
  Look(true, 0, 1);
  for (int i = 0; i < 4; ++i) {
    clock_.Advance(seconds(1));
    Look(false, 1, 1);
    Look(true, 1, 1);
  }
  EXPECT_EQ(told_, 1);
  clock_.Advance(seconds(1));
  Look(false, 1, 1);
  Look(true, 1, 1);
  EXPECT_EQ(told_, 2) << "KEDA's cooldown begins anew";
  Look(false, 0, 0);
  Look(true, 0, 1);
  EXPECT_EQ(told_, 3) << "from zero it never waits";
}

TEST_F(ExternalScalerTest, AStreamThatOpensOnWorkIsToldAtOnce) {
  Look(true, 0, 1);
  const auto stream = Listen();
  EXPECT_EQ(told_, 1);
  const auto second = Listen();
  EXPECT_EQ(told_, 2) << "each operator has its own";
}

TEST_F(ExternalScalerTest, AStreamEndsWithItsActorAndWithTheServer) {
  auto stream = Listen();
  scaler_.Remove(kInfer);
  EXPECT_EQ(gone_, 1);
  stream.reset();
  scaler_.Add(kInfer);
  stream = Listen();
  scaler_.EndAll();
  EXPECT_EQ(gone_, 2);
  Look(true, 0, 1);
  EXPECT_EQ(told_, 0);
}

TEST_F(ExternalScalerTest, WhoStoppedListeningIsNotTold) {
  auto stream = Listen();
  stream.reset();
  Look(true, 0, 1);
  EXPECT_EQ(told_, 0);
  EXPECT_NE(metrics_.Text().find("asya_external_scaler_streams 0"), std::string::npos);
}

TEST_F(ExternalScalerTest, StreamsAreBounded) {
  std::vector<std::shared_ptr<void>> streams;
  for (std::size_t i = 0; i < kSubscribersMax; ++i) streams.push_back(*scaler_.Subscribe(Ref(), {}));
  EXPECT_EQ(scaler_.Subscribe(Ref(), {}).error().code, ErrorCode::kTooMany);
  EXPECT_NE(metrics_.Text().find("asya_external_scaler_streams_refused_total 1"), std::string::npos);
  streams.pop_back();
  EXPECT_TRUE(scaler_.Subscribe(Ref(), {}).ok());
}

TEST(OwnStep, IsToLowerAndWhatAnAutoscalerLeavesAlone) {
  EXPECT_TRUE(IsOwnStep(3, 7));
  EXPECT_TRUE(IsOwnStep(11, 10));
  EXPECT_TRUE(IsOwnStep(44, 40));
  EXPECT_FALSE(IsOwnStep(12, 10)) << "the autoscaler does it";
  EXPECT_FALSE(IsOwnStep(7, 7));
  EXPECT_FALSE(IsOwnStep(0, 1)) << "KEDA takes the last one, after its cooldown";
  EXPECT_FALSE(IsOwnStep(1, 0)) << "and makes the first";
}

}  // namespace
}  // namespace asya::scaling
