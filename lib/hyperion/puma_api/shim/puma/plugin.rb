# frozen_string_literal: true

require_relative "../puma"

module Puma
  # Nobody has a plugin of that name.
  class UnknownPlugin < RuntimeError; end

  # The plugins that were loaded, and the code that they want to run beside the server.
  class PluginRegistry
    def initialize
      @plugins = {}
      @background = []
    end

    # @param name [String]
    # @param plugin [Class]
    def register(name, plugin)
      @plugins[name] = plugin
    end

    # @return [Class] loaded where it is not yet
    # @raise [UnknownPlugin]
    def find(name)
      name = name.to_s
      @plugins[name] || load(name) || raise(UnknownPlugin, "puma/plugin/#{name}.rb makes no plugin of that name")
    end

    def add_background(block)
      @background << block
    end

    # Starts a thread for each.
    def fire_background
      @background.each_with_index do |block, number|
        Thread.new do
          Puma.set_thread_name("plgn bg #{number}")
          block.call
        end
      end
    end

    private

    def load(name)
      require "puma/plugin/#{name}"
      @plugins[name]
    rescue LoadError => error
      raise unless error.path == "puma/plugin/#{name}"

      raise UnknownPlugin, "there is no puma/plugin/#{name}.rb"
    end
  end

  Plugins = PluginRegistry.new

  # A plugin is a class below this one: `config(dsl)` is called when the configuration file has been read, and
  # `start(launcher)` before the server starts, each where there is one.
  class Plugin
    # To be called in puma/plugin/NAME.rb, which names it.
    def self.create(&body)
      name = caller_locations(1, 1).first.path[%r{puma/plugin/([^/]+)\.rb\z}, 1]
      raise UnknownPlugin, "a plugin's file must be puma/plugin/NAME.rb" unless name

      Plugins.register(name, Class.new(self, &body))
    end

    # Runs the block in a thread of its own, once the server listens.
    def in_background(&block)
      Plugins.add_background(block)
    end
  end
end
