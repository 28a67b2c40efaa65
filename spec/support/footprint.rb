# frozen_string_literal: true

module Support
  # What the kernel says of a process.
  module Footprint
    # Sanitizers keep what is freed, so memory says nothing under them.
    MEANINGFUL = !ENV.key?("ASAN_OPTIONS")

    module_function

    # @return [Integer] bytes in memory now
    def memory(pid)
      line(pid, "VmRSS") * 1024
    end

    # @return [Integer] the most that `memory` has been
    def peak(pid)
      line(pid, "VmHWM") * 1024
    end

    # @return [Integer]
    def threads(pid)
      line(pid, "Threads")
    end

    # @return [Integer]
    def descriptors(pid)
      Dir.children("/proc/#{pid}/fd").size
    end

    def line(pid, name)
      Integer(File.read("/proc/#{pid}/status")[/^#{name}:\s+(\d+)/, 1])
    end
  end
end
