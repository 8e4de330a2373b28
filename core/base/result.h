// Result<T>: the value of an operation, or the Error that an expected failure ends in.
#pragma once

#include <cstdlib>
#include <string>
#include <utility>
#include <variant>

namespace asya {

// What kind of failure it is. Surfaces map each code to their own format by a switch without `default:`.
enum class ErrorCode {
  kInvalid,       // the input breaks a rule; `field` names the place
  kNotFound,      // the thing named does not exist
  kExists,        // a thing of that name exists already
  kConflict,      // the precondition (revision, uid, state) does not hold
  kExpired,       // the revision or token asked for is no longer kept: list again
  kForbidden,     // the caller may not do this
  kUnauthorized,  // the caller is not known
  kTooLarge,      // over a size limit
  kTooMany,       // over a rate or queue limit: try again later
  kTimeout,       // the deadline passed; the outcome may be unknown
  kUnavailable,   // a part that is needed is away: try again later
  kUnroutable,    // no queue of that name
  kClosed,        // the connection, queue or object was closed
  kInternal,      // our own fault
};

// Stable upper camel case name of a code, e.g. "NotFound".
const char* ErrorCodeName(ErrorCode code);

struct Error {
  ErrorCode code = ErrorCode::kInternal;
  std::string message;  // for a person: what was seen and what is accepted; never a secret or a payload
  std::string field;    // path of the offending field, e.g. "spec.scaling.minReplicaCount"; may be empty
};

namespace internal {
[[noreturn]] void DieOnBadAccess(const Error* error, const char* file, int line);
}

// Holds a T or an Error. Reading the wrong one ends the process: it is a bug, not an outcome.
template <class T>
class [[nodiscard]] Result {
 public:
  using value_type = T;
  // NOLINTNEXTLINE(google-explicit-constructor): value or error
  Result(const T& value) : state_(std::in_place_index<0>, value) {}
  // NOLINTNEXTLINE(google-explicit-constructor): value or error
  Result(T&& value) : state_(std::in_place_index<0>, std::move(value)) {}
  // NOLINTNEXTLINE(google-explicit-constructor): value or error
  Result(const Error& error) : state_(std::in_place_index<1>, error) {}
  // NOLINTNEXTLINE(google-explicit-constructor): value or error
  Result(Error&& error) : state_(std::in_place_index<1>, std::move(error)) {}

  [[nodiscard]] bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }

  const T& value(const char* file = __builtin_FILE(), int line = __builtin_LINE()) const& {
    if (!ok()) internal::DieOnBadAccess(&std::get<1>(state_), file, line);
    return *std::get_if<0>(&state_);
  }
  T& value(const char* file = __builtin_FILE(), int line = __builtin_LINE()) & {
    if (!ok()) internal::DieOnBadAccess(&std::get<1>(state_), file, line);
    return *std::get_if<0>(&state_);
  }
  T&& value(const char* file = __builtin_FILE(), int line = __builtin_LINE()) && {
    if (!ok()) internal::DieOnBadAccess(&std::get<1>(state_), file, line);
    return std::move(*std::get_if<0>(&state_));
  }
  const Error& error(const char* file = __builtin_FILE(), int line = __builtin_LINE()) const {
    if (ok()) internal::DieOnBadAccess(nullptr, file, line);
    return *std::get_if<1>(&state_);
  }
  const T& operator*() const& { return value(); }
  T& operator*() & { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  const T* operator->() const { return &value(); }
  T* operator->() { return &value(); }

 private:
  static_assert(!std::is_same_v<T, Error>);
  std::variant<T, Error> state_;
};

// The outcome of an operation that has no value.
using Status = Result<std::monostate>;
inline Status Ok() { return Status(std::monostate{}); }

inline Error Invalid(std::string field, std::string message) {
  return Error{ErrorCode::kInvalid, std::move(message), std::move(field)};
}
inline Error Fail(ErrorCode code, std::string message) { return Error{code, std::move(message), {}}; }

}  // namespace asya

#define ASYA_CONCAT_INNER(a, b) a##b
#define ASYA_CONCAT(a, b) ASYA_CONCAT_INNER(a, b)

// ASYA_TRY(auto value, Compute()); declares `value`, or returns the error of Compute() from this function.
#define ASYA_TRY(declaration, expression) ASYA_TRY_INNER(declaration, expression, ASYA_CONCAT(asya_try_, __LINE__))
#define ASYA_TRY_INNER(declaration, expression, temporary) \
  auto temporary = (expression);                           \
  if (!temporary.ok()) return temporary.error();           \
  declaration = std::move(temporary).value()

// ASYA_TRY_STATUS(DoIt()); returns the error of DoIt() from this function.
#define ASYA_TRY_STATUS(expression)                                      \
  if (auto asya_status = (expression); !asya_status.ok()) return asya_status.error()

// A broken invariant of our own ends the process, also in release builds; never used on input.
#define ASYA_CHECK(condition)                                                                       \
  do {                                                                                              \
    if (!(condition)) ::asya::internal::DieOnBadAccess(nullptr, __FILE__ ": " #condition, __LINE__); \
  } while (false)
