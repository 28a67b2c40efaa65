# frozen_string_literal: true

require "net/http"
require "open3"
require "socket"
require_relative "../clock"
require_relative "process_time"

module Bench
  # One server under load: a process of ours, ended by its pid.
  class Server
    include Clock

    # It did not start, or did not answer as the application should.
    class Failure < StandardError; end

    PATIENCE = 30

    attr_reader :port, :name

    # @param rival [Rivals::Rival]
    # @param row [Row]
    # @param folder [String] for its output and its configuration
    def self.open(rival, row, folder)
      server = new(rival, row, folder)
      yield server
    ensure
      server&.stop
    end

    def initialize(rival, row, folder)
      @row = row
      @name = rival.name
      @log = File.join(folder, "#{rival.name}-#{row.name}.log")
      @port = Addrinfo.tcp("127.0.0.1", 0).bind { |socket| socket.local_address.ip_port }
      command = rival.command(row, @port, folder)
      @pid = Process.spawn(rival.environment, *command, %i[out err] => @log, in: File::NULL, pgroup: true)
      verify
    rescue StandardError
      stop
      raise
    end

    def url
      "http://127.0.0.1:#{@port}#{@row.path}"
    end

    # @return [Float] seconds
    def processor_time
      ProcessTime.of_tree(@pid)
    end

    # @yield while the server's system calls are counted
    # @return [Integer] how many there were
    def count_syscalls
      Open3.popen2e("strace", "-f", "-c", "-U", "calls,name", "-p", @pid.to_s) do |_, output, thread|
        output.gets # attached
        yield
        Process.kill(:INT, thread.pid)
        output.read[/^\s*(\d+)\s+total$/, 1].to_i
      end
    end

    # @return [Float, nil] mean of the application's sleeps since the last question, in seconds
    def mean_nap
      Net::HTTP.get(URI("http://127.0.0.1:#{@port}/nap")).to_f
    end

    # Ends the process and what it has started, which is in its process group.
    def stop
      return unless @pid

      Process.kill(:TERM, @pid)
      wait(10) || Process.kill(:KILL, -@pid)
      wait(10)
      @pid = nil
    rescue Errno::ESRCH, Errno::ECHILD
      @pid = nil
    end

    private

    # Waits until it answers, and looks at the answer.
    def verify
      deadline = clock + PATIENCE
      begin
        raise Failure, "ended at once: #{File.readlines(@log).last}" if Process.wait(@pid, Process::WNOHANG)

        answer = Net::HTTP.get_response(URI(url))
      rescue SystemCallError, EOFError, Net::ReadTimeout
        raise Failure, "does not answer" if clock > deadline

        sleep 0.05
        retry
      end
      raise Failure, "answers #{answer.code}" unless answer.code == "200"
      raise Failure, "answers with another body" unless @row.right?(answer.body)
    end

    def wait(seconds)
      deadline = clock + seconds
      until (ended = Process.wait(@pid, Process::WNOHANG)) || clock > deadline
        sleep 0.02
      end
      ended
    end
  end
end
