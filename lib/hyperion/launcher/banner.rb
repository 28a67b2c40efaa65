# frozen_string_literal: true

require_relative "../native"

module Hyperion
  class Launcher
    # What a server says when it listens, on standard output: text for people; one JSON line where the log is JSON.
    class Banner
      # @param server [Server] that has started
      def initialize(server)
        @server = server
        @configuration = server.settings.configuration
      end

      # Whoever waits for it may read a pipe, so it leaves at once; a standard output that is closed stops nothing.
      def print
        $stdout.write(@configuration.json? ? json : text)
        $stdout.flush
      rescue SystemCallError, IOError
        nil
      end

      private

      def text
        <<~TEXT
          Hyperion #{VERSION} (#{ruby})
          * Environment: #{environment}
          * Threads: #{threads}
          #{[*@server.urls.map { |url| "* Listening on #{url}" }, *admin].join("\n")}
          * Process: #{Process.pid}
          * Ctrl-C or TERM stops it when the requests in flight are done, QUIT at once
        TEXT
      end

      def admin
        ["* Admin paths at #{@server.admin_url}"] if @server.admin_url
      end

      def json
        message = "Hyperion #{VERSION} (#{ruby}), environment #{environment}, threads: #{threads}, " \
                  "process #{Process.pid}. Listening on #{@server.urls.join(" ")}" \
                  "#{", admin paths at #{@server.admin_url}" if @server.admin_url}"
        Engine.log_line("info", "server", message, true, false)
      end

      def ruby
        "Ruby #{RUBY_VERSION}, Rack #{Rack.release}"
      end

      def environment
        @configuration[:environment]
      end

      def threads
        Config::Options[:threads].type.show(@configuration[:threads]) +
          " for the application, #{@configuration[:io_threads]} for I/O (#{@server.event_loop})"
      end
    end
  end
end
