#include "apiserver/access/delegated.h"

#include <algorithm>
#include <atomic>
#include <memory>
#include <optional>
#include <utility>

#include "apiserver/access/attributes.h"
#include "apiserver/access/authenticators.h"
#include "apiserver/access/roles.h"
#include "apiserver/access/token_file.h"

namespace asya::apiserver {
namespace {

constexpr const char* kUnauthenticatedGroup = "system:unauthenticated";

bool IsIn(const std::vector<std::string>& groups, const char* group) {
  return std::find(groups.begin(), groups.end(), group) != groups.end();
}

ports::AccessQuestion QuestionOf(const Call& call) {
  ports::AccessQuestion question;
  question.subject = SubjectOf(call.user);
  question.verb = call.info.verb;
  question.group = call.resource->group;
  question.version = call.resource->version;
  question.resource = call.resource->kind.plural;
  question.subresource = call.info.subresource;
  question.namespace_ = call.info.namespace_;
  question.name = call.info.name.empty() ? NameSelected(call) : call.info.name;
  return question;
}

// With lengths, so that no two questions are the same text.
void Append(std::string& text, const std::string& part) {
  text += std::to_string(part.size());
  text += ':';
  text += part;
}

std::string TextOf(const ports::AccessQuestion& question) {
  std::string text;
  const ports::Subject& subject = question.subject;
  for (const std::string* part : {&subject.name, &subject.uid, &question.verb, &question.group, &question.version,
                                  &question.resource, &question.subresource, &question.namespace_, &question.name}) {
    Append(text, *part);
  }
  Append(text, std::to_string(subject.groups.size()));
  for (const std::string& group : subject.groups) Append(text, group);
  for (const auto& [key, values] : subject.extra) {
    Append(text, key);
    Append(text, std::to_string(values.size()));
    for (const std::string& value : values) Append(text, value);
  }
  return text;
}

// Reviews under way, each of which holds a thread.
class Places {
 public:
  bool Take() {
    if (taken_.fetch_add(1) < kTokenReviewsAtOnceMax) return true;
    Give();
    return false;
  }
  void Give() { taken_.fetch_sub(1); }

 private:
  std::atomic<std::size_t> taken_ = 0;
};

}  // namespace

ports::Subject SubjectOf(const User& user) { return {user.name, user.uid, user.groups, user.extra}; }

Authenticator ByTokenReview(ports::ClusterAccess& cluster, const Clock& clock, observe::Metrics& metrics) {
  using Known = std::optional<User>;
  const auto known = std::make_shared<ShortMemory<Known>>(clock, kReviewAgeMax, kTokenReviewsMax);
  const auto places = std::make_shared<Places>();
  const observe::Counter refused =
      metrics.MakeCounter("asya_apiserver_token_reviews_refused_total",
                          "Requests with a token that were refused as too many to be asked of.");
  return [&cluster, known, places, refused](const http::Request& request) -> Identity {
    const std::string token = BearerToken(request);
    if (token.empty() || token.size() > kTokenBytesMax) return std::nullopt;
    if (auto answer = known->Recall(token)) return *std::move(answer);
    if (!places->Take()) {
      refused.Add();
      return TooManyRequests();
    }
    auto reviewed = cluster.ReviewToken(token);
    places->Give();
    if (!reviewed.ok()) return Unavailable("the cluster does not tell whose token it is: " + reviewed.error().message);
    Known user;
    if (auto& subject = *reviewed) {
      user = User{std::move(subject->name), std::move(subject->groups), std::move(subject->uid),
                  std::move(subject->extra)};
    }
    known->Keep(token, user);
    return user;
  };
}

Authenticator WithAuthenticatedGroup(Authenticator next) {
  return [next = std::move(next)](const http::Request& request) -> Identity {
    Identity known = next(request);
    if (!known) return known;
    if (IsIn(known->groups, kAuthenticatedGroup) || IsIn(known->groups, kUnauthenticatedGroup)) return known;
    User user = *known;
    user.groups.emplace_back(kAuthenticatedGroup);
    return user;
  };
}

Outcome<ports::AccessAnswer> AccessReviews::Ask(const ports::AccessQuestion& question) {
  if (IsIn(question.subject.groups, kMastersGroup)) return ports::AccessAnswer{true, ""};
  const std::string text = TextOf(question);
  if (auto answer = known_.Recall(text)) return *std::move(answer);
  auto reviewed = cluster_.ReviewAccess(question);
  if (!reviewed.ok()) return Unavailable("the cluster does not tell who may do this: " + reviewed.error().message);
  known_.Keep(text, *reviewed);
  return *std::move(reviewed);
}

Authorizer ByAccessReview(std::shared_ptr<AccessReviews> reviews) {
  return [reviews = std::move(reviews)](const Call& call) -> Outcome<Done> {
    ASYA_TRY(const ports::AccessAnswer answer, reviews->Ask(QuestionOf(call)));
    if (answer.allowed) return Done{};
    return Denial(call, answer.reason);
  };
}

}  // namespace asya::apiserver
