// What stands behind one method and path: a response that is always the same, or a block of Ruby's. Made when it is
// registered, never changed; replaced as a whole. Tables, exchanges and output queues are its users.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/counted.hpp"
#include "http/prepared.hpp"
#include "http/request.hpp"

namespace hyperion::serve {

class Route final : public base::Counted {
 public:
  // A response without Ruby.
  struct Fixed {
    std::string body;
    // Empty: its requests are unconditional.
    std::string etag;
    http::Prepared full;
    // Where there is an entity tag: what 304 and 412 say.
    std::optional<http::Prepared> not_modified;
    std::optional<http::Prepared> failed;
  };
  // `number` is told to `gone`, on whichever thread, when the last user has let go of the route.
  using Gone = void (*)(uint64_t number) noexcept;

  Route(std::string_view its_method, std::string_view its_path, uint64_t its_number, Gone gone)
      : method_name(its_method), path(its_path), method(http::method_of(its_method)), number(its_number), gone_(gone) {}

  const std::string method_name;
  const std::string path;
  const http::Method method;
  // The caller's word for it.
  const uint64_t number;
  // Not there: a block. Filled before the route is put into a table.
  std::optional<Fixed> fixed;

 private:
  ~Route() override {
    if (gone_ != nullptr) gone_(number);
  }

  const Gone gone_;
};

}  // namespace hyperion::serve
