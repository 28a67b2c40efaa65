# frozen_string_literal: true

require "json"
require_relative "../../puma_api"

# Stands in for the gem puma where there is none, as far as other gems ask. See Hyperion::PumaApi.
module Puma
  autoload :Const, "#{__dir__}/puma/const"
  autoload :DSL, "#{__dir__}/puma/dsl"
  autoload :Events, "#{__dir__}/puma/events"
  %i[Plugin PluginRegistry Plugins UnknownPlugin].each { |name| autoload name, "#{__dir__}/puma/plugin" }

  class << self
    # @return [Hyperion::PumaApi::Configuration, nil]
    attr_accessor :cli_config
    # @param value [#stats]
    attr_writer :stats_object

    # @return [Hash{Symbol => Object}] empty before the server starts
    def stats_hash
      @stats_object&.stats || {}
    end

    # @return [String] the same as JSON
    def stats
      JSON.generate(stats_hash)
    end

    def set_thread_name(name) # rubocop:disable Naming/AccessorMethodName
      Thread.current.name = "puma #{name}"
    end

    def ssl?
      false
    end

    def mri?
      RUBY_ENGINE == "ruby"
    end

    def jruby?
      RUBY_ENGINE == "jruby"
    end

    def windows?
      false
    end

    def forkable?
      Process.respond_to?(:fork)
    end
  end
end

Hyperion::PumaApi.introduce
