// Strong<Tag, T>: a value that cannot be mistaken for another value of the same representation.
#pragma once

#include <compare>
#include <cstddef>
#include <functional>
#include <utility>

namespace asya {

template <class Tag, class T>
class Strong {
 public:
  using Representation = T;
  constexpr Strong() = default;
  constexpr explicit Strong(T value) : value_(std::move(value)) {}
  [[nodiscard]] constexpr const T& get() const { return value_; }
  friend constexpr auto operator<=>(const Strong&, const Strong&) = default;

 private:
  T value_{};
};

}  // namespace asya

template <class Tag, class T>
struct std::hash<asya::Strong<Tag, T>> {
  std::size_t operator()(const asya::Strong<Tag, T>& strong) const { return std::hash<T>{}(strong.get()); }
};
