#include "transports/pubsub/wire.h"

namespace asya::transports::pubsub {
namespace {

constexpr std::uint64_t kVarintType = 0;
constexpr std::uint64_t kFixed64Type = 1;
constexpr std::uint64_t kBytesType = 2;
constexpr std::uint64_t kFixed32Type = 5;
constexpr unsigned kTypeBits = 3;
constexpr unsigned kVarintBits = 7;
constexpr unsigned kVarintShiftMax = 63;
constexpr std::uint64_t kFieldMax = (1U << 29U) - 1;

}  // namespace

void Writer::Varint(std::uint64_t value) {
  constexpr std::uint64_t kMore = 0x80;
  while (value >= kMore) {
    out_ += static_cast<char>((value & (kMore - 1)) | kMore);
    value >>= kVarintBits;
  }
  out_ += static_cast<char>(value);
}

void Writer::AddNumber(std::uint32_t field, std::uint64_t value) {
  Varint((std::uint64_t{field} << kTypeBits) | kVarintType);
  Varint(value);
}

void Writer::AddBytes(std::uint32_t field, std::string_view value) {
  Varint((std::uint64_t{field} << kTypeBits) | kBytesType);
  Varint(value.size());
  out_ += value;
}

bool Reader::Break() {
  broken_ = true;
  in_ = {};
  return false;
}

bool Reader::Varint(std::uint64_t& value) {
  value = 0;
  for (unsigned shift = 0; shift <= kVarintShiftMax; shift += kVarintBits) {
    if (in_.empty()) return Break();
    const auto byte = static_cast<unsigned char>(in_.front());
    in_.remove_prefix(1);
    value |= std::uint64_t{byte & 0x7fU} << shift;
    if (byte < 0x80U) return true;
  }
  return Break();
}

bool Reader::Fixed(std::size_t size) {
  if (in_.size() < size) return Break();
  in_.remove_prefix(size);
  return true;
}

bool Reader::Next() {
  number_ = 0;
  bytes_ = {};
  std::uint64_t key = 0;
  if (in_.empty() || !Varint(key)) return false;
  const std::uint64_t field = key >> kTypeBits;
  if (field == 0 || field > kFieldMax) return Break();
  field_ = static_cast<std::uint32_t>(field);
  switch (key & ((1U << kTypeBits) - 1)) {
    case kVarintType:
      return Varint(number_);
    case kFixed64Type:
      return Fixed(sizeof(std::uint64_t));
    case kFixed32Type:
      return Fixed(sizeof(std::uint32_t));
    case kBytesType: {
      std::uint64_t size = 0;
      if (!Varint(size)) return false;
      if (size > in_.size()) return Break();
      bytes_ = in_.substr(0, size);
      in_.remove_prefix(size);
      return true;
    }
    default:
      return Break();
  }
}

}  // namespace asya::transports::pubsub
