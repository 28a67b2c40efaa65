# frozen_string_literal: true

require_relative "types"

module Hyperion
  module Config
    # How many processes: a number, or as many as the machine has processors for.
    class WorkerCount < Whole
      AUTO = "auto"
      MOST = 1024

      def initialize
        super(0..MOST, metavar: "N|auto")
        @expected = "a whole number up to #{MOST}, or #{AUTO}"
      end

      private

      def convert(value)
        value.to_s.downcase == AUTO ? AUTO : super
      end
    end
  end
end
