# frozen_string_literal: true

require_relative "types"

module Hyperion
  module Config
    # A file that is there and can be read.
    class ReadableFile < Text
      # @param secret [Boolean] whether it is refused when others than owner and group could read it
      def initialize(expected = "a file that can be read", secret: false)
        super(secret ? "#{expected}, not readable for everybody" : expected, "FILE")
        @secret = secret
      end

      private

      def convert(value)
        path = super or return
        stat = File.stat(path)
        invalid(path, "it is no file") unless stat.file? || stat.pipe?
        invalid(path, "this user may not read it") unless stat.readable?
        invalid(path, "everybody may read it; chmod o-rwx #{path}") if @secret && stat.mode.anybits?(0o007)
        path
      rescue SystemCallError => error
        invalid(path, error.message[/\A[^@-]+/].strip.downcase)
      end
    end

    # A text that nobody may see: not in a message, not in --check-config.
    class Secret < Text
      def show(value)
        value.nil? ? "none" : "(secret)"
      end

      private

      def repeat(_value)
        "the value"
      end
    end
  end
end
