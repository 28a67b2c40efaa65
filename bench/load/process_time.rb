# frozen_string_literal: true

require "etc"

module Bench
  # Processor time of a process and its descendants, from /proc: utime and stime, proc(5).
  module ProcessTime
    TICKS = Etc.sysconf(Etc::SC_CLK_TCK).to_f

    # @param pid [Integer]
    # @return [Float] seconds used so far by it alone
    # @raise [SystemCallError] when there is no such process
    def self.of(pid)
      stat(pid)[:ticks] / TICKS
    end

    # @param root [Integer] a process id
    # @return [Float] seconds used so far by it and all processes below it that are alive
    def self.of_tree(root)
      stats = all
      tree(stats, root).sum { |pid| stats.fetch(pid, {ticks: 0})[:ticks] } / TICKS
    end

    # @return [Array<Integer>] the process and all below it
    def self.tree(stats, root)
      [root] + stats.select { |_, stat| stat[:parent] == root }.keys.flat_map { |child| tree(stats, child) }
    end

    def self.all
      Dir.glob("/proc/[0-9]*/stat").each_with_object({}) do |path, stats|
        pid = path[/\d+/].to_i
        stats[pid] = stat(pid)
      rescue Errno::ENOENT, Errno::ESRCH
        next
      end
    end

    def self.stat(pid)
      # The name, in parentheses, may hold anything.
      fields = File.read("/proc/#{pid}/stat").rpartition(")").last.split
      {parent: fields[1].to_i, ticks: fields[11].to_i + fields[12].to_i}
    end
    private_class_method :all, :stat, :tree
  end
end
