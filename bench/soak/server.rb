# frozen_string_literal: true

require "rbconfig"
require "socket"
require_relative "../clock"
require_relative "../load/process_time"
require_relative "client/connection"
require_relative "log_reader"

module Soak
  # The server under test: a process of its own, asked and measured from outside.
  class Server
    include Bench::Clock

    ROOT = File.expand_path("../..", __dir__)
    TOKEN = "soak"
    PATIENCE = 60
    # What belongs to our own process or shell and would change the server.
    NEUTRAL = %w[RUBYOPT RUBYLIB APP_ENV RACK_ENV RAILS_ENV PORT RAILS_MAX_THREADS WEB_CONCURRENCY HYPERION_LOOP]
              .to_h { |name| [name, nil] }.freeze

    # Few arenas, thresholds that do not move by themselves, and a collector that does not wait for long: RSS then
    # follows what is held within a few MiB. None of it hides a leak.
    MEMORY = {"MALLOC_ARENA_MAX" => "2", "MALLOC_MMAP_THRESHOLD_" => "4194304", "MALLOC_TRIM_THRESHOLD_" => "4194304",
              "RUBY_GC_MALLOC_LIMIT_MAX" => "8000000", "RUBY_GC_MALLOC_LIMIT" => "8000000",
              "RUBY_GC_OLDMALLOC_LIMIT" => "8000000", "RUBY_GC_OLDMALLOC_LIMIT_MAX" => "16000000"}.freeze

    # It did not start, or does not answer.
    class Failure < StandardError; end

    attr_reader :pid, :port, :log

    # @param app [String] a rackup file
    # @param file [String] what it serves as a file
    # @param preload [String, nil] LD_PRELOAD of the server alone
    def initialize(app:, file:, loop:, threads:, folder:, preload: nil)
      listener = TCPServer.new("127.0.0.1", 0)
      @port = listener.local_address.ip_port
      @log = LogReader.new(folder)
      environment = {**NEUTRAL, **MEMORY, "SOAK_FILE" => file, "HYPERION_ADMIN_TOKEN" => TOKEN}
      environment["LD_PRELOAD"] = preload if preload
      @pid = Process.spawn(environment, *command(app, loop, threads, listener.fileno),
                           listener => listener, in: File::NULL, %i[out err] => @log.writer, pgroup: true)
      @log.read
    ensure
      listener&.close
    end

    # @return [Hash] of numbers, as the page names them
    # @raise [Failure] when it does not come
    def metrics
      text = ask("/-/metrics", "X-Hyperion-Admin-Token: #{TOKEN}")
      text.scan(/^(hyperion_\w+)(\{[^}]*\})? (\S+)$/).each_with_object(Hash.new(0)) do |(name, labels, value), numbers|
        numbers[name] += value.to_f
        @event_loop = labels[/event_loop="([^"]*)"/, 1] if name == "hyperion_build_info"
      end
    end

    # @return [String] what really runs, after the first question
    def event_loop
      metrics unless @event_loop
      @event_loop
    end

    # @return [Hash{String => Integer}]
    def heap
      ask("/heap").scan(/(\w+)=(\d+)/).to_h { |name, value| [name, value.to_i] }
    end

    # What the kernel knows: KiB of memory, open descriptors, threads, seconds of processor time.
    # @raise [Failure] when the process is gone
    def footprint
      memory = File.read("/proc/#{@pid}/smaps_rollup").scan(/^(Rss|Pss):\s+(\d+)/).to_h
      stat = File.read("/proc/#{@pid}/stat").rpartition(")").last.split
      {rss_kib: memory["Rss"].to_i, pss_kib: memory["Pss"].to_i, descriptors: Dir.children("/proc/#{@pid}/fd").size,
       threads: stat[17].to_i, cpu_seconds: Bench::ProcessTime.of(@pid)}
    rescue SystemCallError => error
      raise Failure, "no process: #{error.message}"
    end

    def await
      deadline = clock + PATIENCE
      begin
        metrics
      rescue Failure
        raise Failure, "the server has ended: #{ending}" if ended?
        raise Failure, "the server does not answer" if clock > deadline

        sleep 0.1
        retry
      end
    end

    # @return [Boolean] whether it ended without being asked
    def ended?
      @status ||= Process.wait2(@pid, Process::WNOHANG)&.last
      !@status.nil?
    end

    # Asks it to end, and waits.
    # @return [String] how it ended; "exit 0" is as it should be
    def stop
      unasked = ended?
      @connection&.close
      @connection = nil
      Process.kill(:TERM, @pid) unless unasked
      wait(PATIENCE) || (Process.kill(:KILL, @pid) && wait(PATIENCE))
      @log.finish
      unasked ? "ended by itself, #{ending}" : ending
    end

    private

    def ending
      return "killed: it did not end within #{PATIENCE} s" if @status.termsig == 9

      @status.signaled? ? "signal #{Signal.signame(@status.termsig)}" : "exit #{@status.exitstatus}"
    end

    def command(app, loop, threads, descriptor)
      gems = Gem::Specification.find_by_name("rack").full_require_paths
      [RbConfig.ruby, *["#{ROOT}/lib", *gems].flat_map { |path| ["-I", path] }, "#{ROOT}/exe/hyperion", "-C", "-",
       "-b", "fd://#{descriptor}", "-e", "production", "-t", threads.to_s, "--loop", loop, "--max-body-bytes", "16m",
       "--log-format", "json", "--log-file", File::NULL, app]
    end

    def ask(path, *fields)
      @connection ||= Client::Connection.new(@port)
      @connection.write(["GET #{path} HTTP/1.1", "Host: soak", *fields, "", ""].join("\r\n"))
      response = @connection.read
      raise Failure, "#{path} answers #{response.status}" unless response.status == 200

      response.body
    rescue Client::Lost => error
      @connection&.close
      @connection = nil
      raise Failure, "#{path}: #{error.message}"
    end

    def wait(seconds)
      deadline = clock + seconds
      sleep 0.02 until ended? || clock > deadline
      ended?
    end
  end
end
