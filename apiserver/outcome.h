// Outcome<T>: the value of a stage of a request, or the StatusError that the client gets; works with ASYA_TRY.
#pragma once

#include <utility>
#include <variant>

#include "apiserver/status_error.h"
#include "core/base/result.h"

namespace asya::apiserver {

template <class T>
class [[nodiscard]] Outcome {
 public:
  // NOLINTNEXTLINE(google-explicit-constructor): value or error
  Outcome(const T& value) : state_(std::in_place_index<0>, value) {}
  // NOLINTNEXTLINE(google-explicit-constructor): value or error
  Outcome(T&& value) : state_(std::in_place_index<0>, std::move(value)) {}
  // NOLINTNEXTLINE(google-explicit-constructor): value or error
  Outcome(StatusError error) : state_(std::in_place_index<1>, std::move(error)) {}

  [[nodiscard]] bool ok() const { return state_.index() == 0; }
  [[nodiscard]] const T& value() const& { return Checked(); }
  T& value() & { return const_cast<T&>(Checked()); }
  T&& value() && { return std::move(const_cast<T&>(Checked())); }
  [[nodiscard]] const StatusError& error() const {
    ASYA_CHECK(!ok());
    return *std::get_if<1>(&state_);
  }
  const T& operator*() const& { return value(); }
  T& operator*() & { return value(); }
  const T* operator->() const { return &value(); }
  T* operator->() { return &value(); }

 private:
  [[nodiscard]] const T& Checked() const {
    ASYA_CHECK(ok());
    return *std::get_if<0>(&state_);
  }
  std::variant<T, StatusError> state_;
};

struct Done {};

}  // namespace asya::apiserver
