#include "gateway/refuse_first_message.h"

#include <utility>

#include "core/base/base64.h"
#include "core/base/sha256.h"
#include "core/json/value.h"
#include "gateway/dead_letters.h"
#include "model/envelope.h"

namespace asya::gateway {
namespace {

constexpr const char* kReason = "RuntimeError";  // as for an output that does not fit (spec 03)
constexpr const char* kErrorType = "PayloadTooLarge";
constexpr std::size_t kRawIdDigits = 32;

ports::DeadLetter RawLetter(const std::string& bytes, const Refusal& refusal, const Clock& clock) {
  ports::DeadLetter letter;
  letter.id = "raw-" + Sha256Hex(refusal.namespace_ + "/" + refusal.actor + "\n" + bytes).substr(0, kRawIdDigits);
  letter.namespace_ = refusal.namespace_;
  letter.actor = refusal.actor;
  letter.reason = kReason;
  letter.error_type = refusal.error_type;
  letter.error_message = refusal.message;
  letter.signature = SignatureOf(letter);
  letter.raw_base64 = EncodeBase64(bytes);
  letter.at = clock.Now();
  return letter;
}

std::string TextOf(const json::Value& error, const char* field, const std::string& fallback) {
  return error.IsObject() ? error.GetString(field).value_or(fallback) : fallback;
}

Status Refuse(model::Envelope refused, const Refusal& refusal, ports::TaskStore& tasks, const Clock& clock) {
  if (refused.status.phase != "failed") {
    refused.status.phase = "failed";
    refused.status.reason = kReason;
    refused.status.actor = refused.route.curr.empty() ? refusal.actor : refused.route.curr;
    refused.status.error = json::Object{
        {"type", refusal.error_type}, {"mro", json::Array{}}, {"message", refusal.message}, {"traceback", ""}};
  }
  ports::DeadLetter letter;
  letter.id = refused.id;
  letter.namespace_ = refusal.namespace_;
  letter.actor = refused.status.actor;
  letter.reason = refused.status.reason;
  letter.error_type = TextOf(refused.status.error, "type", refusal.error_type);
  letter.error_message = TextOf(refused.status.error, "message", refusal.message);
  letter.signature = SignatureOf(letter);
  letter.envelope_json = model::SerializeEnvelope(refused);
  letter.at = clock.Now();
  ASYA_TRY_STATUS(tasks.PutDeadLetters({letter}));
  ports::TaskReport report;
  report.task_id = refused.id;
  report.status = ports::TaskStatus::kFailed;
  report.current_actor = refused.status.actor;
  report.error_json = json::Dump(refused.status.error);
  report.reason = refused.status.reason;
  return tasks.Report({report});
}

}  // namespace

Status RefuseEnvelope(const std::string& envelope, const Refusal& refusal, ports::TaskStore& tasks,
                      const Clock& clock) {
  auto refused = model::ParseEnvelope(envelope);
  if (!refused.ok()) return tasks.PutDeadLetters({RawLetter(envelope, refusal, clock)});
  return Refuse(std::move(*refused), refusal, tasks, clock);
}

Status RefuseFirstMessage(const std::string& envelope, const Error& error, ports::TaskStore& tasks,
                          const Clock& clock) {
  ASYA_TRY(model::Envelope first, model::ParseEnvelope(envelope));
  const auto task = tasks.Get(first.id);
  if (!task.ok() && task.error().code != ErrorCode::kNotFound) return task.error();
  const Refusal refusal{task.ok() ? task->namespace_ : "", first.route.curr, kErrorType, error.message};
  return Refuse(std::move(first), refusal, tasks, clock);
}

}  // namespace asya::gateway
