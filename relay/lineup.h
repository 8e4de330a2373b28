// Lineup: which message is called next; those that may have killed a worker run alone.
#pragma once

#include <cstddef>
#include <deque>
#include <optional>

#include "relay/job.h"

namespace asya::relay {

class Lineup {
 public:
  void Add(JobNumber job, bool suspect) { (suspect ? suspects_ : waiting_).push_back(job); }
  void Remove(JobNumber job);
  // The next to begin, given how many are begun or run and how many may be; nullopt if it is nobody's turn.
  std::optional<JobNumber> Next(std::size_t busy, std::size_t limit);
  // The suspect that runs alone has ended or was taken back.
  void Ended(JobNumber job);
  // Takes out all that wait; suspects too if asked.
  std::deque<JobNumber> Clear(bool with_suspects);
  [[nodiscard]] bool has_suspects() const { return !suspects_.empty() || alone_.has_value(); }
  [[nodiscard]] std::size_t size() const { return waiting_.size() + suspects_.size(); }

 private:
  std::deque<JobNumber> waiting_;
  std::deque<JobNumber> suspects_;
  std::optional<JobNumber> alone_;
};

}  // namespace asya::relay
