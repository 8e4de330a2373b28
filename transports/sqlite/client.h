// Client: a relay's end of the connection to the broker; reconnects for ever. Does not need SQLite.
#pragma once

#include <poll.h>

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "core/base/clock.h"
#include "core/base/random.h"
#include "core/base/unique_fd.h"
#include "ports/message_queue.h"
#include "transports/sqlite/stream.h"

namespace asya::transports::sqlite {

struct ClientSettings {
  std::string socket_path;
  std::string queue;
  std::chrono::milliseconds reconnect_min{5};  // doubles with each try, plus or minus a half
  std::chrono::milliseconds reconnect_max{1000};
};

// Frames of all calls are collected and sent together, by a thread of the client's own or that of whoever it tells its
// events; a call made within an event needs no wake-up. OnStarted(ok) comes when the kernel has the frame: from then on
// the broker will read it whatever happens to this process.
class Client final : public ports::MessageQueue {
 public:
  Client(ClientSettings settings, const Clock& clock, Random& random);
  ~Client() override;

  void Start(ports::ConsumerEvents& events) override;
  void Grant(std::size_t count) override;
  void RevokeCredits() override;
  void Begin(ports::DeliveryTag tag, std::int64_t crash_count) override;
  void Settle(std::shared_ptr<const ports::Settlement> settlement) override;
  [[nodiscard]] std::size_t MessageLimitBytes() const override;
  void Stop(std::chrono::milliseconds grace) override;
  // Breaks the connection as a loss of it would, and connects again.
  void Reconnect();

 private:
  // One connection; its number is in the upper bits of the tags.
  struct Connection {
    explicit Connection(UniqueFd fd) : stream(std::move(fd)) {}
    Stream stream;
    bool welcome = false;
    SteadyTime heard_at{};
    SteadyTime ping_at{};
    std::chrono::milliseconds lease{30'000};
  };
  struct Event {
    enum class Kind { kStarted, kSettled };
    Kind kind = Kind::kStarted;
    ports::DeliveryTag tag;
    Status status = Ok();
  };

  void Work();
  void DrivenTurn();
  // Connects if it is time to, and sends.
  void Advance();
  // Receives, and tells what came.
  void Take();
  void Connect();
  void Lose(const std::string& reason);
  // Sends what was called for; true when all of it is in the kernel.
  void SendOut();
  void ReceiveIn();
  Status OnFrame(FrameType type, std::string_view content);
  Status OnDelivery(FrameReader frame);
  Status OnSettled(std::string_view content);
  Status OnWaiting(FrameReader frame);
  void TellDeliveries();
  void TellEvents();
  void TellConnection(bool connected, const std::string& reason);
  // When there is something to do, whatever the socket says.
  [[nodiscard]] SteadyTime WaitUntil();
  void ListSockets();
  [[nodiscard]] bool MayEnd();
  void Wait();
  void KeepAlive();
  [[nodiscard]] ports::DeliveryTag TagOf(std::uint64_t wire) const;
  void Wake();
  void Answer(Event event);

  const ClientSettings settings_;
  const Clock& clock_;
  Random& random_;
  ports::ConsumerEvents* events_ = nullptr;
  UniqueFd wake_;
  std::thread thread_;  // unless it is driven
  std::atomic<ports::Driver*> driver_ = nullptr;
  bool running_ = false;  // from Start() to Stop()

  // Of the thread alone.
  std::vector<pollfd> sockets_;   // that of the connection, if there is one
  std::uint64_t sockets_of_ = 0;  // its generation
  std::unique_ptr<Connection> connection_;
  SteadyTime connect_at_{};
  int failures_ = 0;
  std::optional<std::string> told_;  // the last reason; nullopt after OnConnection(true) or before any event
  bool told_connected_ = false;
  std::vector<ports::Delivery> arriving_;
  std::vector<ports::DeliveryTag> beginning_;  // their frames are in the stream

  // Shared with the callers.
  mutable std::mutex mutex_;
  std::string out_;
  std::map<ports::DeliveryTag, bool> leases_;  // true: being settled
  std::size_t settling_ = 0;
  std::vector<ports::DeliveryTag> begun_;  // their frames are in out_
  std::vector<Event> answers_;             // outcomes known without the broker
  std::uint64_t generation_ = 0;
  std::size_t message_limit_bytes_ = 0;
  bool ready_ = false;  // welcome
  bool woken_ = false;
  std::thread::id own_thread_;
  bool cut_ = false;
  bool stopping_ = false;
  SteadyTime stop_by_{};
};

}  // namespace asya::transports::sqlite
