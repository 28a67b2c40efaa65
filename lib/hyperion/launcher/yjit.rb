# frozen_string_literal: true

module Hyperion
  class Launcher
    # Ruby's compiler for code that runs often. A Ruby that has none, or cannot switch it on while it runs (before 3.3),
    # stays as it is.
    module YJIT
      module_function

      # @return [Boolean] whether it is on
      def enable
        compiler = defined?(RubyVM::YJIT) && RubyVM::YJIT
        return false unless compiler.respond_to?(:enable)

        compiler.enable
      end
    end
  end
end
