# frozen_string_literal: true

require_relative "app_pool"
require_relative "binder"
require_relative "log_relay"
require_relative "path_naming"

module Hyperion
  class Server
    # One life of a server, from start to stop: an engine, its app threads, and the thread that ends them.
    class Run
      # How long the error responses of killed threads have to leave, in seconds.
      LAST_WORDS = 0.1
      # A wait without end is a wait for an hour, again and again.
      LONG = 3600

      # @return [Integer, nil] the first TCP listener's
      attr_reader :port
      # @return [Array<String>]
      attr_reader :urls
      # @return [String, nil]
      attr_reader :event_loop
      # @return [String, nil] of the admin paths' own listener
      attr_reader :admin_url

      # @param app [#call]
      # @param settings [Settings]
      # @param routes [RouteTable]
      # @param runtime [Runtime]
      # @param on_quit [#call] what an order to quit does
      def initialize(app, settings, routes:, runtime:, on_quit: -> {})
        @settings = settings
        @log_files = settings.open_log_files
        @engine = Engine.new({**settings.for_engine(app, @log_files), routes: routes, runtime: runtime,
                                                                      registry: Hyperion.metrics})
        @relay = LogRelay.new(@engine, settings.logger, json: settings.json?) if settings.logger
        @pool = AppPool.new(@engine, settings.threads, around: settings.configuration.puma.thread_hooks,
                                                       on_quit: on_quit)
        @naming = PathNaming.new(@engine, settings.path_templater) if settings.path_templater
        @binder = Binder.new(@engine)
        @mutex = Mutex.new # guards @deadline and @stopper
        @over = Thread::Queue.new # closed at the end
        @pid = Process.pid
      end

      # Takes connections; their requests wait until it serves.
      # @return [self]
      # @raise [SystemCallError, SocketError, ConfigError] when it cannot; then nothing is left of it
      def listen
        @settings.check_loop
        @settings.configuration.addresses.each { |address| @binder.bind(address) }
        @settings.admin_address&.then { |address| @binder.bind_admin(address) }
        @port = @engine.port
        @urls = @engine.urls.map { |url| url.sub(/\Atcp:/, "http:") }
        @admin_url = @engine.admin_urls.first&.sub(/\Atcp:/, "http:")
        @engine.start
        @event_loop = @engine.event_loop
        @relay&.start
        Logger.default.attach(self)
        Stats.attach(self)
        self
      rescue SystemCallError, SocketError, ConfigError
        @engine.stop
        @engine.close
        @log_files.each_value(&:close)
        raise
      end

      # Starts the app threads, unless a stop has begun. From then on /-/readyz says ready.
      def serve
        @mutex.synchronize { begin_service unless @stopper }
        self
      end

      # Serves another table's routes from now on.
      def use_routes(routes)
        @engine.use_routes(routes)
      rescue RuntimeError # closed meanwhile
        nil
      end

      # @return [Hash{Config::Address => Array<Integer>}, nil] see Binder#hand_on; nil when a stop has begun
      def hand_on
        @mutex.synchronize { @binder.hand_on unless @stopper }
      end

      # Begins the stop; the deadline of one that has begun only ever comes nearer. Waits for the end, but on an app
      # thread, which the stop itself waits for.
      # @param timeout [Numeric, nil] seconds for the work in flight; nil: for ever
      # @return [Boolean, nil] whether everything ended by itself; nil when it was not waited for
      # @raise [ThreadError] in a trap handler
      def stop(timeout)
        @mutex.synchronize do
          wanted = timeout ? now + timeout : Float::INFINITY
          @deadline = [@deadline, wanted].compact.min
          @stopper ||= Thread.new { finish }
        end
        interrupt
        return if @pool.inside?

        wait
        @clean
      end

      # Waits until it has stopped.
      def wait
        @over.pop
        self
      end

      # @return [Boolean] whether this process runs it, and no stop has begun
      def running?
        own? && @stopper.nil?
      end

      # @return [Boolean] whether it was started in this process, and not in one that forked it
      def own?
        Process.pid == @pid
      end

      # @return [Hash{Symbol => Integer}] counters, the last ones once it has stopped
      def stats
        @stats || counters
      rescue RuntimeError # closed meanwhile
        @stats || raise
      end

      # @return [String] the least level that is logged
      def log_level
        @settings.configuration[:log_level]
      end

      # @param fields [Hash, nil] further members of the line
      # @return [Boolean] false when nobody would write it any more
      def log(level, source, message, fields = nil)
        return false if @stats || !own?

        @engine.log(level, source, message, fields)
        true
      rescue RuntimeError # closed meanwhile
        false
      end

      # Opens the log files anew, after a rotation.
      # @yieldparam path [String]
      # @yieldparam error [SystemCallError, nil] why the file that was open stays
      def reopen_logs
        return if @stats

        @log_files.each_value do |file|
          file.reopen
          yield file.path, nil
        rescue SystemCallError => error
          yield file.path, error
        end
      end

      private

      def begin_service
        @naming&.start
        @pool.start
        @engine.open
      end

      def counters
        counters = @engine.stats
        @relay ? counters.merge(log_lines_dropped: counters[:log_lines_dropped] + @relay.failed) : counters
      end

      def finish
        Thread.current.name = "hyperion stop"
        @engine.drain
        drained = drained?
        @clean = drained ? @pool.stop(left) : cut_off
      ensure
        close
      end

      def close
        Logger.default.detach(self)
        Stats.detach(self)
        @stats = counters
        unused = @naming.nil? || @naming.stop
        @engine.stop
        @relay&.stop
        @engine.close if unused
        @log_files.each_value(&:close)
        @over.close
      end

      def cut_off
        late = @engine.in_flight
        @engine.log("warn", "server", "requests that did not finish in time are cut off: #{late}") if late.positive?
        @pool.stop(0)
        @engine.wait_drained(LAST_WORDS)
        late.zero?
      end

      def drained?
        until @engine.wait_drained(left)
          return false if left.zero?
        end
        true
      end

      def left
        (@deadline - now).clamp(0, LONG)
      end

      def interrupt
        @engine.interrupt_wait
      rescue RuntimeError # closed already
        nil
      end

      def now
        Process.clock_gettime(Process::CLOCK_MONOTONIC)
      end
    end
  end
end
