# frozen_string_literal: true

require "etc"

module Bench
  # Processor time of a process and its descendants, from /proc: utime and stime, proc(5).
  module ProcessTime
    TICKS = Etc.sysconf(Etc::SC_CLK_TCK).to_f

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
        # The name, in parentheses, may hold anything.
        fields = File.read(path).rpartition(")").last.split
        stats[path[/\d+/].to_i] = {parent: fields[1].to_i, ticks: fields[11].to_i + fields[12].to_i}
      rescue Errno::ENOENT, Errno::ESRCH
        next
      end
    end
    private_class_method :all, :tree
  end
end
