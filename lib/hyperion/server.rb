# frozen_string_literal: true

require_relative "adapter/rack"
require_relative "logger"
require_relative "metrics"
require_relative "native"
require_relative "runtime"
require_relative "stats"
require_relative "version"
require_relative "server/route_table"
require_relative "server/routing"
require_relative "server/run"
require_relative "server/settings"

module Hyperion
  # One HTTP server in this process. Several may run side by side; they share nothing.
  #
  #   server = Hyperion::Server.new(app: ->(env) { [200, {}, ["hello"]] }, port: 0).start
  #   server.urls # => ["http://127.0.0.1:43567"]
  #   server.stop
  class Server
    include Routing
    extend Routing::ClassLevel

    # @return [Settings]
    attr_reader :settings
    # @return [Runtime]
    attr_reader :runtime

    # @param app [#call] a Rack application
    # @param keywords every option of the table (`hyperion --help`) under its name, `host:` or `binds:` for where to
    #   listen, `threads:` as Integer or Range, and Settings::EXTRAS. `port: 0`: the kernel picks.
    # @param route_table [RouteTable, nil] its routes, and no others; nil: see {Routing}
    # @param runtime [Runtime, nil] whose hooks run around its requests; nil: Runtime.default
    # @raise [ArgumentError] for a keyword that does not exist (the nearest is named), or a value that it cannot take
    def initialize(app:, configuration: nil, route_table: nil, runtime: nil, **keywords)
      raise ArgumentError, "Hyperion::Server: app must have a method call" unless app.respond_to?(:call)

      @app = app
      @runtime = runtime || Runtime.default
      raise ArgumentError, "Hyperion::Server: runtime must be a Hyperion::Runtime" unless @runtime.is_a?(Runtime)

      begin_routing(route_table)
      @settings = Settings.new(configuration, keywords)
      @mutex = Mutex.new # guards @run against two starts
    end

    # Listens, and returns once clients can connect. Does nothing when it runs already. A server that was stopped starts
    # anew.
    # @yield once it listens, before the first request reaches the application
    # @return [self]
    # @raise [SystemCallError] such as Errno::EADDRINUSE
    # @raise [SocketError] for a host name that does not resolve
    # @raise [ConfigError] for `loop: "io_uring"` where the kernel refuses it
    def start
      run = @mutex.synchronize { listen unless running? }
      return self unless run

      yield if block_given?
      run.serve
      self
    end

    # Starts, and waits until somebody stops it. An exception that ends the wait (Interrupt) stops it, too.
    # @return [self]
    def run
      start
      wait
    ensure
      stop
    end

    # Waits until it has stopped; returns at once when it does not run.
    # @return [self]
    def wait
      run = @run
      run.wait if run&.own?
      self
    end

    # Refuses new connections, lets requests in flight finish, then ends. Waits for all that, but in a trap handler or
    # inside a request, where it only begins. A second call changes nothing, unless its timeout ends earlier.
    # @param timeout [Numeric, nil] seconds for the requests in flight, then their threads are killed; nil: for ever
    # @return [Boolean, nil] whether everything ended by itself; nil when it was not waited for
    def stop(timeout = @settings.graceful_timeout)
      run = @run
      return true unless run&.own?

      run.stop(timeout)
    rescue ThreadError # a trap handler cannot take a lock
      Thread.new { run.stop(timeout) }
      nil
    end

    # @return [Boolean]
    def running?
      @run&.running? || false
    end

    # @return [Integer, nil] of the first TCP address, the real one where the kernel picked; nil before start
    def port
      @run&.port
    end

    # @return [Array<String>] where it listens: "http://127.0.0.1:9292", "unix:///run/app.sock"
    def urls
      @run&.urls || []
    end

    # @return [String, nil] "epoll" or "io_uring"; nil before start
    def event_loop
      @run&.event_loop
    end

    # @return [String, nil] where the admin paths have a listener of their own; nil before start
    def admin_url
      @run&.admin_url
    end

    # Obeys `POST /-/quit` in its own way; without this the server stops.
    # @return [void]
    def on_quit(&order)
      @on_quit = order
    end

    # @return [Hash{Symbol => Integer}] counters; empty before start. {Stats} tells what they are.
    def stats
      @run&.stats || {}
    end

    # @private
    # @return [Hash{Config::Address => Array<Integer>}, nil] see Run#hand_on
    def hand_on
      @run&.hand_on
    end

    # Writes a line into the server's log; to standard error while it does not run.
    # @param level [String] debug, info, warn, error or fatal
    # @return [void]
    def log(level, message)
      return if @run&.log(level, "server", message) || level == "debug"

      Logger.default.fall_back(level, "server", message)
    end

    # Opens its log files anew, after they were renamed. One that cannot be opened is told of in the log, and lines
    # still go to the file that was open.
    # @return [Array<String>] the paths that are open anew
    def reopen_logs
      reopened = []
      @run&.reopen_logs { |path, error| error ? log("warn", Server.not_reopened(path, error)) : reopened << path }
      reopened
    end

    # @private
    def self.not_reopened(path, error)
      "cannot open #{path} anew (#{OutputPlace.reason(error)}): lines still go to the file that was open"
    end

    private

    def listen
      @run.wait if @run&.own? # a stop that is under way
      @routing.synchronize do
        @run = Run.new(@app, @settings, routes: route_table, runtime: @runtime, on_quit: method(:quit)).listen
      end
    end

    def quit
      log("info", "POST /-/quit: the server is to end")
      @on_quit ? @on_quit.call : Thread.new { stop }
    end
  end
end
