// The parts of a task's story that every task store writes alike: event data, signatures, bounds.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "ports/task_store.h"

namespace asya::storage {

// Hop records of one task that are kept; status changes are always kept (there are at most a handful).
inline constexpr std::int64_t kHopEventsPerTaskMax = 1000;
inline constexpr std::int64_t kTasksListedMax = 500;        // in one page
inline constexpr std::int64_t kChildrenListedMax = 10'000;  // of one task
inline constexpr std::int64_t kDeadLettersListedMax = 1000;
inline constexpr std::int64_t kCancellationsListedMax = 10'000;

// Finished tasks are dropped, with their events, when they are over the count or older than the age; so are dead
// letters.
struct TaskRetention {
  std::int64_t finished_tasks_max = 100'000;
  std::chrono::microseconds finished_age_max = std::chrono::hours(24 * 7);
  std::int64_t dead_letters_max = 20'000;
  std::chrono::microseconds dead_letter_age_max = std::chrono::hours(24 * 90);
};

inline constexpr std::int64_t kDeadLetterDropBatch = 100;  // in one transaction; each may be of several MiB

inline constexpr const char* kStatusEvent = "status";
inline constexpr const char* kTimeoutReason = "Timeout";

// {"actor","hop","progress","reason","status"}; the same report gives the same bytes. Empty members and a
// progress of 0 are left out.
std::string EventData(ports::TaskStatus status, double progress, const std::string& actor, const std::string& reason,
                      const std::string& hop_json);
// The error of a task whose deadline passed.
std::string TimeoutErrorJson();
// The letter's own signature, or one made of actor, reason and error type.
std::string SignatureOf(const ports::DeadLetter& letter);
// The sequence number that the page before ended with; nullopt for the first page. kInvalid.
Result<std::optional<std::int64_t>> ParseCursor(const std::string& cursor);
// Progress as whole millionths, within [0, 1]; databases compare them exactly.
std::int64_t ToMillionths(double progress);
double FromMillionths(std::int64_t millionths);

}  // namespace asya::storage
