# frozen_string_literal: true

require "csv"
require "etc"
require "fileutils"
require_relative "row"

module Bench
  # What the measures say: a table for each row with medians and ratios, and everything as CSV.
  class Report
    FIGURES = %i[rate median tail cpu nap syscalls].freeze
    COLUMNS = [:round, :row, :server, *FIGURES, :faults, :failure].freeze

    # One measure, as it comes.
    def self.line(measure)
      what = format("%<round>d %<row>-12s %<server>-17s", measure.to_h)
      return "#{what} failed: #{measure.failure}" if measure.failure

      format("%<what>s %<rate>9.0f/s  p50 %<median>7.2f ms  p99 %<tail>7.2f ms  cpu %<cpu>5.2f s/100k%<faults>s",
             what: what, rate: measure.rate, median: measure.median * 1e3, tail: measure.tail * 1e3, cpu: measure.cpu,
             faults: measure.faults.zero? ? "" : "  #{measure.faults} faults")
    end

    # @param possible [Float] mean of `sleep 0.01` on the idle machine, in seconds
    def initialize(rivals, rounds:, seconds:, possible:)
      @rivals = rivals
      @rounds = rounds
      @seconds = seconds
      @nap = possible
    end

    # Prints the tables and writes report.md, measures.csv and medians.csv.
    def write(measures, folder)
      rows = ROWS.select { |row| measures.any? { |measure| measure.row == row.name } }
      medians = rows.to_h { |row| [row, medians(measures.select { |measure| measure.row == row.name })] }
      text = [heading, *medians.map { |row, servers| table(row, servers) }].join("\n")
      puts text
      File.write(File.join(folder, "report.md"), text)
      csv(File.join(folder, "measures.csv"), COLUMNS, measures.map { |measure| measure.to_h.values_at(*COLUMNS) })
      csv(File.join(folder, "medians.csv"), [:row, :server, *FIGURES, :faults, :failure],
          medians.flat_map { |row, servers| servers.map { |name, one| [row.name, name, *one.values] } })
      warn "Written to #{folder}: report.md, measures.csv, medians.csv"
    end

    private

    def heading
      versions = @rivals.map { |rival| "#{rival.name} #{rival.version}" }.join(", ")
      <<~TEXT
        #{versions}

        #{RUBY_DESCRIPTION}; #{`wrk -v 2>&1`[/wrk \S+( \S+)?/]}; Linux #{Etc.uname[:release]}, #{Etc.nprocessors} cores of #{processor}
        #{@rounds} rounds of #{@seconds} s after 1 s of warming up, medians; server and `wrk -t1` on one machine
        `sleep 0.01` takes #{format("%.2f", @nap * 1e3)} ms on the idle machine
      TEXT
    end

    def processor
      File.read("/proc/cpuinfo")[/^model name\s*:\s*(.*)/, 1] || RbConfig::CONFIG["host_cpu"]
    end

    # Server name => medians; one that failed in any round has failed.
    def medians(measures)
      measures.group_by(&:server).sort_by { |name, _| @rivals.index { |rival| rival.name == name } }
              .to_h do |name, own|
        good = own.reject(&:failure)
        figures = FIGURES.to_h { |figure| [figure, middle(good.filter_map(&figure))] }
        [name, {**figures, faults: own.sum(&:faults), failure: own.filter_map(&:failure).first}]
      end
    end

    def middle(values)
      values.sort[values.size / 2] if values.any?
    end

    def table(row, servers)
      header = ["server", "r/s", "p50 ms", "p99 ms", "CPU s/100k", "rate / puma", "p99 / puma", "rate / nginx"]
      header << "of possible" if row.naps
      header << "system calls" if servers.each_value.any? { |one| one[:syscalls] }
      lines = servers.map { |name, one| cells(row, name, one, servers).first(header.size) }
      widths = header.each_index.map { |index| [header, *lines].map { |line| line[index].to_s.size }.max }
      drawn = [header, widths.map { |width| "-" * width }, *lines].map do |line|
        "| #{line.each_with_index.map { |cell, index| cell.to_s.ljust(widths[index]) }.join(" | ")} |"
      end
      "\n#{row.title} (#{row.name})\n\n#{drawn.join("\n")}\n"
    end

    def cells(row, name, one, servers)
      return [name, "failed: #{one[:failure]}", *[""] * 8] if one[:failure]

      rate = one[:rate].round.to_s + (one[:faults].zero? ? "" : " (#{one[:faults]} faults)")
      puma, nginx = servers.values_at("puma", "nginx")
      cells = [name, rate, *[one[:median] * 1e3, one[:tail] * 1e3, one[:cpu]].map { |figure| format("%.2f", figure) },
               ratio(one, puma, :rate), ratio(one, puma, :tail), ratio(one, nginx, :rate)]
      # One request in ten holds a thread for a sleep: so many a second are possible.
      cells << format("%.2f", one[:rate] / (row.threads.split(":").last.to_i * 10 / @nap)) if row.naps
      cells << (one[:syscalls] ? format("%.2f", one[:syscalls]) : "")
    end

    def ratio(one, other, figure)
      other && !other[:failure] && other[figure].positive? ? format("%.2f", one[figure] / other[figure]) : ""
    end

    def csv(path, header, lines)
      CSV.open(path, "w") do |file|
        file << header
        lines.each { |line| file << line.map { |cell| cell.is_a?(Float) ? cell.round(6) : cell } }
      end
    end
  end
end
