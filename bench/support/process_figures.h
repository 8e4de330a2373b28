// ProcessFigures: what the system knows of a running process: memory and processor time.
#pragma once

#include <sys/types.h>

#include <cstdint>

namespace asya::bench {

double ResidentMib(pid_t pid);           // now
double ResidentPeakMib(pid_t pid);       // since its start
std::int64_t ProcessorTicks(pid_t pid);  // user and system time in /proc/PID/stat, in ticks of the system's clock
double SecondsOf(std::int64_t ticks);
// The same from /proc/PID/task/*/schedstat, exact; of threads that have ended nothing is known.
double ProcessorSeconds(pid_t pid);

}  // namespace asya::bench
