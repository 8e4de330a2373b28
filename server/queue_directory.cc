#include "server/queue_directory.h"

#include <algorithm>
#include <utility>

namespace asya::server {
namespace {

bool ConcernsTheBroker(ErrorCode code) {
  return code == ErrorCode::kUnavailable || code == ErrorCode::kTimeout || code == ErrorCode::kClosed;
}

}  // namespace

class QueueDirectory::Broker final : public ports::QueueAdmin {
 public:
  using Secret = ports::Credentials::Values;

  Broker(QueueDirectory& directory, ports::QueueAdmin& local) : directory_(directory), admin_(&local) { Hear(); }
  Broker(QueueDirectory& directory, std::string block) : directory_(directory), block_(std::move(block)) {}
  ~Broker() override { hints_.reset(); }

  // Once. `secret`: that it is connected with.
  void Connected(std::unique_ptr<RemoteBroker> remote, Secret secret) {
    {
      const std::lock_guard lock(mutex_);
      remote_ = std::move(remote);
      admin_ = &remote_->admin();
      secret_ = std::move(secret);
    }
    Hear();
  }
  // It cannot be asked, and why.
  void Missing(Error problem) {
    const std::lock_guard lock(mutex_);
    problem_ = std::move(problem);
  }

  // What the Transport said when this was made.
  [[nodiscard]] const std::string& block() const { return block_; }
  [[nodiscard]] bool IsConnected() const {
    const std::lock_guard lock(mutex_);
    return admin_ != nullptr;
  }
  [[nodiscard]] bool IsConnectedWith(const Secret& secret) const {
    const std::lock_guard lock(mutex_);
    return secret_ == secret;
  }
  [[nodiscard]] const RemoteBroker* remote() const {
    const std::lock_guard lock(mutex_);
    return remote_.get();
  }
  [[nodiscard]] ports::Publisher* publisher() {
    const std::lock_guard lock(mutex_);
    return remote_ == nullptr ? nullptr : &remote_->publisher();
  }

  Status Ensure(const ports::QueueSpec& spec) override {
    ASYA_TRY(ports::QueueAdmin * admin, Admin());
    ASYA_TRY_STATUS(admin->Ensure(spec));
    directory_.Made(spec.name, *this);
    return Ok();
  }
  Status Remove(const std::string& name, bool force) override {
    ASYA_TRY(ports::QueueAdmin * admin, Admin());
    ASYA_TRY_STATUS(admin->Remove(name, force));
    directory_.Removed(name, *this);
    return Ok();
  }
  Result<ports::QueueStats> Stats(const std::string& name) override {
    ASYA_TRY(ports::QueueAdmin * admin, Admin());
    return admin->Stats(name);
  }
  // The one that tells why it cannot be asked by the code as well.
  Result<std::vector<std::string>> List() override {
    auto admin = Admin();
    if (!admin.ok()) {
      const std::lock_guard lock(mutex_);
      return problem_;
    }
    return (*admin)->List();
  }
  std::shared_ptr<void> SubscribeHints(std::function<void(const std::string&)> on_work) override {
    return directory_.SubscribeHints(std::move(on_work));
  }

 private:
  Result<ports::QueueAdmin*> Admin() const {
    const std::lock_guard lock(mutex_);
    // A Secret that is missing does not mean that a queue is.
    if (admin_ == nullptr) return Fail(ErrorCode::kUnavailable, problem_.message);
    return admin_;
  }
  void Hear() {
    hints_ = admin_->SubscribeHints([this](const std::string& queue) { directory_.Tell(queue); });
  }

  QueueDirectory& directory_;
  const std::string block_;
  mutable std::mutex mutex_;  // of what is exchanged once, when a broker can be asked at last
  std::unique_ptr<RemoteBroker> remote_;
  ports::QueueAdmin* admin_ = nullptr;
  Secret secret_;
  Error problem_ = Fail(ErrorCode::kUnavailable, "the broker is not connected yet");
  std::shared_ptr<void> hints_;
};

QueueDirectory::QueueDirectory(CredentialsReader secrets, const Clock& clock)
    : secrets_(std::move(secrets)), clock_(clock) {}

QueueDirectory::~QueueDirectory() { Stop(); }

void QueueDirectory::Start(ports::QueueAdmin& local, std::function<bool(const json::Value& transport)> serves) {
  local_ = std::make_unique<Broker>(*this, local);
  serves_ = std::move(serves);
}

void QueueDirectory::Stop() {
  std::vector<std::unique_ptr<Broker>> ending;
  {
    const std::lock_guard lock(mutex_);
    places_.clear();
    for (auto& [name, broker] : brokers_) ending.push_back(std::move(broker));
    brokers_.clear();
    for (auto& [since, broker] : former_) ending.push_back(std::move(broker));
    former_.clear();
    if (local_ != nullptr) ending.push_back(std::move(local_));
  }
  // Outside of the lock: their threads may be telling a hint.
  ending.clear();
}

ports::QueueAdmin* QueueDirectory::For(const json::Value& transport) {
  const json::Value* type = transport.FindPath({"spec", "type"});
  if (serves_(transport)) return local_.get();
  if (type == nullptr || !type->IsString() || !IsRemoteType(type->AsString())) return nullptr;
  const json::Value* name = transport.FindPath({"metadata", "name"});
  if (name == nullptr || !name->IsString()) return nullptr;
  const Result<ports::Credentials::Values> secret = secrets_(transport);
  std::vector<std::unique_ptr<Broker>> outlived;
  const std::lock_guard lock(mutex_);
  outlived = TakeOutlived();
  auto& broker = brokers_[name->AsString()];
  const bool same = broker != nullptr && broker->block() == json::Dump(*transport.Find("spec"));
  if (same && broker->IsConnected() && (!secret.ok() || broker->IsConnectedWith(*secret))) return broker.get();
  // Else what was missing may have been put there in the meantime.
  auto remote =
      secret.ok() ? ConnectRemote(transport, *secret, clock_) : Result<std::unique_ptr<RemoteBroker>>(secret.error());
  if (same && broker->IsConnected() && !remote.ok()) return broker.get();
  if (!same || broker->IsConnected()) {
    auto next = std::make_unique<Broker>(*this, json::Dump(*transport.Find("spec")));
    for (auto& [queue, place] : places_) {
      if (same && place == broker.get()) place = next.get();
    }
    if (broker != nullptr) former_.emplace_back(clock_.Steady(), std::move(broker));
    broker = std::move(next);
  }
  if (remote.ok()) {
    broker->Connected(std::move(remote).value(), *secret);
  } else {
    broker->Missing(remote.error());
  }
  return broker.get();
}

std::vector<std::unique_ptr<QueueDirectory::Broker>> QueueDirectory::TakeOutlived() {
  std::vector<std::unique_ptr<Broker>> outlived;
  for (auto& [since, broker] : former_) {
    const bool used =
        std::ranges::any_of(places_, [&broker](const auto& place) { return place.second == broker.get(); });
    if (used || clock_.Steady() - since < kFormerLife) continue;
    outlived.push_back(std::move(broker));
  }
  std::erase_if(former_, [](const auto& entry) { return entry.second == nullptr; });
  return outlived;
}

ports::QueueAdmin& QueueDirectory::Of(const std::string& queue) {
  const std::lock_guard lock(mutex_);
  const auto found = places_.find(queue);
  return found == places_.end() ? *local_ : *found->second;
}

void QueueDirectory::Made(const std::string& queue, Broker& broker) {
  const std::lock_guard lock(mutex_);
  places_[queue] = &broker;
}

void QueueDirectory::Removed(const std::string& queue, const Broker& broker) {
  const std::lock_guard lock(mutex_);
  const auto found = places_.find(queue);
  if (found != places_.end() && found->second == &broker) places_.erase(found);
}

bool QueueDirectory::IsRemote(const std::string& queue) {
  const std::lock_guard lock(mutex_);
  const auto found = places_.find(queue);
  return found != places_.end() && found->second->publisher() != nullptr;
}

std::optional<std::size_t> QueueDirectory::RemoteMessageLimitBytes(const std::string& queue) {
  const std::lock_guard lock(mutex_);
  const auto found = places_.find(queue);
  if (found == places_.end() || found->second->remote() == nullptr) return std::nullopt;
  return found->second->remote()->MessageLimitBytes();
}

std::vector<Status> QueueDirectory::PublishRemote(const std::vector<ports::Outgoing>& messages,
                                                  std::chrono::milliseconds timeout) {
  std::vector<Status> outcomes(messages.size(), Ok());
  std::map<ports::Publisher*, std::vector<std::size_t>> by_broker;
  {
    const std::lock_guard lock(mutex_);
    for (std::size_t i = 0; i < messages.size(); ++i) {
      const auto found = places_.find(messages[i].queue);
      by_broker[found == places_.end() ? nullptr : found->second->publisher()].push_back(i);
    }
  }
  for (const auto& [publisher, numbers] : by_broker) {
    if (publisher == nullptr) {
      for (const std::size_t i : numbers) {
        const std::string& queue = messages[i].queue;
        outcomes[i] = Error{ErrorCode::kUnroutable, "there is no queue " + queue, queue};
      }
      continue;
    }
    std::vector<ports::Outgoing> batch;
    for (const std::size_t i : numbers) batch.push_back(messages[i]);
    const Status sent = publisher->Publish(batch, timeout);
    for (const std::size_t i : numbers) outcomes[i] = sent;
    // One that cannot be taken must not keep the others; each then has an outcome of its own.
    if (sent.ok() || numbers.size() == 1 || ConcernsTheBroker(sent.error().code)) continue;
    for (const std::size_t i : numbers) outcomes[i] = publisher->Publish({messages[i]}, timeout);
  }
  return outcomes;
}

Status QueueDirectory::Ensure(const ports::QueueSpec& spec) { return local_->Ensure(spec); }

Status QueueDirectory::Remove(const std::string& name, bool force) { return Of(name).Remove(name, force); }

Result<ports::QueueStats> QueueDirectory::Stats(const std::string& name) { return Of(name).Stats(name); }

Result<std::vector<std::string>> QueueDirectory::List() {
  std::vector<Broker*> all = {local_.get()};
  {
    const std::lock_guard lock(mutex_);
    for (auto& [name, broker] : brokers_) {
      // On one whose Secret is missing nothing of this server is to be found.
      if (broker->IsConnected()) all.push_back(broker.get());
    }
  }
  std::vector<std::string> names;
  for (Broker* broker : all) {
    ASYA_TRY(const auto found, broker->List());
    names.insert(names.end(), found.begin(), found.end());
  }
  return names;
}

std::shared_ptr<void> QueueDirectory::SubscribeHints(std::function<void(const std::string&)> on_work) {
  const std::lock_guard lock(hints_mutex_);
  const auto place = subscribers_.insert(subscribers_.end(), std::move(on_work));
  return {static_cast<void*>(this), [this, place](void*) {
            const std::lock_guard ending(hints_mutex_);
            subscribers_.erase(place);
          }};
}

void QueueDirectory::Tell(const std::string& queue) {
  const std::lock_guard lock(hints_mutex_);
  for (const auto& subscriber : subscribers_) subscriber(queue);
}

}  // namespace asya::server
