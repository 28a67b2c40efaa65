# frozen_string_literal: true

require_relative "native"

# The web server.
module Hyperion
  # The numbers of all servers that run in this process, added up. Counters begin at 0 with each start of a server.
  #
  # Connections: connections_accepted, connections_active, of these connections_idle, _reading, _waiting, _writing and
  # _closing; accept_errors, bytes_read, bytes_written, read_timeouts, write_timeouts.
  #
  # Requests: requests (complete ones), requests_dispatched (to the application), requests_in_flight, requests_refused,
  # of these parse_errors; requests_aborted (the client left), app_errors, sendfile_responses; answered_by_app, _block,
  # _static, _admin and _server; c_loop_requests_total (2.x's word for those that a registered route answered);
  # responses_1xx to responses_5xx.
  #
  # Threads of the application: threads, busy_threads, queue_depth (requests that wait for one); the same in Puma's
  # words: running, backlog, pool_capacity (how many requests could begin now), max_threads, requests_count.
  #
  # Left out: hooks_dropped, log_lines_dropped.
  module Stats
    @runs = [].freeze # replaced, never changed: read without a lock
    @mutex = Mutex.new # guards the replacement

    class << self
      # @private
      def attach(run)
        @mutex.synchronize { @runs = [*@runs, run].freeze }
      end

      # @private
      def detach(run)
        @mutex.synchronize { @runs = @runs.reject { |one| one.equal?(run) }.freeze }
      end

      # @return [Hash{Symbol => Integer}] every key with 0 while no server runs
      def all
        @runs.select(&:own?).map(&:stats).reduce(Engine::STATS.to_h { |name| [name, 0] }) do |sum, one|
          sum.merge(one) { |_name, a, b| a + b }
        end
      end
    end
  end

  # @return [Hash{Symbol => Integer}] see {Stats}
  def self.stats
    Stats.all
  end
end
