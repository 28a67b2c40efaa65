# frozen_string_literal: true

module Hyperion
  class Request
    # The header fields of a request, out of its Rack environment. Repeated ones are joined, as there.
    class Headers
      include Enumerable

      # Those two have no HTTP_ in front (RFC 3875 section 4.1).
      BARE = %w[CONTENT_TYPE CONTENT_LENGTH].freeze
      # Rack's word for the protocol, no field.
      PROTOCOL = "HTTP_VERSION"

      def initialize(env)
        @env = env
      end

      # @param name [String, Symbol] "Content-Type", in any case
      # @return [String, nil]
      def [](name)
        key = key(name)
        @env[key] unless key == PROTOCOL
      end

      # @return [String]
      # @raise [KeyError] when it is not there, and neither default nor block is
      def fetch(name, *default, &block)
        to_h.fetch(name.to_s.downcase.tr("_", "-"), *default, &block)
      end

      # @return [Boolean]
      def key?(name)
        key = key(name)
        @env.key?(key) && key != PROTOCOL
      end
      alias include? key?
      alias has_key? key?

      # @yieldparam name [String] in lower case
      # @yieldparam value [String]
      def each(&block)
        return enum_for(:each) unless block

        to_h.each(&block)
        self
      end

      # @return [Hash{String => String}] names in lower case
      def to_h
        @to_h ||= @env.each_with_object({}) do |(key, value), all|
          next unless key.start_with?("HTTP_") || BARE.include?(key)
          next if key == PROTOCOL

          all[key.delete_prefix("HTTP_").downcase.tr("_", "-")] = value
        end.freeze
      end

      def inspect
        "#<#{self.class} #{to_h}>"
      end

      private

      def key(name)
        key = name.to_s.upcase.tr("-", "_")
        BARE.include?(key) ? key : "HTTP_#{key}"
      end
    end
  end
end
