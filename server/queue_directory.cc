#include "server/queue_directory.h"

#include <algorithm>
#include <iterator>
#include <set>
#include <utility>

namespace asya::server {
namespace {

bool ConcernsTheBroker(ErrorCode code) {
  return code == ErrorCode::kUnavailable || code == ErrorCode::kTimeout || code == ErrorCode::kClosed;
}

}  // namespace

// Of a Transport as it was once, connected with a Secret as it was then.
class QueueDirectory::Broker final : public ports::QueueAdmin, public std::enable_shared_from_this<Broker> {
 public:
  using Secret = ports::Credentials::Values;

  Broker(QueueDirectory& directory, ports::QueueAdmin& local)
      : directory_(directory), admin_(std::shared_ptr<void>(), &local) {
    Hear();
  }
  Broker(QueueDirectory& directory, std::string block) : directory_(directory), block_(std::move(block)) {}
  ~Broker() override { End(); }

  // Once. `secret`: that it is connected with.
  void Connected(std::shared_ptr<RemoteBroker> remote, Secret secret) {
    {
      const std::lock_guard lock(mutex_);
      remote_ = std::move(remote);
      admin_ = {remote_, &remote_->admin()};
      secret_ = std::move(secret);
    }
    Hear();
  }
  // It cannot be asked, and why.
  void Missing(Error problem) {
    const std::lock_guard lock(mutex_);
    problem_ = std::move(problem);
  }
  // Closes the connection when the calls that are under way are over.
  void End() {
    std::shared_ptr<void> hints;
    std::shared_ptr<ports::QueueAdmin> admin;
    std::shared_ptr<RemoteBroker> remote;
    {
      const std::lock_guard lock(mutex_);
      problem_ = Fail(ErrorCode::kClosed, "the server stops");
      remote = std::move(remote_);
      admin = std::move(admin_);
      hints = std::move(hints_);
    }
    hints.reset();
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
  // Null where it is not connected, or the broker of this server itself.
  [[nodiscard]] std::shared_ptr<RemoteBroker> remote() const {
    const std::lock_guard lock(mutex_);
    return remote_;
  }

  Status Ensure(const ports::QueueSpec& spec) override {
    ASYA_TRY(const auto admin, Admin());
    ASYA_TRY_STATUS(admin->Ensure(spec));
    directory_.Made(spec.name, shared_from_this());
    return Ok();
  }
  Status Remove(const std::string& name, bool force) override {
    ASYA_TRY(const auto admin, Admin());
    ASYA_TRY_STATUS(admin->Remove(name, force));
    directory_.Removed(name, *this);
    return Ok();
  }
  Result<ports::QueueStats> Stats(const std::string& name) override {
    ASYA_TRY(const auto admin, Admin());
    return admin->Stats(name);
  }
  // The one that tells why it cannot be asked by the code as well.
  Result<std::vector<std::string>> List() override {
    const auto admin = Admin();
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
  Result<std::shared_ptr<ports::QueueAdmin>> Admin() const {
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
  mutable std::mutex mutex_;  // of what is exchanged when a broker can be asked at last, and at the end
  std::shared_ptr<RemoteBroker> remote_;
  std::shared_ptr<ports::QueueAdmin> admin_;  // of `remote_`, or the local one
  Secret secret_;
  Error problem_ = Fail(ErrorCode::kUnavailable, "the broker is not connected yet");
  std::shared_ptr<void> hints_;
};

QueueDirectory::QueueDirectory(CredentialsReader secrets, const Clock& clock, BrokerConnector connect)
    : secrets_(std::move(secrets)), clock_(clock), connect_(std::move(connect)) {}

QueueDirectory::~QueueDirectory() { Stop(); }

void QueueDirectory::Start(ports::QueueAdmin& local, std::function<bool(const json::Value& transport)> serves) {
  local_ = std::make_shared<Broker>(*this, local);
  made_.push_back(local_);
  serves_ = std::move(serves);
}

void QueueDirectory::Stop() {
  Brokers ending;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& made : made_) {
      if (auto broker = made.lock()) ending.push_back(std::move(broker));
    }
    made_.clear();
    places_.clear();
    brokers_.clear();
  }
  // Outside of the lock: their threads may be telling a hint.
  for (const auto& broker : ending) broker->End();
}

std::shared_ptr<ports::QueueAdmin> QueueDirectory::For(const json::Value& transport) {
  const json::Value* type = transport.FindPath({"spec", "type"});
  if (serves_(transport)) return local_;
  if (type == nullptr || !type->IsString() || !IsRemoteType(type->AsString())) return nullptr;
  const json::Value* name = transport.FindPath({"metadata", "name"});
  if (name == nullptr || !name->IsString()) return nullptr;
  const Result<ports::Credentials::Values> secret = secrets_(transport);
  Brokers former;  // destroyed after the lock is given back
  const std::lock_guard lock(mutex_);
  brokers_[name->AsString()].at = clock_.Steady();
  former = TakeUnasked();
  std::shared_ptr<Broker>& broker = brokers_[name->AsString()].broker;
  const bool same = broker != nullptr && broker->block() == json::Dump(*transport.Find("spec"));
  if (same && broker->IsConnected() && (!secret.ok() || broker->IsConnectedWith(*secret))) return broker;
  // Else what was missing may have been put there in the meantime.
  auto remote =
      secret.ok() ? connect_(transport, *secret, clock_) : Result<std::unique_ptr<RemoteBroker>>(secret.error());
  if (same && broker->IsConnected() && !remote.ok()) return broker;
  if (!same || broker->IsConnected()) {
    auto next = std::make_shared<Broker>(*this, json::Dump(*transport.Find("spec")));
    for (auto& [queue, place] : places_) {
      if (same && place == broker) place = next;
    }
    former.push_back(std::exchange(broker, next));
    std::erase_if(made_, [](const auto& made) { return made.expired(); });
    made_.push_back(next);
  }
  if (remote.ok()) {
    broker->Connected(std::move(remote).value(), *secret);
  } else {
    broker->Missing(remote.error());
  }
  return broker;
}

Result<std::unique_ptr<ports::MessageQueue>> QueueDirectory::NewConsumer(const json::Value& transport,
                                                                         const std::string& queue) {
  const auto broker = std::dynamic_pointer_cast<Broker>(For(transport));
  if (broker == nullptr || broker == local_) return Invalid("spec.type", "its queues are on no remote broker");
  const auto remote = broker->remote();
  if (remote == nullptr) return Fail(ErrorCode::kUnavailable, "the broker is not connected");
  return remote->NewConsumer(queue);
}

QueueDirectory::Brokers QueueDirectory::TakeUnasked() {
  Brokers unasked;
  for (auto& [name, asked] : brokers_) {
    const bool used = asked.broker.use_count() > 1;
    if (!used && clock_.Steady() - asked.at > kUnaskedLife) unasked.push_back(std::move(asked.broker));
  }
  std::erase_if(brokers_, [this](const auto& entry) {
    return entry.second.broker == nullptr && clock_.Steady() - entry.second.at > kUnaskedLife;
  });
  return unasked;
}

void QueueDirectory::Forget(const std::string& transport) {
  std::shared_ptr<Broker> former;  // destroyed after the lock is given back
  const std::lock_guard lock(mutex_);
  const auto found = brokers_.find(transport);
  if (found == brokers_.end()) return;
  former = std::move(found->second.broker);
  brokers_.erase(found);
}

std::shared_ptr<QueueDirectory::Broker> QueueDirectory::Of(const std::string& queue) {
  const std::lock_guard lock(mutex_);
  const auto found = places_.find(queue);
  return found == places_.end() ? local_ : found->second;
}

void QueueDirectory::Made(const std::string& queue, std::shared_ptr<Broker> broker) {
  const std::lock_guard lock(mutex_);
  // The former place goes with the argument, after the lock.
  places_[queue].swap(broker);
}

void QueueDirectory::Removed(const std::string& queue, const Broker& broker) {
  const std::lock_guard lock(mutex_);
  const auto found = places_.find(queue);
  // Whoever removes it holds the broker.
  if (found != places_.end() && found->second.get() == &broker) places_.erase(found);
}

std::shared_ptr<RemoteBroker> QueueDirectory::RemoteOf(const std::string& queue) {
  const std::lock_guard lock(mutex_);
  const auto found = places_.find(queue);
  return found == places_.end() ? nullptr : found->second->remote();
}

bool QueueDirectory::IsRemote(const std::string& queue) { return RemoteOf(queue) != nullptr; }

std::optional<std::size_t> QueueDirectory::RemoteMessageLimitBytes(const std::string& queue) {
  const auto remote = RemoteOf(queue);
  if (remote == nullptr) return std::nullopt;
  return remote->MessageLimitBytes();
}

std::vector<Status> QueueDirectory::PublishRemote(const std::vector<ports::Outgoing>& messages,
                                                  std::chrono::milliseconds timeout) {
  std::vector<Status> outcomes(messages.size(), Ok());
  // Held until they are through, whatever becomes of the Transports.
  std::map<std::shared_ptr<RemoteBroker>, std::vector<std::size_t>> by_broker;
  for (std::size_t i = 0; i < messages.size(); ++i) by_broker[RemoteOf(messages[i].queue)].push_back(i);
  for (const auto& [broker, numbers] : by_broker) {
    if (broker == nullptr) {
      for (const std::size_t i : numbers) {
        const std::string& queue = messages[i].queue;
        outcomes[i] = Error{ErrorCode::kUnroutable, "there is no queue " + queue, queue};
      }
      continue;
    }
    std::vector<ports::Outgoing> batch;
    for (const std::size_t i : numbers) batch.push_back(messages[i]);
    const Status sent = broker->publisher().Publish(batch, timeout);
    for (const std::size_t i : numbers) outcomes[i] = sent;
    // One that cannot be taken must not keep the others; each then has an outcome of its own.
    if (sent.ok() || numbers.size() == 1 || ConcernsTheBroker(sent.error().code)) continue;
    for (const std::size_t i : numbers) outcomes[i] = broker->publisher().Publish({messages[i]}, timeout);
  }
  return outcomes;
}

Status QueueDirectory::Ensure(const ports::QueueSpec& spec) { return local_->Ensure(spec); }

Status QueueDirectory::Remove(const std::string& name, bool force) { return Of(name)->Remove(name, force); }

Result<ports::QueueStats> QueueDirectory::Stats(const std::string& name) { return Of(name)->Stats(name); }

Result<std::vector<std::string>> QueueDirectory::List() {
  Brokers all = {local_};
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [name, asked] : brokers_) {
      // On one whose Secret is missing nothing of this server is to be found.
      if (asked.broker->IsConnected()) all.push_back(asked.broker);
    }
  }
  std::vector<std::string> names;
  for (const auto& broker : all) {
    ASYA_TRY(const auto found, broker->List());
    names.insert(names.end(), found.begin(), found.end());
  }
  return names;
}

reconcilers::FoundQueues QueueDirectory::FindMissing(const std::vector<std::string>& queues) {
  std::map<std::shared_ptr<Broker>, std::vector<std::string>> by_broker;
  std::map<const Broker*, std::string> transports;
  {
    const std::lock_guard lock(mutex_);
    for (const std::string& queue : queues) {
      const auto place = places_.find(queue);
      by_broker[place == places_.end() ? local_ : place->second].push_back(queue);
    }
    for (const auto& [name, asked] : brokers_) transports[asked.broker.get()] = name;
  }
  reconcilers::FoundQueues found;
  for (const auto& [broker, wanted] : by_broker) {
    const auto listed = broker->List();
    // Without a Secret nothing is there for this server; the actors say so.
    if (!listed.ok() && broker->IsConnected()) {
      found.silent.emplace(transports[broker.get()], listed.error());
      continue;
    }
    const std::set<std::string> there =
        listed.ok() ? std::set<std::string>(listed->begin(), listed->end()) : std::set<std::string>();
    std::ranges::copy_if(wanted, std::back_inserter(found.missing),
                         [&there](const std::string& queue) { return !there.contains(queue); });
  }
  return found;
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
