#include "transports/sqs/outlets.h"

#include <algorithm>
#include <utility>

namespace asya::transports::sqs {

Error NoQueue(const std::string& queue) {
  constexpr std::size_t kShown = 300;
  return {ErrorCode::kUnroutable, "there is no queue " + queue.substr(0, kShown), queue};
}

Outlets::Outlets(OutletSettings settings, Calls& calls, const Clock& clock)
    : settings_(std::move(settings)), calls_(calls), clock_(clock) {}

void Outlets::Send(std::vector<Addressed> messages, Done done) {
  auto group = std::make_shared<Group>();
  group->messages = std::move(messages);
  group->done = std::move(done);
  std::set<std::string> unknown;
  for (const Addressed& message : group->messages) {
    if (!outlets_.contains(message.queue)) unknown.insert(message.queue);
  }
  group->open = unknown.size();
  if (unknown.empty()) return AddAll(group);
  for (const std::string& queue : unknown) {
    Ask(queue, [this, group](const Status& found) {
      if (!found.ok() && !group->error) group->error = found.error();
      if (--group->open > 0) return;
      if (group->error) return group->done(*group->error);
      AddAll(group);
    });
  }
}

void Outlets::Ask(const std::string& queue, std::function<void(const Status&)> then) {
  Question& question = questions_[queue];
  question.askers.push_back(std::move(then));
  if (question.askers.size() > 1) return;
  question.call = calls_.Begin(Action::kGetQueueUrl, QueueUrlRequest(queue, settings_.account_id), CallPolicy{},
                               [this, queue](const Result<std::string>& answer) { Answered(queue, answer); });
}

void Outlets::Answered(const std::string& queue, const Result<std::string>& answer) {
  Question question = std::move(questions_.at(queue));
  questions_.erase(queue);
  Status status = Ok();
  const Result<std::string> url = answer.ok() ? ReadQueueUrl(*answer) : answer;
  if (url.ok()) {
    MakeRoom();
    const BatchSettings batches{Action::kSendMessageBatch, *url, settings_.linger, settings_.batch_bytes_max};
    outlets_.try_emplace(queue, std::make_unique<Batches>(batches, calls_, clock_));
  } else {
    // A name that SQS does not take is one of no queue.
    const bool none = url.error().code == ErrorCode::kNotFound || url.error().code == ErrorCode::kInvalid;
    status = none ? NoQueue(queue) : url.error();
  }
  for (const auto& asker : question.askers) asker(status);
}

void Outlets::AddAll(const std::shared_ptr<Group>& group) {
  group->open = group->messages.size();
  if (group->open == 0) return group->done(Ok());
  for (Addressed& message : group->messages) {
    const auto outlet = outlets_.find(message.queue);
    if (outlet == outlets_.end()) {  // it went away while another was asked for
      EntryDone(group, message.queue, NoQueue(message.queue));
      continue;
    }
    const std::size_t bytes = CountedBytes(message.parcel.body) + kAttributesBytesMax;
    outlet->second->Add(SendEntry(message.parcel), bytes, [this, group, queue = message.queue](const Status& status) {
      EntryDone(group, queue, status);
    });
    std::string().swap(message.parcel.body);
  }
}

void Outlets::EntryDone(const std::shared_ptr<Group>& group, const std::string& queue, const Status& status) {
  if (!status.ok()) {
    group->error = status.error();
    if (status.error().code == ErrorCode::kNotFound) {
      group->error = NoQueue(queue);
      const auto outlet = outlets_.find(queue);
      // It may be telling this just now.
      if (outlet != outlets_.end()) gone_.push_back(std::move(outlet->second));
      if (outlet != outlets_.end()) outlets_.erase(outlet);
    }
  }
  if (--group->open > 0) return;
  group->done(group->error ? Status(*group->error) : Ok());
}

void Outlets::MakeRoom() {
  if (outlets_.size() < kKnownQueuesMax) return;
  std::erase_if(outlets_, [](const auto& outlet) { return outlet.second->idle(); });
}

void Outlets::Turn(bool hurry) {
  std::erase_if(gone_, [](const auto& batches) { return batches->idle(); });
  for (const auto& batches : gone_) batches->Turn(true);
  for (const auto& [queue, batches] : outlets_) batches->Turn(hurry);
}

SteadyTime Outlets::deadline() const {
  SteadyTime earliest = SteadyTime::max();
  for (const auto& [queue, batches] : outlets_) earliest = std::min(earliest, batches->deadline());
  for (const auto& batches : gone_) earliest = std::min(earliest, batches->deadline());
  return earliest;
}

void Outlets::Fail(const Error& error) {
  for (auto& [queue, question] : std::exchange(questions_, {})) {
    calls_.Cancel(question.call);
    for (const auto& asker : question.askers) asker(error);
  }
  for (auto& [queue, batches] : std::exchange(outlets_, {})) gone_.push_back(std::move(batches));
  for (std::size_t i = 0; i < gone_.size(); ++i) gone_[i]->Fail(error);
}

bool Outlets::idle() const {
  const auto is_idle = [](const auto& batches) { return batches->idle(); };
  return questions_.empty() && std::all_of(gone_.begin(), gone_.end(), is_idle) &&
         std::all_of(outlets_.begin(), outlets_.end(), [&](const auto& outlet) { return is_idle(outlet.second); });
}

}  // namespace asya::transports::sqs
