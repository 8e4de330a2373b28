#include "model/schema.h"

namespace asya::model {
namespace {

Schema Make(SchemaType type, std::string name, std::string description) {
  Schema schema;
  schema.name = std::move(name);
  schema.type = type;
  schema.description = std::move(description);
  return schema;
}

}  // namespace

Schema Schema::Required() && {
  required = true;
  return std::move(*this);
}

Schema Schema::Default(json::Value value) && {
  default_value = std::move(value);
  return std::move(*this);
}

Schema Schema::As(Format value) && {
  format = value;
  return std::move(*this);
}

Schema Schema::OneOf(std::vector<std::string> values) && {
  choices = std::move(values);
  return std::move(*this);
}

Schema Schema::AtLeast(std::int64_t value) && {
  minimum = value;
  return std::move(*this);
}

Schema Schema::AtMost(std::int64_t value) && {
  maximum = value;
  return std::move(*this);
}

Schema Schema::MaxItems(std::size_t value) && {
  max_items = value;
  return std::move(*this);
}

Schema Schema::MaxLength(std::size_t value) && {
  max_length = value;
  return std::move(*this);
}

Schema Schema::Secret() && {
  secret = true;
  return std::move(*this);
}

Schema Schema::Open() && {
  preserve_unknown = true;
  return std::move(*this);
}

Schema Schema::KeyedBy(std::vector<std::string> keys) && {
  list_type = ListType::kMap;
  list_map_keys = std::move(keys);
  return std::move(*this);
}

Schema Schema::AsSet() && {
  list_type = ListType::kSet;
  return std::move(*this);
}

Schema Schema::Atomic() && {
  atomic = true;
  return std::move(*this);
}

const Schema* Schema::FindField(std::string_view field) const {
  for (const Schema& candidate : fields) {
    if (candidate.name == field) return &candidate;
  }
  return nullptr;
}

Schema String(std::string name, std::string description) {
  return Make(SchemaType::kString, std::move(name), std::move(description));
}

Schema Integer(std::string name, std::string description) {
  return Make(SchemaType::kInteger, std::move(name), std::move(description));
}

Schema Number(std::string name, std::string description) {
  return Make(SchemaType::kNumber, std::move(name), std::move(description));
}

Schema Boolean(std::string name, std::string description) {
  return Make(SchemaType::kBoolean, std::move(name), std::move(description));
}

Schema Quantity(std::string name, std::string description) {
  return Make(SchemaType::kQuantity, std::move(name), std::move(description));
}

Schema AnyValue(std::string name, std::string description) {
  return Make(SchemaType::kAny, std::move(name), std::move(description));
}

Schema Object(std::string name, std::string description, std::vector<Schema> fields) {
  Schema schema = Make(SchemaType::kObject, std::move(name), std::move(description));
  schema.fields = std::move(fields);
  return schema;
}

Schema Map(std::string name, std::string description, Schema item) {
  Schema schema = Make(SchemaType::kMap, std::move(name), std::move(description));
  schema.item.push_back(std::move(item));
  return schema;
}

Schema List(std::string name, std::string description, Schema item) {
  Schema schema = Make(SchemaType::kList, std::move(name), std::move(description));
  schema.item.push_back(std::move(item));
  return schema;
}

const char* SchemaTypeNoun(SchemaType type) {
  switch (type) {
    case SchemaType::kString:
      return "a string";
    case SchemaType::kInteger:
      return "an integer";
    case SchemaType::kNumber:
      return "a number";
    case SchemaType::kBoolean:
      return "true or false";
    case SchemaType::kObject:
    case SchemaType::kMap:
      return "an object";
    case SchemaType::kList:
      return "a list";
    case SchemaType::kAny:
      return "any value";
    case SchemaType::kQuantity:
      return "a quantity such as \"500m\" or \"1Gi\"";
  }
  return "any value";
}

}  // namespace asya::model
