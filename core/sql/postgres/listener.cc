#include "core/sql/postgres/listener.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <memory>
#include <utility>

#include "core/sql/postgres/connection.h"
#include "core/sql/postgres/cutter.h"

namespace asya::sql::postgres {
namespace {

class Channel final : public pqxx::notification_receiver {
 public:
  Channel(pqxx::connection& session, const std::string& name, const Listener::OnHint& on_hint)
      : pqxx::notification_receiver(session, name), name_(name), on_hint_(on_hint) {}
  void operator()(const std::string& payload, int /*backend*/) override { on_hint_(name_, payload); }

 private:
  const std::string name_;
  const Listener::OnHint& on_hint_;
};

}  // namespace

Listener::Listener(Settings settings, std::vector<std::string> channels, OnHint on_hint, OnTick on_tick)
    : settings_(std::move(settings)),
      channels_(std::move(channels)),
      on_hint_(std::move(on_hint)),
      on_tick_(std::move(on_tick)),
      stop_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

Listener::~Listener() { Stop(); }

void Listener::Start() {
  ASYA_CHECK(!thread_.joinable());
  running_ = true;
  thread_ = std::thread([this] { Work(); });
}

void Listener::Stop() {
  running_ = false;
  const std::uint64_t one = 1;
  const auto written = write(stop_.get(), &one, sizeof one);
  static_cast<void>(written);  // a full counter wakes as well
  if (thread_.joinable()) thread_.join();
}

void Listener::Work() {
  while (running_) {
    try {
      ListenUntilLost();
    } catch (const std::exception&) {
      // Whoever reads the database tells why it is away; here only the next try counts.
      on_tick_();
    }
    if (running_) Wait(-1);
  }
}

void Listener::ListenUntilLost() {
  auto connection = Connection::Open(settings_);
  if (!connection.ok()) return on_tick_();
  std::vector<std::unique_ptr<Channel>> channels;
  {
    const Cutter::Watch watch((*connection)->session().sock(), settings_.statement_timeout);
    for (const auto& name : channels_) {
      channels.push_back(std::make_unique<Channel>((*connection)->session(), name, on_hint_));
    }
  }
  (*connection)->session().get_notifs();
  on_tick_();
  while (Wait((*connection)->session().sock())) {
    // Woken without a hint: by the tick, or by the end of the connection.
    if ((*connection)->session().get_notifs() == 0) on_tick_();
    if (!(*connection)->session().is_open()) return;
  }
}

bool Listener::Wait(int socket) {
  pollfd waits[2] = {{stop_.get(), POLLIN, 0}, {socket, POLLIN, 0}};
  poll(waits, socket < 0 ? 1 : 2, static_cast<int>(kTick.count()));
  return running_;
}

}  // namespace asya::sql::postgres
