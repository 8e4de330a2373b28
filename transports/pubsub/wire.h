// The encoding of protocol buffers, as far as Pub/Sub's messages use it: fields that are numbers, bytes or messages.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace asya::transports::pubsub {

// Appends to a string. What has its default value is left out, as proto3 wants it, but for Add… in lists.
class Writer {
 public:
  explicit Writer(std::string& out) : out_(out) {}
  void Number(std::uint32_t field, std::uint64_t value) {
    if (value != 0) AddNumber(field, value);
  }
  void Bytes(std::uint32_t field, std::string_view value) {
    if (!value.empty()) AddBytes(field, value);
  }
  void AddNumber(std::uint32_t field, std::uint64_t value);
  void AddBytes(std::uint32_t field, std::string_view value);

 private:
  void Varint(std::uint64_t value);
  std::string& out_;
};

// Reads field after field of outside bytes; views point into them. A length that reaches over the end, a varint
// without end and a group are broken input.
class Reader {
 public:
  explicit Reader(std::string_view in) : in_(in) {}
  // False at the end, and at what is broken.
  bool Next();
  [[nodiscard]] std::uint32_t field() const { return field_; }
  [[nodiscard]] std::uint64_t number() const { return number_; }   // 0 unless the field is one
  [[nodiscard]] std::string_view bytes() const { return bytes_; }  // empty unless the field has some
  [[nodiscard]] bool broken() const { return broken_; }

 private:
  bool Varint(std::uint64_t& value);
  bool Fixed(std::size_t size);
  bool Break();

  std::string_view in_;
  std::uint32_t field_ = 0;
  std::uint64_t number_ = 0;
  std::string_view bytes_;
  bool broken_ = false;
};

}  // namespace asya::transports::pubsub
