# frozen_string_literal: true

require_relative "../puma"

module Puma
  # The version whose interface the stand-in has.
  module Const
    PUMA_VERSION = VERSION = "7.1.0"
  end
end
