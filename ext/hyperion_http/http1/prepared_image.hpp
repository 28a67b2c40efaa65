// A prepared response as the bytes that HTTP/1.1 sends, so that answering with it is one copy and a fresh date.
#pragma once

#include "http/prepared.hpp"
#include "http1/response_head.hpp"

namespace hyperion::http1 {

// Bodies up to this size are a part of the image.
inline constexpr size_t kImageBody = 2048;

// What the head says of `prepared`, but for date and connection.
HeadFacts facts_of(const http::Prepared& prepared) noexcept;
// Fills prepared.image; leaves it empty when it would not fit into a chunk of the output queue.
void draw_image(http::Prepared& prepared);
// Appends the image with `date`, the body included unless `head_only`. The image is not empty.
void append_image(buffer::OutputQueue& out, const http::Prepared& prepared, std::string_view date, bool head_only);

}  // namespace hyperion::http1
