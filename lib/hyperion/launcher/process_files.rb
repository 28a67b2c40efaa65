# frozen_string_literal: true

require_relative "../server/output_place"

module Hyperion
  class Launcher
    # What a serving process shows of itself to others: its number in a pidfile, its state for `pumactl -S`, its
    # title.
    class ProcessFiles
      # @param configuration [Config::Configuration]
      def initialize(configuration)
        @configuration = configuration
        @puma = configuration.puma.options
        @written = []
      end

      # Writes and makes nothing.
      # @raise [ConfigError] when {#write} would fail
      def check
        %i[pidfile state_path].each { |option| at(option) { |path| Server::OutputPlace.check(path) } }
      end

      # Writes them, over what a process before left.
      # @raise [ConfigError]
      def write
        @owner = Process.pid
        save(:pidfile, Process.pid.to_s)
        save(:state_path, state, @puma[:state_permission])
      end

      # Removes them, unless they are somebody else's by now.
      def remove
        return unless Process.pid == @owner

        @written.each { |path, text| File.unlink(path) if File.read(path) == text }
        @written.clear
      rescue SystemCallError
        nil # gone already
      end

      # @param urls [Array<String>]
      def title(urls)
        tag = @configuration[:tag]
        Process.setproctitle(["hyperion #{VERSION} (#{urls.join(",")})", *("[#{tag}]" if tag)].join(" "))
      end

      private

      def save(option, text, permission = nil)
        at(option) do |path|
          Server::OutputPlace.prepare(path)
          File.write(path, text, **(permission ? {perm: permission} : {}))
          @written << [path, text]
        end
      end

      def at(option)
        return unless @configuration[option]

        path = File.expand_path(@configuration[option])
        yield path
      rescue SystemCallError => error
        reason = Server::OutputPlace.reason(error)
        raise ConfigError, "#{@configuration.origin(option)}: cannot write #{path}: #{reason}"
      end

      def state
        "---\npid: #{Process.pid}\nrunning_from: \"#{Dir.pwd}\"\n"
      end
    end
  end
end
