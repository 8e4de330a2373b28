#include "relay/end_handler.h"

#include <algorithm>
#include <memory>
#include <utility>

namespace asya::relay {
namespace {

constexpr const char* kFanInHeader = "x-asya-fan-in";
constexpr const char* kBlank = " \t\r\n\f\v";

CallAnswer AnswerAtEnd(const std::string& body, const EndRules& rules) {
  CallAnswer answer;
  auto envelope = model::ParseEnvelope(body);
  if (!envelope.ok()) {
    answer.outcome = CallAnswer::Outcome::kRejected;
    answer.error = {"ParseError", {}, envelope.error().message, ""};
    return answer;
  }
  envelope->route.next = RouteFromEnd(*envelope, rules);
  if (envelope->route.next.empty()) return answer;
  model::Frame frame;
  frame.route = envelope->route.Shifted();
  frame.payload = answer.texts.emplace_back(std::move(envelope->payload));
  answer.frames.push_back(std::move(frame));
  return answer;
}

}  // namespace

std::vector<std::string> ParseHooks(const std::string& text) {
  std::vector<std::string> names;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t comma = std::min(text.find(',', begin), text.size());
    const std::string name = text.substr(begin, comma - begin);
    const std::size_t first = name.find_first_not_of(kBlank);
    if (first != std::string::npos) names.push_back(name.substr(first, name.find_last_not_of(kBlank) - first + 1));
    begin = comma + 1;
  }
  return names;
}

std::vector<std::string> RouteFromEnd(const model::Envelope& envelope, const EndRules& rules) {
  if (rules.is_sump) return {};
  const std::string& phase = envelope.status.phase;
  const auto& prev = envelope.route.prev;
  const std::string_view own = envelope.route.curr.empty() ? model::kSinkActor : envelope.route.curr;
  // Hooks are actors too, and their route ends here again. What they made is not the result.
  const bool first_visit = std::find(prev.begin(), prev.end(), own) == prev.end();
  // A slice whose group is not complete has no result of its own.
  const bool partial = phase == "succeeded" && envelope.headers.contains(kFanInHeader);
  const bool hooked = phase != "paused" && (envelope.parent_id.empty() || rules.hooks_for_children);
  std::vector<std::string> next;
  if (first_visit && !partial && hooked) next = rules.hooks;
  if (phase == "failed") next.push_back(rules.sump);
  return next;
}

void EndHandler::Start(OnState on_change) {
  state_.kind = RuntimeState::Kind::kReady;
  reactor_.Post([this, on_change = std::move(on_change)] { on_change(state_); });
}

void EndHandler::Invoke(std::string body, std::chrono::microseconds /*timeout*/, CallListener& /*listener*/,
                        OnFinished on_finished) {
  reactor_.Post([this, body = std::move(body), on_finished = std::move(on_finished)] {
    CallAnswer answer = AnswerAtEnd(body, rules_);
    on_finished({Finished::How::kReplied, "", &answer});
  });
}

}  // namespace asya::relay
