// SettleAndTake: the function in the database that does everything a consumer has to say at one moment.
#pragma once

namespace asya::transports::postgres {

// Creates it. All in one round trip, since each costs a consumer more than the statement that it carries. What it is
// told, column by column, and the rows that it returns stand beside the text; settle_batch.cc calls it.
extern const char* const kSettleAndTake;

}  // namespace asya::transports::postgres
