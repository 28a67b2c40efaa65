# frozen_string_literal: true

require_relative "options"

module Hyperion
  module PumaApi
    # What Puma.cli_config and launcher.config are.
    class Configuration
      # @return [Options]
      attr_reader :options

      # @param configuration [Config::Configuration]
      # @param part [Config::PumaPart]
      # @param launcher [Launcher]
      def initialize(configuration, part, launcher)
        @configuration = configuration
        @part = part
        @launcher = launcher
        @options = Options.new(part.options, configuration)
      end

      # @return [String]
      def environment
        options[:environment]
      end

      # @return [String]
      def rackup
        options[:rackup]
      end

      # @return [Array] instances of the plugins
      def plugins
        @part.plugins.values
      end

      # @return [Puma::Events]
      def events
        @launcher.events
      end

      # @return [Hash{Symbol => Object}]
      def final_options
        options.final_options
      end

      # It is loaded already.
      def load
        options
      end
      alias clamp load
    end
  end
end
