// WatchSession: one open watch: current state first where asked, then every change as one line of JSON.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "apiserver/call.h"
#include "apiserver/options.h"
#include "apiserver/watch_encoder.h"
#include "ports/object_store.h"

namespace asya::apiserver {

// Between two looks whether the store has come to a revision that a request waits for.
inline constexpr std::chrono::milliseconds kRevisionPoll{50};

struct WatchSettings {
  std::chrono::milliseconds bookmark_interval{60'000};
  std::chrono::milliseconds bookmark_before_timeout{2'000};
  std::chrono::seconds timeout_min{1800};          // where the client names none: between once and twice this
  std::chrono::milliseconds revision_wait{3'000};  // for a revision that is still ahead, as kube-apiserver waits
};

class WatchSession final : public ports::WatchSink, public std::enable_shared_from_this<WatchSession> {
 public:
  using Submit = std::function<bool(std::function<void()>)>;
  // What the session needs of its server; false: it is full or stopping.
  struct Threads {
    Submit submit;    // runs work that blocks on the store
    Submit postpone;  // runs work that does not block, after kRevisionPoll
  };

  WatchSession(const Context& context, ListOptions options, std::string resource, WatchEncoder encoder,
               const WatchSettings& settings, Threads threads);

  // Begins on an open stream.
  void Start(std::shared_ptr<http::Stream> stream);
  // Writes a bookmark or ends, as is due; returns when to come again.
  SteadyTime Tick(SteadyTime now);
  // Ends the response cleanly.
  void Close();
  // Lets go of the store; no call of the sink comes after it. Not called from the store's own thread.
  void Release();

  void OnEvents(std::span<const ports::Event> events) override;
  void OnClosed(const Error& error) override;

 private:
  void Begin();
  void BeginFrom(ports::Revision revision);
  void ReadInitialPage();
  void SendInitialPage();
  void EndInitial();
  void Fail(const StatusError& error);
  bool AwaitRevision();
  void Later(void (WatchSession::*step)());
  void Append(const ports::Event& event, std::string& out);
  void SendBookmark(bool initial_end);

  const Context& context_;
  const ListOptions options_;
  const std::string resource_;
  const WatchSettings settings_;
  const Threads threads_;
  std::shared_ptr<http::Stream> stream_;

  // The initial state; one step at a time.
  std::optional<ports::Revision> initial_revision_;
  ports::Page initial_page_;
  std::size_t initial_sent_ = 0;  // of the page
  SteadyTime revision_until_;     // the revision asked for is waited for no longer

  std::mutex mutex_;  // over encoding and writing, so that revisions stay in order
  WatchEncoder encoder_;
  ports::Revision seen_{0};  // all up to here has been written
  bool live_ = false;
  bool ended_ = false;
  std::shared_ptr<void> subscription_;
  SteadyTime next_bookmark_;
  SteadyTime timeout_;
};

}  // namespace asya::apiserver
