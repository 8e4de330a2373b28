// Feeds arbitrary bytes to every reader of what SQS and the givers of its credentials answer.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "core/aws/credential_answers.h"
#include "core/base/base64.h"
#include "transports/sqs/replies.h"
#include "transports/sqs/text.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace sqs = asya::transports::sqs;
  constexpr std::size_t kEntries = 10;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  (void)sqs::ReadReceived(text);
  const auto outcomes = sqs::ReadBatch(text, kEntries);
  if (outcomes.ok() && outcomes->size() != kEntries) std::abort();
  (void)sqs::ReadQueueUrl(text);
  (void)sqs::ReadQueueUrls(text);
  (void)sqs::ReadTexts(text, "Attributes");
  (void)sqs::ReadRefusal(400, text, text);
  (void)asya::aws::ReadKeyDocument(text);
  (void)asya::aws::ReadAssumedRole(text);
  (void)asya::aws::ReadSharedFile(text, "default");
  (void)sqs::IsPlainText(text);
  // What is written as base64 is read as it was.
  if (sqs::FromBase64(asya::EncodeBase64(text)) != text) std::abort();
  return 0;
}
