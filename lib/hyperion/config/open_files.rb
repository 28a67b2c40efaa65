# frozen_string_literal: true

module Hyperion
  module Config
    # What the limit on open files leaves for connections: the application and the server need some for themselves, and
    # a server that has none left cannot even say so to a client.
    module OpenFiles
      SPARE = 100

      # @return [Integer] 0 where there is no limit
      def self.call(_configuration)
        limit, = Process.getrlimit(:NOFILE)
        return 0 if limit >= Count::MOST

        [limit - SPARE, limit / 2].max
      end
    end
  end
end
