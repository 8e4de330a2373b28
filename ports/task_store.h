// TaskStore: what the outside is told of each envelope it sent in: tasks, their events and the dead letters.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/base/clock.h"
#include "core/base/result.h"

namespace asya::ports {

// Order of the forward moves: pending < running < paused < the terminal three (spec 07).
enum class TaskStatus { kPending, kRunning, kPaused, kSucceeded, kFailed, kCanceled };
const char* TaskStatusName(TaskStatus status);  // "pending", …
std::optional<TaskStatus> ParseTaskStatus(const std::string& name);
inline bool IsTerminal(TaskStatus status) { return status >= TaskStatus::kSucceeded; }

// Whether who is of namespace `reporter` may speak of a task of namespace `owner`. Who does not say may; a task that
// does not say is of namespace default.
inline bool MaySpeakOf(const std::string& reporter, const std::string& owner) {
  return reporter.empty() || reporter == (owner.empty() ? "default" : owner);
}

struct Task {
  std::string id;
  std::string namespace_;
  std::string parent_id;  // of a fan-out child; else empty
  std::string flow;       // empty when sent to an actor
  std::string actor;      // the entry
  TaskStatus status = TaskStatus::kPending;
  double progress = 0;        // 0..1, never falls
  std::string current_actor;  // where its envelope is; where it ended once it is terminal
  std::string payload_json;   // as it came in
  std::string headers_json;   // object; may be empty
  std::string result_json;    // terminal: the last payload; empty if none
  std::string error_json;     // failed: {type,mro,message,traceback}; empty if none
  std::string reason;         // envelope status.reason of the end
  std::string replay_of;      // dead letter or task it repeats
  std::string labels_json;    // object of texts that a client finds its tasks by; empty if none
  WallTime created_at{};
  WallTime updated_at{};
  std::optional<WallTime> deadline_at;
  std::int64_t version = 0;  // grows with each change; ETag
};

struct FirstMessage {
  std::string queue;
  std::string body;
};

struct IdempotencyKey {
  std::string key;
  std::string payload_digest;
};

struct TaskFilter {
  std::optional<std::string> namespace_;
  std::optional<TaskStatus> status;
  std::optional<std::string> actor;
  std::optional<std::string> flow;
  std::optional<WallTime> created_after;
  std::optional<WallTime> created_before;
  std::string labels_json{};  // object of texts: tasks with all of these labels; empty: any
  std::int64_t limit = 50;
  std::string cursor;  // of the page before; empty for the first
};

struct TaskPage {
  std::vector<Task> tasks;  // newest first
  std::string next_cursor;  // empty at the end
};

// One change of a task as a relay or the gateway reports it.
struct TaskReport {
  std::string task_id;
  TaskStatus status = TaskStatus::kRunning;
  double progress = 0;
  std::string current_actor;  // empty: keeps the one that is known
  std::string result_json;
  std::string error_json;
  std::string reason;
  std::string parent_id;   // registers a fan-out child on first sight
  std::string namespace_;  // of who reports; empty: not said
  // what the relay measured of this hop (queue_wait_ms, cold_start_ms, work_ms, actor, attempt); may be empty
  std::string hop_json;
};

// One stored step of a task's story, shown by `asya task ID` and replayed to SSE clients.
struct TaskEvent {
  std::int64_t sequence = 0;  // grows within the store; SSE id
  std::string task_id;
  WallTime at{};
  std::string type;       // "status"
  std::string data_json;  // {status, progress, actor, reason, hop}
};

struct DeadLetter {
  std::string id;  // of the envelope; "raw-{digest}" where it had none
  std::string namespace_;
  std::string actor;   // where it failed
  std::string reason;  // envelope status.reason
  std::string error_type;
  std::string error_message;
  std::string signature;      // groups like failures: actor, reason, error type
  std::string envelope_json;  // whole failed envelope; empty when unparsable
  std::string raw_base64;     // the bytes of what could not be parsed
  std::string replayed_as;    // task id of the last replay; empty if none
  WallTime at{};
};

struct DeadLetterFilter {
  std::optional<std::string> namespace_;
  std::optional<std::string> actor;
  std::int64_t limit = 500;
  std::string cursor{};  // of the page before; empty for the first
};

struct DeadLetterPage {
  std::vector<DeadLetter> letters;  // newest first
  std::string next_cursor;          // empty at the end
};

struct CanceledTask {
  std::string id;
  std::string namespace_;
};

// A hint that a task changed or got an event.
struct TaskChange {
  std::string task_id;
  bool may_have_ended = true;  // false: the task has certainly not reached its end by this change
  // A new task whose every later change will be told here, none of them lost: until one that may have been its end, it
  // need not be asked for. Stores that others write too do not say this.
  bool lives = false;
};

// All that is told of one task, as of one moment.
struct TaskView {
  Task task;
  std::vector<TaskEvent> events;
  std::vector<Task> children;
};

// Blocking, thread safe, durable when a call returns.
class TaskStore {
 public:
  virtual ~TaskStore() = default;
  // Stores the task and sends its first message, both or neither visible in the end. Returns the task; the earlier
  // one when the idempotency
  // key was used with the same payload. kConflict: key in use with another payload. kUnroutable: no queue.
  virtual Result<Task> Create(const Task& task, const FirstMessage& message,
                              const std::optional<IdempotencyKey>& key) = 0;
  // The same without waiting, where the store can: `done` is called once, on any thread, perhaps from within the call,
  // and must not block.
  virtual void CreateThen(Task task, FirstMessage message, std::optional<IdempotencyKey> key,
                          std::function<void(Result<Task>)> done) {
    done(Create(task, message, key));
  }
  virtual Result<Task> Get(const std::string& id) = 0;
  // As of one moment where the store can.
  virtual Result<TaskView> View(const std::string& id) {
    TaskView view;
    ASYA_TRY(view.task, Get(id));
    ASYA_TRY(view.events, Events(id, 0));
    ASYA_TRY(view.children, Children(id));
    return view;
  }
  virtual Result<TaskPage> List(const TaskFilter& filter) = 0;
  virtual Result<std::vector<Task>> Children(const std::string& parent_id) = 0;
  // Applies a batch in one transaction. Backward moves and repeats change nothing (idempotent). Unknown tasks are
  // ignored unless parent_id is set; so are tasks, and children of tasks, of another namespace than who reports is of.
  virtual Status Report(const std::vector<TaskReport>& reports) = 0;
  // The same without waiting; `done` as above.
  virtual void ReportThen(std::vector<TaskReport> reports, std::function<void(Status)> done) { done(Report(reports)); }
  // kNotFound; a terminal task stays as it is.
  virtual Status Cancel(const std::string& id) = 0;
  // Events of a task after `sequence`, oldest first.
  virtual Result<std::vector<TaskEvent>> Events(const std::string& task_id, std::int64_t after) = 0;
  // Unfinished tasks past their deadline become failed/Timeout; returns how many.
  virtual Result<std::int64_t> ExpireDeadlines(WallTime now) = 0;
  // Tasks canceled since `since` (for the relays' cancel feed), of one namespace or of all, oldest first; the latest of
  // too many.
  virtual Result<std::vector<CanceledTask>> CanceledSince(WallTime since,
                                                          const std::optional<std::string>& namespace_) = 0;
  // Idempotent by id. A letter whose id is of a task of another namespace is ignored.
  virtual Status PutDeadLetters(const std::vector<DeadLetter>& letters) = 0;
  virtual Result<DeadLetter> GetDeadLetter(const std::string& id) = 0;
  virtual Result<DeadLetterPage> ListDeadLetters(const DeadLetterFilter& filter) = 0;
  virtual Status MarkReplayed(const std::string& dead_letter_id, const std::string& task_id) = 0;
  // Called (any thread, must not block) after a change; ends when the returned object is destroyed.
  [[nodiscard]] virtual std::shared_ptr<void> Subscribe(std::function<void(const TaskChange& change)> on_change) = 0;
};

}  // namespace asya::ports
