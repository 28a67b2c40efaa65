# frozen_string_literal: true

module Hyperion
  class Server
    # Listening sockets that the program before this one left in this process, see Launcher::Restart. Each is taken
    # once, by the server that wants to listen at its address; those that nobody takes are closed.
    module InheritedSockets
      VARIABLE = "HYPERION_LISTENING_SOCKETS"

      @sockets = {}

      class << self
        # Reads them from the environment, and hides them from what the application starts.
        def adopt(env = ENV)
          text = env.delete(VARIABLE) or return
          @sockets = text.split.to_h do |entry|
            descriptors, address = entry.split("=", 2)
            [address, descriptors.split(",").map { |descriptor| keep(descriptor.to_i) }]
          end
        end

        # @param address [Config::Address] as it was configured
        # @return [Array<Integer>] descriptors of listening sockets
        def take(address)
          @sockets.delete(address.to_s) || []
        end

        # Closes what is left: addresses that are configured no more.
        def close
          @sockets.each_value { |descriptors| release(descriptors) }
          @sockets = {}
        end

        # @param sockets [Hash{Config::Address => Array<Integer>}] descriptors by address
        # @return [Hash{String => String}] for the environment of the next program
        def describe(sockets)
          {VARIABLE => sockets.map { |address, descriptors| "#{descriptors.join(",")}=#{address}" }.join(" ")}
        end

        # Not for programs that the application starts.
        def keep(descriptor)
          IO.for_fd(descriptor, autoclose: false).close_on_exec = true
          descriptor
        rescue SystemCallError
          descriptor # it was not passed on: whoever takes it finds out
        end

        # @param descriptors [Array<Integer>] that nobody listens at
        def release(descriptors)
          descriptors.each { |descriptor| IO.for_fd(descriptor).close }
        rescue SystemCallError
          nil # it was not passed on
        end
      end
    end
  end
end
