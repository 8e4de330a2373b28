#include "transports/sqs/administration.h"

#include <algorithm>
#include <charconv>
#include <future>
#include <utility>

namespace asya::transports::sqs {
namespace {

constexpr std::chrono::hours kRetention{14 * 24};  // the longest of SQS: nothing is lost by waiting
constexpr std::chrono::seconds kQueueWait{20};
constexpr std::size_t kPagesMax = 100;  // of a thousand queues each
constexpr const char* kPrefix = "asya-";

Error Gone() { return Fail(ErrorCode::kUnavailable, "not connected to SQS"); }

std::int64_t NumberOf(const Texts& texts, const char* name) {
  const auto found = texts.find(name);
  std::int64_t number = 0;
  if (found == texts.end()) return number;
  std::from_chars(found->second.data(), found->second.data() + found->second.size(), number);
  return std::max<std::int64_t>(number, 0);
}

ports::QueueStats StatsOf(const Texts& attributes) {
  ports::QueueStats stats;
  stats.visible = NumberOf(attributes, "ApproximateNumberOfMessages");
  stats.delayed = NumberOf(attributes, "ApproximateNumberOfMessagesDelayed");
  stats.in_flight = NumberOf(attributes, "ApproximateNumberOfMessagesNotVisible");
  return stats;
}

}  // namespace

Administration::Administration(const AdministrationSettings& settings, const Clock& clock)
    : settings_(settings),
      clock_(clock),
      random_(SystemSeed()),
      calls_(settings.service, transfers_, clock, random_, nullptr),
      outlets_({settings.service.account_id, std::chrono::milliseconds(0), settings.message_bytes_max}, calls_, clock) {
}

Administration::~Administration() { Stop(); }

void Administration::Start() {
  const std::lock_guard lock(mutex_);
  running_ = true;
  thread_ = std::thread([this] { Work(); });
}

void Administration::Stop() {
  if (!thread_.joinable()) return;
  mailbox_.Post([this] { stopping_ = true; });
  thread_.join();
}

Result<std::string> Administration::Ask(Action action, std::string body) {
  auto promise = std::make_shared<std::promise<Result<std::string>>>();
  auto future = promise->get_future();
  {
    const std::lock_guard lock(mutex_);
    if (!running_) return Gone();
    mailbox_.Post([this, action, promise, shared = std::make_shared<std::string>(std::move(body))] {
      calls_.Begin(action, std::move(*shared), CallPolicy{},
                   [promise](Result<std::string> answer) { promise->set_value(std::move(answer)); });
    });
  }
  if (future.wait_for(settings_.ask_limit) != std::future_status::ready) {
    return Fail(ErrorCode::kTimeout, "SQS did not answer in time");
  }
  // The thread may have ended without an answer.
  try {
    return future.get();
  } catch (const std::future_error&) {
    return Gone();
  }
}

Result<std::string> Administration::UrlOf(const std::string& queue) {
  ASYA_TRY(const std::string answer, Ask(Action::kGetQueueUrl, QueueUrlRequest(queue, settings_.service.account_id)));
  return ReadQueueUrl(answer);
}

Result<Texts> Administration::AttributesOf(const std::string& url) {
  ASYA_TRY(const std::string answer, Ask(Action::kGetQueueAttributes, AttributesRequest(url)));
  return ReadTexts(answer, "Attributes");
}

Texts Administration::Attributes() const {
  return {{"MaximumMessageSize", std::to_string(settings_.message_bytes_max)},
          {"MessageRetentionPeriod", std::to_string(std::chrono::seconds(kRetention).count())},
          {"ReceiveMessageWaitTimeSeconds", std::to_string(kQueueWait.count())},
          {"VisibilityTimeout", std::to_string(settings_.visibility.count())}};
}

Texts Administration::Tags(const ports::QueueSpec& spec) const {
  Texts tags = settings_.tags;
  tags[kOwnerTag] = spec.owner_uid;
  return tags;
}

Status Administration::Ensure(const ports::QueueSpec& spec) {
  const auto url = UrlOf(spec.name);
  if (url.ok()) return Mend(*url, spec);
  if (url.error().code != ErrorCode::kNotFound) return url.error();
  const Status created = Create(spec);
  if (created.ok() || created.error().code != ErrorCode::kExists) return created;
  // Somebody was quicker, and made it otherwise.
  ASYA_TRY(const std::string found, UrlOf(spec.name));
  return Mend(found, spec);
}

Status Administration::Create(const ports::QueueSpec& spec) {
  ASYA_TRY(const std::string answer, Ask(Action::kCreateQueue, CreateRequest(spec.name, Attributes(), Tags(spec))));
  ASYA_TRY(const std::string url, ReadQueueUrl(answer));
  // SQS does not compare tags: whoever made the same queue at the same moment is asked for.
  return Mend(url, spec);
}

Status Administration::Mend(const std::string& url, const ports::QueueSpec& spec) {
  ASYA_TRY(const std::string answer, Ask(Action::kListQueueTags, OfQueueRequest(url)));
  ASYA_TRY(const Texts tags, ReadTexts(answer, "Tags"));
  const auto owner = tags.find(kOwnerTag);
  if (owner == tags.end() || owner->second != spec.owner_uid) {
    return Fail(ErrorCode::kConflict,
                "queue " + spec.name +
                    (owner == tags.end() ? std::string(" is not marked as an actor's by the tag ") + kOwnerTag
                                         : " belongs to another owner"));
  }
  const Texts wanted_tags = Tags(spec);
  const bool tags_hold = std::all_of(wanted_tags.begin(), wanted_tags.end(), [&](const auto& tag) {
    const auto found = tags.find(tag.first);
    return found != tags.end() && found->second == tag.second;
  });
  if (!tags_hold) ASYA_TRY_STATUS(Ask(Action::kTagQueue, TagRequest(url, wanted_tags)));
  ASYA_TRY(const Texts attributes, AttributesOf(url));
  Texts changed;
  for (const auto& [name, value] : Attributes()) {
    const auto found = attributes.find(name);
    if (found == attributes.end() || found->second != value) changed[name] = value;
  }
  if (!changed.empty()) ASYA_TRY_STATUS(Ask(Action::kSetQueueAttributes, SetAttributesRequest(url, changed)));
  const std::lock_guard lock(mutex_);
  queues_[spec.name] = url;
  return Ok();
}

Status Administration::Remove(const std::string& name, bool force) {
  const auto url = UrlOf(name);
  if (!url.ok()) return url.error().code == ErrorCode::kNotFound ? Ok() : Status(url.error());
  if (!force) {
    ASYA_TRY(const Texts attributes, AttributesOf(*url));
    const ports::QueueStats stats = StatsOf(attributes);
    const std::int64_t held = stats.visible + stats.delayed + stats.in_flight;
    if (held > 0) {
      return Fail(ErrorCode::kConflict, "queue " + name + " holds " + std::to_string(held) + " messages");
    }
  }
  const auto removed = Ask(Action::kDeleteQueue, OfQueueRequest(*url));
  if (!removed.ok() && removed.error().code != ErrorCode::kNotFound) return removed.error();
  const std::lock_guard lock(mutex_);
  queues_.erase(name);
  return Ok();
}

Result<ports::QueueStats> Administration::Stats(const std::string& name) {
  std::string url;
  {
    const std::lock_guard lock(mutex_);
    const auto known = queues_.find(name);
    if (known != queues_.end()) url = known->second;
  }
  if (url.empty()) {
    ASYA_TRY(url, UrlOf(name));
  }
  ASYA_TRY(const Texts attributes, AttributesOf(url));
  return StatsOf(attributes);
}

Result<std::vector<std::string>> Administration::List() {
  std::vector<std::string> names;
  std::string next;
  for (std::size_t page = 0; page < kPagesMax; ++page) {
    ASYA_TRY(const std::string answer, Ask(Action::kListQueues, ListRequest(kPrefix, next)));
    ASYA_TRY(const QueueUrls found, ReadQueueUrls(answer));
    for (const std::string& url : found.urls) names.push_back(NameInUrl(url));
    next = found.next_token;
    if (next.empty()) return names;
  }
  return Fail(ErrorCode::kTooMany, "SQS lists more queues than are read");
}

std::shared_ptr<void> Administration::SubscribeHints(std::function<void(const std::string&)> on_work) {
  const std::lock_guard lock(mutex_);
  const auto place = subscribers_.insert(subscribers_.end(), std::move(on_work));
  mailbox_.Post([] {});  // so that the thread begins to look
  return {static_cast<void*>(this), [this, place](void*) {
            const std::lock_guard ending(mutex_);
            subscribers_.erase(place);
          }};
}

Status Administration::Publish(const std::vector<ports::Outgoing>& messages, std::chrono::milliseconds timeout) {
  const std::size_t limit = settings_.message_bytes_max - kAttributesBytesMax;
  auto batch = std::make_shared<std::vector<Addressed>>();
  for (const ports::Outgoing& message : messages) {
    if (const std::size_t counted = CountedBytes(message.body); counted > limit) {
      return Fail(ErrorCode::kTooLarge, "a message for " + message.queue + " has " + std::to_string(counted) +
                                            " bytes; the limit is " + std::to_string(limit));
    }
    batch->push_back({message.queue, {message.body, message.message_id, {}, {}, 0}});
  }
  if (batch->empty()) return Ok();
  auto promise = std::make_shared<std::promise<Status>>();
  auto future = promise->get_future();
  {
    const std::lock_guard lock(mutex_);
    if (!running_) return Gone();
    mailbox_.Post([this, batch, promise] {
      outlets_.Send(std::move(*batch), [promise](const Status& sent) { promise->set_value(sent); });
    });
  }
  if (future.wait_for(timeout) != std::future_status::ready) {
    return Fail(ErrorCode::kTimeout, "SQS did not confirm in time; the outcome is unknown");
  }
  const Status sent = future.get();
  std::set<std::string> queues;
  for (const ports::Outgoing& message : messages) queues.insert(message.queue);
  if (sent.ok()) {
    for (const std::string& queue : queues) Hint(queue);
  }
  return sent;
}

}  // namespace asya::transports::sqs
