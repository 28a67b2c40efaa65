# frozen_string_literal: true

module Hyperion
  # What other gems rely on in Puma: plugins, Puma.stats, Puma.cli_config. With a real Puma in the bundle its own
  # classes are used and told about this server. Without one a few files of the same names stand in for it
  # (puma_api/shim), whose folder joins the load path then, and only then. Nothing of it is loaded before somebody asks.
  module PumaApi
    SHIM = File.join(__dir__, "puma_api", "shim")
    # What a plugin may take for granted.
    FEATURES = %w[puma puma/const puma/dsl puma/events puma/plugin].freeze

    class << self
      # @return [Session, nil] of the server that this process is about: what Puma's names speak of
      attr_reader :session

      # @return [Boolean] whether `require "puma"` finds the gem
      def real?
        return @real unless @real.nil?

        @real = real_constant? || resolved? || Gem::Specification.find_all_by_name("puma").any?
      end

      # Makes the stand-in available where there is no Puma. For the programs that serve, not for an embedded server.
      def offer
        return if real? || $:.include?(SHIM)

        $:.push(SHIM)
        Object.autoload(:Puma, File.join(SHIM, "puma.rb")) unless Object.const_defined?(:Puma)
      end

      # Loads what plugins need, the real or the stand-in.
      # @raise [LoadError] when the real one cannot be loaded
      def load
        offer
        FEATURES.each { |feature| require feature }
      end

      # @return [Boolean] whether somebody has loaded Puma's module, the real or the stand-in
      def loaded?
        Object.const_defined?(:Puma) && !Object.autoload?(:Puma) && ::Puma.respond_to?(:stats_object=)
      end

      # From now on Puma's names speak of this session.
      # @param session [Session]
      def publish(session)
        @session = session
        introduce if loaded?
      end

      # Tells Puma's module. A stand-in that is loaded later calls it itself.
      def introduce
        return unless @session

        # Only Puma's command line has this accessor.
        ::Puma.singleton_class.attr_accessor(:cli_config) unless ::Puma.respond_to?(:cli_config=)
        ::Puma.stats_object = @session.stats
        ::Puma.cli_config = @session.launcher.config
      end

      private

      def real_constant?
        Object.const_defined?(:Puma) && !Object.autoload?(:Puma)
      end

      def resolved?
        _, path = $:.resolve_feature_path("puma")
        !path.nil? && !path.start_with?(SHIM)
      end
    end
  end
end

require_relative "puma_api/application"
require_relative "puma_api/session"
