# frozen_string_literal: true

Hyperion::Runtime.default.on_request_start { nil }.on_request_end { nil }
run ->(_env) { [200, {"content-type" => "text/plain"}, ["hello"]] }
