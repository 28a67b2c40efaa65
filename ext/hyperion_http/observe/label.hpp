// What comes from outside and becomes the value of a label.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace hyperion::observe {

// `text` as valid UTF-8 without control characters, not longer than `most` bytes. What is not is replaced by "?", what
// is too long is cut between two characters.
std::string clean_label(std::string_view text, size_t most);

}  // namespace hyperion::observe
