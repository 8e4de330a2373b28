#include "gateway/cancel_feed.h"

#include <gtest/gtest.h>

#include <future>

namespace asya::gateway {
namespace {

using Canceled = Result<std::vector<ports::CanceledTask>>;

class KeptStream final : public http::Stream {
 public:
  bool Write(std::string bytes) override {
    if (!open_) return false;
    text_ += bytes;
    return true;
  }
  void Close() override { open_ = false; }
  void OnClosed(std::function<void()> callback) override { callback(); }

  [[nodiscard]] bool Told(const std::string& id) const { return text_.find("\"" + id + "\"") != std::string::npos; }
  [[nodiscard]] bool open() const { return open_; }
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  std::string text_;
  bool open_ = true;
};

TEST(CancelFeed, TellsWhatIsCanceledWhileEarlierOnesAreRead) {
  CancelFeed feed;
  const auto stream = std::make_shared<KeptStream>();
  feed.Add(stream, std::nullopt, [&]() -> Canceled {
    const std::vector<ports::CanceledTask> as_of_now = {{"earlier", "default"}};
    feed.Publish({"meanwhile", "default"});  // stored after the store was asked, published before its answer is here
    return as_of_now;
  });
  feed.Publish({"later", "default"});
  for (const char* id : {"earlier", "meanwhile", "later"}) EXPECT_TRUE(stream->Told(id)) << id << stream->text();
}

TEST(CancelFeed, TellsOfOneNamespaceAloneWhoFollowsThatOne) {
  CancelFeed feed;
  const auto team = std::make_shared<KeptStream>();
  const auto all = std::make_shared<KeptStream>();
  const auto nothing = []() -> Canceled { return std::vector<ports::CanceledTask>{}; };
  feed.Add(team, "team", nothing);
  feed.Add(all, std::nullopt, nothing);
  feed.Publish({"theirs", "team"});
  feed.Publish({"foreign", "default"});
  EXPECT_TRUE(team->Told("theirs"));
  EXPECT_FALSE(team->Told("foreign"));
  EXPECT_TRUE(all->Told("theirs"));
  EXPECT_TRUE(all->Told("foreign"));
}

TEST(CancelFeed, SendsWhoCannotBeToldOfEarlierOnesAway) {
  CancelFeed feed;
  const auto stream = std::make_shared<KeptStream>();
  feed.Add(stream, std::nullopt, []() -> Canceled { return Fail(ErrorCode::kUnavailable, "away"); });
  EXPECT_FALSE(stream->open()) << "it has to come again and ask once more";
  EXPECT_EQ(stream->text(), "") << "after a word a relay comes again at once, for as long as the store is away";
  feed.Publish({"later", "default"});
  EXPECT_FALSE(stream->Told("later"));
}

TEST(CancelFeed, ForgetsWhoIsGone) {
  CancelFeed feed;
  const auto gone = std::make_shared<KeptStream>();
  gone->Close();
  feed.Add(gone, std::nullopt, []() -> Canceled { return std::vector<ports::CanceledTask>{}; });
  feed.Publish({"later", "default"});
  EXPECT_EQ(gone.use_count(), 1);
}

// Closes itself, and tells, once it was written to so many times.
class CountedStream final : public http::Stream {
 public:
  bool Write(std::string bytes) override {
    if (bytes != ":keepalive\n\n") return true;
    if (--left_ == 0) seen_.set_value();
    return left_ > 0;
  }
  void Close() override {}
  void OnClosed(std::function<void()>) override {}
  std::future<void> Seen() { return seen_.get_future(); }

 private:
  int left_ = 3;
  std::promise<void> seen_;
};

TEST(CancelFeed, AFeedWithoutNewsShowsThatItIsThere) {
  CancelFeed feed(std::chrono::milliseconds(5));
  const auto stream = std::make_shared<CountedStream>();
  auto seen = stream->Seen();
  feed.Add(stream, std::nullopt, []() -> Canceled { return std::vector<ports::CanceledTask>{}; });
  EXPECT_EQ(seen.wait_for(std::chrono::seconds(20)), std::future_status::ready);
}

}  // namespace
}  // namespace asya::gateway
