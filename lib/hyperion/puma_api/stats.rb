# frozen_string_literal: true

require "time"

module Hyperion
  module PumaApi
    # What Puma.stats and Puma.stats_hash tell. Monitoring agents look for one of two shapes, that of a single process
    # or that of a cluster: here is one with both, the process as the one worker of itself.
    class Stats
      # @param server [Hyperion::Server]
      def initialize(server)
        @server = server
        @started_at = Time.now.utc.iso8601
      end

      # @return [Hash{Symbol => Object}]
      def stats
        status = worker
        {started_at: @started_at, workers: 1, phase: 0, booted_workers: 1, old_workers: 0,
         worker_status: [{started_at: @started_at, pid: Process.pid, index: 0, phase: 0, booted: true,
                          last_checkin: Time.now.utc.iso8601, last_status: status}],
         **status, versions: versions}
      end

      private

      def worker
        counted = Hash.new(0).merge(@server.stats)
        # As Puma counts them, who waits is with those that are busy.
        {backlog: counted[:backlog], running: counted[:running], pool_capacity: counted[:pool_capacity],
         busy_threads: counted[:busy_threads] + counted[:backlog], backlog_max: counted[:backlog],
         max_threads: @server.settings.threads.max, requests_count: counted[:requests_count]}
      end

      def versions
        {puma: PumaApi.loaded? ? ::Puma::Const::VERSION : nil, hyperion: VERSION,
         ruby: {engine: RUBY_ENGINE, version: RUBY_VERSION, patchlevel: RUBY_PATCHLEVEL}}
      end
    end
  end
end
