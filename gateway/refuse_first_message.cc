#include "gateway/refuse_first_message.h"

#include <utility>

#include "core/json/value.h"
#include "gateway/dead_letters.h"
#include "model/envelope.h"

namespace asya::gateway {
namespace {

constexpr const char* kReason = "RuntimeError";  // as for an output that does not fit (spec 03)
constexpr const char* kErrorType = "PayloadTooLarge";

}  // namespace

Status RefuseFirstMessage(const std::string& envelope, const Error& error, ports::TaskStore& tasks,
                          const Clock& clock) {
  ASYA_TRY(model::Envelope refused, model::ParseEnvelope(envelope));
  const auto task = tasks.Get(refused.id);
  if (!task.ok() && task.error().code != ErrorCode::kNotFound) return task.error();
  const json::Object failure{
      {"type", kErrorType}, {"mro", json::Array{}}, {"message", error.message}, {"traceback", ""}};
  refused.status.phase = "failed";
  refused.status.reason = kReason;
  refused.status.actor = refused.route.curr;
  refused.status.error = failure;
  ports::DeadLetter letter;
  letter.id = refused.id;
  if (task.ok()) letter.namespace_ = task->namespace_;
  letter.actor = refused.route.curr;
  letter.reason = kReason;
  letter.error_type = kErrorType;
  letter.error_message = error.message;
  letter.signature = SignatureOf(letter);
  letter.envelope_json = model::SerializeEnvelope(refused);
  letter.at = clock.Now();
  ASYA_TRY_STATUS(tasks.PutDeadLetters({letter}));
  ports::TaskReport report;
  report.task_id = refused.id;
  report.status = ports::TaskStatus::kFailed;
  report.current_actor = refused.route.curr;
  report.error_json = json::Dump(failure);
  report.reason = kReason;
  return tasks.Report({report});
}

}  // namespace asya::gateway
