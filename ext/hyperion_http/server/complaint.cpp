#include "server/complaint.hpp"

#include "base/number.hpp"

namespace hyperion::server {

void Complaint::happened(base::Instant now, std::string_view detail) noexcept {
  if (now < silent_until_) {
    ++untold_;
    if (!armed()) timers_.arm(*this, silent_until_);
    return;
  }
  silent_until_ = now + kPause;
  std::string line = text_;
  if (!detail.empty()) {
    line += ": ";
    line += detail;
  }
  log_.write(observe::Level::warn, component_, line);
}

void Complaint::on_time() noexcept {
  silent_until_ = deadline() + kPause;
  std::string line = text_;
  line += ": ";
  base::append_decimal(line, std::exchange(untold_, 0));
  line += " times more in ";
  base::append_decimal(line, static_cast<uint64_t>(kPause.count()));
  line += " s";
  log_.write(observe::Level::warn, component_, line);
}

}  // namespace hyperion::server
