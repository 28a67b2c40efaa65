# frozen_string_literal: true

require "open3"

module Bench
  # One run of wrk: a given number of keep-alive connections from one thread, each asking again when it was answered.
  class Wrk
    Figures = Struct.new(:rate, :requests, :median, :tail, :faults, keyword_init: true)

    UNITS = {"us" => 1e-6, "ms" => 1e-3, "s" => 1.0, "m" => 60.0}.freeze

    # @param url [String]
    # @param once [Boolean] a new connection for each request
    # @return [Figures] rate in requests a second; median and tail (the 99th percentile) of the time taken, in seconds
    def self.run(url, connections:, seconds:, once: false)
      output, status = Open3.capture2e("wrk", "-t1", "-c#{connections}", "-d#{seconds}s", "--latency",
                                       "--timeout", "10s", *(["-H", "Connection: close"] if once), url)
      raise "wrk failed: #{output}" unless status.success?

      parse(output)
    end

    # @param output [String] what wrk prints
    def self.parse(output)
      Figures.new(rate: output[%r{Requests/sec:\s+([\d.]+)}, 1].to_f, requests: output[/(\d+) requests in/, 1].to_i,
                  median: time(output[/^\s+50%\s+(\S+)/, 1]), tail: time(output[/^\s+99%\s+(\S+)/, 1]),
                  faults: faults(output))
    end

    def self.time(text)
      number, unit = text.to_s.match(/\A([\d.]+)([a-z]+)\z/)&.captures
      number ? number.to_f * UNITS.fetch(unit) : 0.0
    end

    # Answers that were none, or not 2xx or 3xx.
    def self.faults(output)
      sockets = output[/Socket errors: (.*)/, 1].to_s.scan(/\d+/).sum(&:to_i)
      sockets + output[/Non-2xx or 3xx responses: (\d+)/, 1].to_i
    end
    private_class_method :time, :faults
  end
end
