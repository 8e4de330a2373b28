// Replies: what SQS answers (its JSON protocol), read without trust.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/clock.h"
#include "core/base/result.h"
#include "transports/sqs/requests.h"

namespace asya::transports::sqs {

struct Received {
  std::string sqs_id;              // of SQS, the same at each delivery
  std::string receipt;             // of this delivery
  std::string body;                // as it was published
  std::int64_t receive_count = 1;  // this time included
  WallTime sent_at{};
  std::string message_id;
  WallTime due{};
  std::int64_t crashes = 0;
};

// What one entry of a batch came to; `again`: it was SQS's own trouble, and sending the entry once more may help.
struct EntryOutcome {
  Status status = Ok();
  bool again = false;
};

// Messages without receipt are left out. kInvalid: it is no such answer.
Result<std::vector<Received>> ReadReceived(std::string_view text);
// One for each of `count` entries; one that the answer does not name is kUnavailable.
Result<std::vector<EntryOutcome>> ReadBatch(std::string_view text, std::size_t count);
Result<std::string> ReadQueueUrl(std::string_view text);
// "Attributes" or "Tags"; none where the member is missing.
Result<Texts> ReadTexts(std::string_view text, const char* member);
struct QueueUrls {
  std::vector<std::string> urls;
  std::string next_token;  // empty: that was all
};
Result<QueueUrls> ReadQueueUrls(std::string_view text);
// The last part of a queue's URL.
std::string NameInUrl(const std::string& url);

// An answer that is no success. `type` is SQS's own word, e.g. "QueueDoesNotExist".
struct Refusal {
  Error error;
  std::string type;
  bool again = false;       // the same call may succeed later
  bool stale_keys = false;  // the credentials have run out or are not known
};
// kInvalid only where SQS says by its type that the message or the queue's name is never taken; what it says nothing of
// is kUnavailable.
// Messages about credentials are not repeated: they may quote them.
Refusal ReadRefusal(int http_status, std::string_view text, std::string_view error_header);

}  // namespace asya::transports::sqs
