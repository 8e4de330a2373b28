// Functions in the database, each of which does in one round trip what takes several otherwise.
#pragma once

namespace asya::transports::postgres {

// Both create theirs. What they are told, column by column, and what they return stand beside the texts.

// Puts messages into queues, or none of them; administration.cc calls it.
extern const char* const kPublishMessages;
// Does everything that a consumer has to say at one moment; settle_batch.cc calls it.
extern const char* const kSettleAndTake;

}  // namespace asya::transports::postgres
