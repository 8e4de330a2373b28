// What has to be known of queues in PostgreSQL beside their transport.
#pragma once

#include <string>

#include "core/json/value.h"

namespace asya::ports {

// The libpq URI of the database that `spec.postgres` of a Transport names, without credentials.
// https://www.postgresql.org/docs/15/libpq-connect.html#LIBPQ-CONNSTRING
std::string PostgresUrl(const json::Value& block);

// A statement that counts what can be worked on now or is in work, in the tables of transports/postgres/tables.cc: for
// those who ask the database themselves, as KEDA does. `queue` is a queue's name as actors have it.
std::string QueueLengthStatement(const std::string& queue);

}  // namespace asya::ports
