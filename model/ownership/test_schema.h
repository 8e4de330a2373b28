// TestSchema: a kind with every form of field that a merge knows. For tests of this folder only.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "core/json/parse.h"
#include "model/kinds/schemas.h"
#include "model/schema.h"

namespace asya::model {

inline const Schema& TestSchema() {
  static const Schema schema = RootSchema(
      "",
      Object("spec", "",
             {
                 String("image", ""),
                 Integer("replicas", ""),
                 Object("scaling", "", {Integer("min", ""), Integer("max", "")}),
                 List("env", "", Object("", "", {String("name", ""), String("value", ""), String("note", "")}))
                     .KeyedBy({"name"}),
                 List("ports", "", Object("", "", {Integer("port", ""), String("protocol", ""), String("name", "")}))
                     .KeyedBy({"port", "protocol"}),
                 List("tags", "", String("", "")).AsSet(),
                 List("args", "", String("", "")),
                 Map("selector", "", String("", "")).Atomic(),
                 Map("policies", "", Object("", "", {Integer("attempts", ""), String("delay", "")})),
                 Object("extra", "", {}).Open(),
             }),
      Object("status", "", {String("phase", "")}));
  return schema;
}

inline json::Value Json(const std::string& text) {
  auto parsed = json::Parse(text);
  EXPECT_TRUE(parsed.ok()) << text;
  return parsed.ok() ? *parsed : json::Value();
}

}  // namespace asya::model
